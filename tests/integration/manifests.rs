use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{MANIFEST, TestApp, digest, error, header, manifest};

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app
}

#[tokio::test]
async fn a_manifest_comes_back_byte_for_byte() {
    let app = app().await;
    let pushed = app.push_image("alice", "alice/app", "v1", b"layer").await;
    for reference in ["v1", &digest(pushed.as_bytes())] {
        let path = format!("/v2/alice/app/manifests/{reference}");
        let response = app.anonymous(Method::GET, &path).send().await.unwrap();
        assert_eq!(header(&response, "content-type"), MANIFEST);
        assert_eq!(
            header(&response, "docker-content-digest"),
            digest(pushed.as_bytes())
        );
        assert_eq!(response.text().await.unwrap(), pushed);
        let head = app.anonymous(Method::HEAD, &path).send().await.unwrap();
        assert_eq!(header(&head, "content-length"), pushed.len().to_string());
    }
}

#[tokio::test]
async fn bad_manifests_are_refused_and_move_no_tag() {
    let app = app().await;
    let config = app.push_blob("alice", "alice/app", b"{}").await;
    let missing = manifest(&config, 2, &digest(b"never pushed"), 3);
    let put = |body: &str, kind: &str| {
        let request = app.by("alice", Method::PUT, "/v2/alice/app/manifests/v1");
        request
            .header("content-type", kind)
            .body(body.to_owned())
            .send()
    };
    let schema_1 = r#"{"schemaVersion":1,"name":"alice/app","tag":"v1"}"#;
    for (body, kind, status, code) in [
        (missing.as_str(), MANIFEST, 400, "MANIFEST_BLOB_UNKNOWN"),
        ("{", MANIFEST, 400, "MANIFEST_INVALID"),
        (
            schema_1,
            "application/vnd.docker.distribution.manifest.v1+json",
            400,
            "MANIFEST_INVALID",
        ),
        (missing.as_str(), "text/plain", 400, "MANIFEST_INVALID"),
    ] {
        let refused = put(body, kind).await.unwrap();
        assert_eq!(error(refused).await, (status, code.to_owned()), "{body}");
    }
    let too_large = format!("{{\"x\":\"{}\"}}", "a".repeat(4 * 1024 * 1024));
    assert_eq!(error(put(&too_large, MANIFEST).await.unwrap()).await.0, 413);
    let get = app
        .anonymous(Method::GET, "/v2/alice/app/manifests/v1")
        .send()
        .await
        .unwrap();
    assert_eq!(error(get).await, (404, "MANIFEST_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn tags_and_manifests_can_be_deleted() {
    let app = app().await;
    let pushed = app.push_image("alice", "alice/app", "v1", b"layer").await;
    app.push_image("alice", "alice/app", "v2", b"layer").await;
    let delete = |path: String| app.by("alice", Method::DELETE, &path).send();
    let status = |path: String| app.anonymous(Method::HEAD, &path).send();
    let tag = |tag: &str| format!("/v2/alice/app/manifests/{tag}");
    assert_eq!(
        delete(tag("v1")).await.unwrap().status(),
        StatusCode::ACCEPTED
    );
    assert_eq!(
        status(tag("v1")).await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(status(tag("v2")).await.unwrap().status(), StatusCode::OK);
    assert_eq!(
        delete(tag(&digest(pushed.as_bytes())))
            .await
            .unwrap()
            .status(),
        StatusCode::ACCEPTED
    );
    assert_eq!(
        status(tag("v2")).await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        delete(tag("v2")).await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn referrers_are_listed_by_subject_also_before_it_exists() {
    let app = app().await;
    let config = app.push_blob("alice", "alice/app", b"{}").await;
    let subject = digest(b"to come");
    let artifact = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": "application/x.test",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2},
        "layers": [],
        "subject": {"mediaType": MANIFEST, "digest": subject, "size": 7},
        "annotations": {"a": "b"},
    })
    .to_string();
    let path = format!("/v2/alice/app/manifests/{}", digest(artifact.as_bytes()));
    let put = app
        .by("alice", Method::PUT, &path)
        .header("content-type", MANIFEST);
    let response = put.body(artifact).send().await.unwrap();
    assert_eq!(header(&response, "oci-subject"), subject);

    let list = |filter: &str| {
        let path = format!("/v2/alice/app/referrers/{subject}{filter}");
        app.anonymous(Method::GET, &path).send()
    };
    let body: Value = list("").await.unwrap().json().await.unwrap();
    assert_eq!(body["manifests"][0]["artifactType"], "application/x.test");
    assert_eq!(body["manifests"][0]["annotations"]["a"], "b");
    let filtered = list("?artifactType=application/other").await.unwrap();
    assert_eq!(header(&filtered, "oci-filters-applied"), "artifactType");
    let body: Value = filtered.json().await.unwrap();
    assert_eq!(body["manifests"], json!([]));
}
