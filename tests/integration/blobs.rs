use reqwest::{Method, StatusCode};

use crate::app::{TestApp, error, header};

#[tokio::test]
async fn parts_and_what_the_client_has_are_not_sent_again() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let digest = app.push_blob("alice", "alice/app", b"0123456789").await;
    let path = format!("/v2/alice/app/blobs/{digest}");
    let get = |name: &'static str, value: &str| {
        app.anonymous(Method::GET, &path).header(name, value).send()
    };

    let part = get("range", "bytes=2-4").await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(&part, "content-range"), "bytes 2-4/10");
    assert_eq!(part.text().await.unwrap(), "234");
    let outside = get("range", "bytes=10-").await.unwrap();
    assert_eq!(outside.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let known = get("if-none-match", &format!("\"{digest}\""))
        .await
        .unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let head = app.anonymous(Method::HEAD, &path).send().await.unwrap();
    assert_eq!(header(&head, "content-length"), "10");
}

#[tokio::test]
async fn a_blob_is_seen_only_through_its_repository() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.create("alice", "alice/other", "public").await;
    let digest = app.push_blob("alice", "alice/app", b"layer").await;
    let elsewhere = app.anonymous(Method::GET, &format!("/v2/alice/other/blobs/{digest}"));
    assert_eq!(
        error(elsewhere.send().await.unwrap()).await,
        (404, "BLOB_UNKNOWN".to_owned())
    );
}
