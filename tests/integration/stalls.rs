//! Clients that stop in the middle of a body.

use std::time::Duration;

use futures::{StreamExt, stream};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode};

use crate::app::{TestApp, digest, error, header};

/// How long these servers wait.
const PATIENCE: Duration = Duration::from_millis(300);
/// Long enough to be sure that a server waits for ever.
const FOR_EVER: Duration = Duration::from_secs(20);

async fn app() -> TestApp {
    let app = TestApp::start_impatient(PATIENCE).await;
    app.sign_up("alice").await;
    app
}

/// Sends some bytes, and then nothing more without ending the body.
async fn stall(request: RequestBuilder, start: impl Into<Vec<u8>>) -> Response {
    let start = Ok::<_, std::io::Error>(start.into());
    let body = stream::iter([start]).chain(stream::pending());
    let sent = request.body(Body::wrap_stream(body)).send();
    let answered = tokio::time::timeout(FOR_EVER, sent).await;
    answered.expect("the request ends").unwrap()
}

async fn start(app: &TestApp) -> String {
    let path = "/v2/alice/app/blobs/uploads/";
    let response = app.ask("alice", Method::POST, path).await;
    header(&response, "location").to_owned()
}

#[tokio::test]
async fn a_chunk_that_stalls_ends_and_its_upload_can_be_resumed() {
    let app = app().await;
    let location = start(&app).await;
    let stalled = stall(app.by("alice", Method::PATCH, &location), "hello ").await;
    assert_eq!(stalled.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(error(stalled).await.1, "BLOB_UPLOAD_INVALID");

    let status = app.ask("alice", Method::GET, &location).await;
    assert_eq!(header(&status, "range"), "0-5");
    let path = format!("{location}?digest={}", digest(b"hello world"));
    let stalled = stall(app.by("alice", Method::PUT, &path), "wor").await;
    assert_eq!(stalled.status(), StatusCode::REQUEST_TIMEOUT);
    let rest = app.by("alice", Method::PUT, &path).body("ld");
    assert_eq!(rest.send().await.unwrap().status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_pause_that_is_short_enough_is_no_stall() {
    let app = app().await;
    let location = start(&app).await;
    let chunks = stream::iter(["one ", "two ", "three"]).then(|chunk| async move {
        tokio::time::sleep(PATIENCE / 2).await;
        Ok::<_, std::io::Error>(chunk)
    });
    let patch = app.by("alice", Method::PATCH, &location);
    let sent = patch.body(Body::wrap_stream(chunks)).send().await.unwrap();
    assert_eq!(sent.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&sent, "range"), "0-12");
}

#[tokio::test]
async fn a_manifest_that_stalls_ends() {
    let app = app().await;
    let put = app.by("alice", Method::PUT, "/v2/alice/app/manifests/v1");
    let stalled = stall(put, "{").await;
    assert_eq!(error(stalled).await, (408, "MANIFEST_INVALID".to_owned()));
}

#[tokio::test]
async fn a_tarball_that_stalls_ends_and_leaves_nothing() {
    let app = app().await;
    let mut entry = tokio_tar::Header::new_gnu();
    entry.set_path("layer.tar").unwrap();
    entry.set_size(1024 * 1024);
    entry.set_cksum();
    let mut tarball = entry.as_bytes().to_vec();
    tarball.extend_from_slice(&vec![7; 200_000]);
    let put = app.by("alice", Method::PUT, "/api/v1/images/alice/app:v1");
    let stalled = stall(put, tarball.clone()).await;
    assert_eq!(error(stalled).await, (408, "TARBALL_STALLED".to_owned()));

    let form = "--b\r\ncontent-disposition: form-data; name=\"repository\"\r\n\r\napp\r\n--b\r\n\
        content-disposition: form-data; name=\"tag\"\r\n\r\nv1\r\n--b\r\n\
        content-disposition: form-data; name=\"file\"; filename=\"a.tar\"\r\n\r\n";
    let post = app
        .by("alice", Method::POST, "/upload")
        .header("content-type", "multipart/form-data; boundary=b");
    let stalled = stall(post, [form.as_bytes(), &tarball].concat()).await;
    assert_eq!(stalled.status(), StatusCode::SEE_OTHER);
    assert!(header(&stalled, "location").contains("stopped%20coming"));
    assert_eq!(app.objects().await, 0);
}

#[tokio::test]
async fn a_document_that_stalls_ends() {
    let app = app().await;
    let post = app
        .by("alice", Method::POST, "/api/v1/repositories")
        .header("content-type", "application/json");
    assert!(stall(post, "{").await.status().is_client_error());
}
