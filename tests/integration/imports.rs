//! Tarballs that come in pieces.

use bytes::Bytes;
use futures::StreamExt;
use reqwest::{Body, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{TestApp, error, header};
use crate::tarballs::saved;

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.sign_up("bob").await;
    app
}

/// Begins a tarball of Alice's and returns its address.
async fn begin(app: &TestApp, name: &str, size_bytes: usize) -> String {
    let announced = json!({"name": name, "size_bytes": size_bytes});
    let request = app.by("alice", Method::POST, "/api/v1/imports");
    let begun = request.json(&announced).send().await.unwrap();
    assert_eq!(begun.status(), StatusCode::CREATED);
    assert_eq!(header(&begun, "upload-offset"), "0");
    header(&begun, "location").to_owned()
}

async fn send(app: &TestApp, at: &str, offset: usize, piece: impl Into<Body>) -> Response {
    let request = app.by("alice", Method::PATCH, at);
    let request = request.header("upload-offset", offset.to_string());
    request.body(piece).send().await.unwrap()
}

async fn state(app: &TestApp, at: &str) -> Value {
    app.ask("alice", Method::GET, at)
        .await
        .json()
        .await
        .unwrap()
}

async fn tags(app: &TestApp, repository: &str) -> Value {
    let path = format!("/v2/{repository}/tags/list");
    let answer = app.ask("alice", Method::GET, &path).await;
    answer.json::<Value>().await.unwrap()["tags"].clone()
}

#[tokio::test]
async fn pieces_become_what_the_whole_becomes() {
    let app = app().await;
    let tarball = saved(&json!(null)).await;
    let whole = app.by("alice", Method::PUT, "/api/v1/images/alice/whole:v1");
    let whole: Value = whole
        .body(tarball.clone())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();

    let at = begin(&app, "alice/app:v1", tarball.len()).await;
    let mut offset = 0;
    for piece in tarball.chunks(1000) {
        let answer = send(&app, &at, offset, piece.to_vec()).await;
        offset += piece.len();
        if offset < tarball.len() {
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(header(&answer, "upload-offset"), offset.to_string());
            assert_eq!(state(&app, &at).await["state"], "receiving");
            assert_eq!(tags(&app, "alice/app").await, json!([]));
        } else {
            assert_eq!(answer.status(), StatusCode::CREATED);
            let stored: Value = answer.json().await.unwrap();
            assert_eq!(stored["images"][0]["digest"], whole["images"][0]["digest"]);
        }
    }
    // Whoever lost the last answer asks.
    let state = state(&app, &at).await;
    assert_eq!(
        (&state["state"], &state["images"][0]["tag"]),
        (&json!("done"), &json!("v1"))
    );
    assert_eq!(tags(&app, "alice/app").await, json!(["v1"]));
}

#[tokio::test]
async fn the_length_may_come_last() {
    let app = app().await;
    let tarball = saved(&json!(null)).await;
    let request = app.by("alice", Method::POST, "/api/v1/imports");
    let begun = request.json(&json!({"name": "alice/app:v1"}));
    let at = header(&begun.send().await.unwrap(), "location").to_owned();
    let answer = send(&app, &at, 0, tarball.clone()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(state(&app, &at).await["state"], "receiving");
    let last = |length: usize| {
        let request = app.by("alice", Method::PATCH, &at);
        let request = request.header("upload-offset", tarball.len().to_string());
        request.header("upload-length", length.to_string()).send()
    };
    // There is more to come, so this is not the end.
    let answer = last(tarball.len() + 1).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let answer = last(tarball.len()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(tags(&app, "alice/app").await, json!(["v1"]));
}

#[tokio::test]
async fn a_cut_connection_goes_on_where_it_was() {
    let app = app().await;
    let tarball = saved(&json!(null)).await;
    let at = begin(&app, "alice/app:v1", tarball.len()).await;
    let some = Bytes::copy_from_slice(&tarball[..700]);
    let cut = futures::stream::iter([Ok(some), Err(std::io::Error::other("cut"))]);
    let cut = cut.then(|piece| async {
        // What was sent arrives before the end does.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        piece
    });
    let request = app
        .by("alice", Method::PATCH, &at)
        .header("upload-offset", "0");
    assert!(request.body(Body::wrap_stream(cut)).send().await.is_err());

    // The server may still be about to see that the sender is gone.
    let mut answer = send(&app, &at, 0, "").await;
    for _ in 0..100 {
        if header(&answer, "upload-offset") == "700" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        answer = send(&app, &at, 0, "").await;
    }
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    assert_eq!(header(&answer, "upload-offset"), "700");
    let answer = send(&app, &at, 700, tarball[700..].to_vec()).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(tags(&app, "alice/app").await, json!(["v1"]));
}

#[tokio::test]
async fn one_sends_at_a_time() {
    let app = app().await;
    let tarball = saved(&json!(null)).await;
    let at = begin(&app, "alice/app:v1", tarball.len()).await;
    let (to, from) = futures::channel::mpsc::unbounded::<std::io::Result<Bytes>>();
    to.unbounded_send(Ok(Bytes::copy_from_slice(&tarball[..10])))
        .unwrap();
    let first = app
        .by("alice", Method::PATCH, &at)
        .header("upload-offset", "0");
    let first = tokio::spawn(first.body(Body::wrap_stream(from)).send());
    while state(&app, &at).await["offset"] != 10 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let second = send(&app, &at, 10, tarball[10..].to_vec()).await;
    assert_eq!(error(second).await, (409, "IMPORT_BUSY".to_owned()));
    drop(to);
    assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::OK);
    let rest = send(&app, &at, 10, tarball[10..].to_vec()).await;
    assert_eq!(rest.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn an_import_is_its_senders_alone() {
    let app = app().await;
    let at = begin(&app, "alice/app:v1", 10).await;
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let theirs = app.by("bob", method.clone(), &at);
        for request in [theirs, app.anonymous(method.clone(), &at)] {
            let answer = request.header("upload-offset", "0").send().await.unwrap();
            assert_eq!(
                error(answer).await,
                (404, "IMPORT_UNKNOWN".to_owned()),
                "{method}"
            );
        }
    }
    let theirs = app.by("bob", Method::POST, "/api/v1/imports");
    let theirs = theirs.json(&json!({"name": "alice/app:v1", "size_bytes": 1}));
    assert_eq!(
        error(theirs.send().await.unwrap()).await,
        (403, "DENIED".to_owned())
    );
}

#[tokio::test]
async fn what_is_wrong_is_told_as_soon_as_it_is_seen() {
    let app = app().await;
    let at = begin(&app, "alice/app:v1", 1_000_000).await;
    // The import may see it a piece or two after it was taken.
    let mut answer = send(&app, &at, 0, vec![7; 4096]).await;
    while answer.status() == StatusCode::OK {
        let offset = header(&answer, "upload-offset").parse().unwrap();
        answer = send(&app, &at, offset, vec![7; 4096]).await;
    }
    assert_eq!(error(answer).await, (400, "TARBALL_INVALID".to_owned()));
    let state = state(&app, &at).await;
    assert_eq!(state["state"], "failed");
    assert_eq!(state["errors"][0]["code"], "TARBALL_INVALID");

    let at = begin(&app, "alice/app:v1", 10).await;
    let answer = send(&app, &at, 0, vec![7; 11]).await;
    assert_eq!(error(answer).await, (400, "SIZE_INVALID".to_owned()));
}

#[tokio::test]
async fn given_up_it_leaves_nothing() {
    let app = app().await;
    let tarball = saved(&json!(null)).await;
    let at = begin(&app, "alice/app:v1", tarball.len()).await;
    send(&app, &at, 0, tarball[..tarball.len() - 600].to_vec()).await;
    let gone = app.ask("alice", Method::DELETE, &at).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let answer = app.ask("alice", Method::GET, &at).await;
    assert_eq!(error(answer).await, (404, "IMPORT_UNKNOWN".to_owned()));
    assert_eq!(tags(&app, "alice/app").await, json!([]));
}

#[tokio::test]
async fn given_up_within_the_padding_it_leaves_nothing_either() {
    let app = app().await;
    let mut tarball = saved(&json!(null)).await;
    let end = tarball.len();
    tarball.resize(end + 4096, 0);
    let at = begin(&app, "alice/app:v1", tarball.len()).await;
    send(&app, &at, 0, tarball[..end + 100].to_vec()).await;
    let gone = app.ask("alice", Method::DELETE, &at).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    // Were it taken for whole, it would be stored in less.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(tags(&app, "alice/app").await, json!([]));
}

#[tokio::test]
async fn unfinished_imports_are_bounded() {
    let app = app().await;
    for _ in 0..16 {
        begin(&app, "alice/app:v1", 10).await;
    }
    let request = app.by("alice", Method::POST, "/api/v1/imports");
    let request = request.json(&json!({"name": "alice/app:v1", "size_bytes": 1}));
    let answer = request.send().await.unwrap();
    assert_eq!(error(answer).await, (429, "TOO_MANY_IMPORTS".to_owned()));
}
