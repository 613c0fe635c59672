//! Codes and headers of what is refused.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{TestApp, digest, error, header};

const UPLOAD: &str = "/v2/alice/app/blobs/uploads/01900000-0000-7000-8000-000000000000";

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.sign_up("bob").await;
    app.create("alice", "alice/secret", "private").await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    app
}

#[tokio::test]
async fn each_refusal_has_its_code() {
    let app = app().await;
    let manifest = format!("/v2/alice/app/manifests/{}", digest(b"x"));
    let blob = format!("/v2/alice/app/blobs/{}", digest(b"x"));
    #[rustfmt::skip]
    let rows: [(&str, Method, &str, u16, &str); 19] = [
        ("alice", Method::GET, "/v2/Alice/app/tags/list", 400, "NAME_INVALID"),
        ("alice", Method::GET, "/v2/app/tags/list", 400, "NAME_INVALID"),
        ("alice", Method::GET, "/v2/alice/none/tags/list", 404, "NAME_UNKNOWN"),
        ("bob", Method::GET, "/v2/alice/secret/tags/list", 404, "NAME_UNKNOWN"),
        ("bob", Method::POST, "/v2/alice/app/blobs/uploads/", 403, "DENIED"),
        ("bob", Method::DELETE, "/v2/alice/app/manifests/v1", 403, "DENIED"),
        ("alice", Method::GET, "/v2/alice/app", 404, "UNSUPPORTED"),
        ("alice", Method::GET, "/v2/alice/app/tags/list?n=many", 400, "UNSUPPORTED"),
        ("alice", Method::GET, "/v2/alice/app/tags/list?n=-1", 400, "UNSUPPORTED"),
        ("alice", Method::PUT, "/v2/alice/app/manifests/v2?tag=-x", 400, "TAG_INVALID"),
        ("alice", Method::PUT, "/v2/alice/app/manifests/-x", 400, "MANIFEST_INVALID"),
        ("alice", Method::PUT, "/v2/alice/app/manifests/v2", 400, "MANIFEST_INVALID"),
        ("alice", Method::GET, "/v2/alice/app/manifests/v2", 404, "MANIFEST_UNKNOWN"),
        ("alice", Method::GET, manifest.as_str(), 404, "MANIFEST_UNKNOWN"),
        ("alice", Method::GET, blob.as_str(), 404, "BLOB_UNKNOWN"),
        ("alice", Method::GET, "/v2/alice/app/blobs/sha256:0", 400, "DIGEST_INVALID"),
        ("alice", Method::PUT, UPLOAD, 400, "DIGEST_INVALID"),
        ("alice", Method::PATCH, UPLOAD, 404, "BLOB_UPLOAD_UNKNOWN"),
        ("alice", Method::PATCH, "/v2/alice/app/blobs/uploads/x", 404, "BLOB_UPLOAD_UNKNOWN"),
    ];
    for (user, method, path, status, code) in rows {
        let refused = app.ask(user, method.clone(), path).await;
        let version = header(&refused, "docker-distribution-api-version");
        assert_eq!(version, "registry/2.0", "{method} {path}");
        let expected = (status, code.to_owned());
        assert_eq!(error(refused).await, expected, "{user} {method} {path}");
    }
}

#[tokio::test]
async fn an_error_has_the_form_of_the_specification() {
    let app = app().await;
    let path = "/v2/alice/none/tags/list";
    let refused = app.ask("alice", Method::GET, path).await;
    assert_eq!(header(&refused, "content-type"), "application/json");
    let body: Value = refused.json().await.unwrap();
    let message = "there is no repository alice/none, or you may not see it";
    let error = json!({"code": "NAME_UNKNOWN", "message": message, "detail": null});
    assert_eq!(body, json!({"errors": [error]}));
}

#[tokio::test]
async fn a_method_that_is_not_known_is_told_which_are() {
    let app = app().await;
    let blob = format!("/v2/alice/app/blobs/{}", digest(b"layer"));
    let referrers = format!("/v2/alice/app/referrers/{}", digest(b"x"));
    let (blob, referrers) = (blob.as_str(), referrers.as_str());
    #[rustfmt::skip]
    let rows = [
        (Method::POST, "/v2/", "GET, HEAD"),
        (Method::PUT, "/v2/_catalog", "GET, HEAD"),
        (Method::DELETE, "/v2/alice/app/tags/list", "GET, HEAD"),
        (Method::POST, referrers, "GET, HEAD"),
        (Method::POST, "/v2/alice/app/manifests/v1", "GET, HEAD, PUT, DELETE"),
        (Method::PUT, blob, "GET, HEAD, DELETE"),
        (Method::GET, "/v2/alice/app/blobs/uploads/", "POST"),
        (Method::POST, UPLOAD, "GET, PATCH, PUT, DELETE"),
        // A manifest uses it, so that it can't be deleted now.
        (Method::DELETE, blob, "GET, HEAD"),
    ];
    for (method, path, allowed) in rows {
        let refused = app.ask("alice", method.clone(), path).await;
        assert_eq!(header(&refused, "allow"), allowed, "{method} {path}");
        let expected = (405, "UNSUPPORTED".to_owned());
        assert_eq!(error(refused).await, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn every_answer_says_which_protocol_it_speaks() {
    let app = app().await;
    let (base, pull) = ("/v2/", "/v2/alice/app/manifests/v1");
    for (method, path) in [
        (Method::GET, base),
        (Method::HEAD, base),
        (Method::GET, pull),
        (Method::HEAD, pull),
    ] {
        let answer = app.ask("alice", method, path).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let version = header(&answer, "docker-distribution-api-version");
        assert_eq!(version, "registry/2.0", "{path}");
    }
    let nobody = app.anonymous(Method::GET, base).send().await.unwrap();
    let version = header(&nobody, "docker-distribution-api-version");
    assert_eq!((nobody.status().as_u16(), version), (401, "registry/2.0"));
}

#[tokio::test]
async fn a_tls_hello_on_the_plain_port_is_answered_in_plain_http() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let app = TestApp::start().await;
    // containerd tries https first, and goes on with http only after this answer.
    let hello = [0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x03];
    let address = app.url("").replace("http://", "");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(&hello).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
}
