//! The server ends in the middle of things and starts again on the same data.

use reqwest::{Method, StatusCode};

use crate::app::{TestApp, digest, header};

#[tokio::test]
async fn an_upload_goes_on_after_a_restart() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let start = app.by("alice", Method::POST, "/v2/alice/app/blobs/uploads/");
    let location = header(&start.send().await.unwrap(), "location").to_owned();
    let chunk = app
        .by("alice", Method::PATCH, &location)
        .body("hello ")
        .send()
        .await
        .unwrap();
    assert_eq!(chunk.status(), StatusCode::ACCEPTED);

    let app = app.restart().await;
    let status = app
        .by("alice", Method::GET, &location)
        .send()
        .await
        .unwrap();
    assert_eq!(header(&status, "range"), "0-5");
    let digest = digest(b"hello world");
    let finish = app.by("alice", Method::PUT, &format!("{location}?digest={digest}"));
    assert_eq!(
        finish.body("world").send().await.unwrap().status(),
        StatusCode::CREATED
    );
    let get = app.anonymous(Method::GET, &format!("/v2/alice/app/blobs/{digest}"));
    assert_eq!(
        get.send().await.unwrap().text().await.unwrap(),
        "hello world"
    );
}

#[tokio::test]
async fn what_was_pushed_is_there_after_a_restart() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let pushed = app.push_image("alice", "alice/app", "v1", b"layer").await;
    let app = app.restart().await;
    let get = app
        .anonymous(Method::GET, "/v2/alice/app/manifests/v1")
        .send()
        .await
        .unwrap();
    assert_eq!(get.text().await.unwrap(), pushed);
    let found = app
        .anonymous(Method::GET, "/api/v1/search?q=app")
        .send()
        .await
        .unwrap();
    assert!(found.text().await.unwrap().contains("alice/app"));
}

#[tokio::test]
async fn a_cut_upload_keeps_what_arrived_and_can_be_resumed() {
    use futures::StreamExt;
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let start = app.by("alice", Method::POST, "/v2/alice/app/blobs/uploads/");
    let location = header(&start.send().await.unwrap(), "location").to_owned();
    let broken = futures::stream::iter([Ok("hello "), Err(std::io::Error::other("cut"))]).then(
        |chunk| async {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            chunk
        },
    );
    let patch = app.by("alice", Method::PATCH, &location);
    assert!(
        patch
            .body(reqwest::Body::wrap_stream(broken))
            .send()
            .await
            .is_err()
    );

    let mut range = String::new();
    for _ in 0..50 {
        let status = app
            .by("alice", Method::GET, &location)
            .send()
            .await
            .unwrap();
        header(&status, "range").clone_into(&mut range);
        if range == "0-5" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(range, "0-5");
    let digest = digest(b"hello world");
    let finish = app.by("alice", Method::PUT, &format!("{location}?digest={digest}"));
    assert_eq!(
        finish.body("world").send().await.unwrap().status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let app = TestApp::start().await;
    let refused = app.open_again().await.err().unwrap();
    assert!(
        refused.to_string().contains("another dockyard is running"),
        "{refused}"
    );
}
