//! Client behaviour that the registry supports: ranges, slashes, `Expect`, names in capitals, first pushes that fail.

use std::time::Duration;

use dockyard_hub::images::{CollectorOptions, Mode};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{INDEX, MANIFEST, TestApp, descriptor, digest, error, header};

const DAY_MS: i64 = 24 * 3600 * 1000;

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app
}

#[tokio::test]
async fn several_ranges_come_as_parts_of_one_answer() {
    let app = app().await;
    let content: Vec<u8> = (0..50_000_u32)
        .map(|i| u8::try_from(i % 251).unwrap())
        .collect();
    let blob = app.push_blob("alice", "alice/app", &content).await;
    let path = format!("/v2/alice/app/blobs/{blob}");
    let get = |range: &'static str| {
        app.by("alice", Method::GET, &path)
            .header("range", range)
            .send()
    };
    let answer = get("bytes=0-9, 20000-20004,-3").await.unwrap();
    assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
    let content_type = header(&answer, "content-type").to_owned();
    let boundary = content_type
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    let length: usize = header(&answer, "content-length").parse().unwrap();
    let body = answer.bytes().await.unwrap();
    assert_eq!(body.len(), length);
    let mut expected = Vec::new();
    for range in [0..10, 20_000..20_005, 49_997..50_000] {
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {}-{}/50000\r\n\r\n",
            range.start,
            range.end - 1
        );
        expected.extend_from_slice(head.as_bytes());
        expected.extend_from_slice(&content[range]);
    }
    expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    assert_eq!(body, expected);

    let one = get("bytes=5-6,90000-").await.unwrap();
    assert_eq!(header(&one, "content-range"), "bytes 5-6/50000");
    let none = get("bytes=90000-,99999-").await.unwrap();
    assert_eq!(none.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let whole = get("bytes=0-0,0-0,0-0").await.unwrap();
    assert_eq!(
        (whole.status(), whole.content_length()),
        (StatusCode::OK, Some(50_000))
    );
    // Tarballs too.
    app.push_image("alice", "alice/app", "v1", &content).await;
    let tarball = app.by("alice", Method::GET, "/api/v1/images/alice/app:v1");
    let parts = tarball
        .header("range", "bytes=0-9,512-521")
        .send()
        .await
        .unwrap();
    assert_eq!(parts.status(), StatusCode::PARTIAL_CONTENT);
    assert!(parts.text().await.unwrap().contains("oci-layout"));
}

#[tokio::test]
async fn ranges_are_offered_for_what_has_them() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    let manifest = app.by("alice", Method::GET, "/v2/alice/app/manifests/v1");
    let manifest = manifest.header("range", "bytes=0-1").send().await.unwrap();
    assert_eq!(manifest.status(), StatusCode::OK);
    assert_eq!(header(&manifest, "accept-ranges"), "none");
    let blob = format!("/v2/alice/app/blobs/{}", digest(b"layer"));
    let blob = app.ask("alice", Method::HEAD, &blob).await;
    assert_eq!(header(&blob, "accept-ranges"), "bytes");
}

/// Sends the head of a request that waits to be told to go on, and returns what comes.
async fn expecting(app: &TestApp, request: &str) -> String {
    let authority = app.url("/").replace("http://", "").replace('/', "");
    let mut connection = TcpStream::connect(&authority).await.unwrap();
    let head = format!(
        "{request}Host: {authority}\r\nExpect: 100-continue\r\nContent-Length: 300000000\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(10), connection.read(&mut answer));
    let read = read.await.expect("an answer comes").unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test]
async fn what_is_refused_by_its_head_asks_for_no_body() {
    let app = app().await;
    let token = app.token("alice");
    let login = format!("Authorization: Bearer {token}\r\n");
    let digest = digest(b"x");
    let id = "01234567-89ab-7def-8123-456789abcdef";
    for (request, status) in [
        (
            format!("PUT /v2/alice/app/blobs/uploads/{id}?digest={digest} HTTP/1.1\r\n"),
            401,
        ),
        (
            format!("PUT /v2/alice/app/blobs/uploads/{id}?digest={digest} HTTP/1.1\r\n{login}"),
            404,
        ),
        (
            format!(
                "PUT /v2/alice/app/manifests/v1 HTTP/1.1\r\n{login}Content-Type: {MANIFEST}\r\n"
            ),
            413,
        ),
        (
            "PUT /api/v1/images/alice/app:v1 HTTP/1.1\r\n".to_owned(),
            401,
        ),
        (
            format!("PUT /api/v1/images/bob/app:v1 HTTP/1.1\r\n{login}"),
            403,
        ),
    ] {
        let answer = expecting(&app, &request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
    }
    let request = format!("PUT /api/v1/images/alice/app:v1 HTTP/1.1\r\n{login}");
    let answer = expecting(&app, &request).await;
    assert!(answer.starts_with("HTTP/1.1 100 "), "{answer}");
}

#[tokio::test]
async fn addresses_with_other_slashes_lead_to_the_one_that_is_meant() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    let client = reqwest::Client::builder();
    let client = client
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    for (path, to) in [
        ("/v2", "/v2/"),
        ("//v2/", "/v2/"),
        ("/v2//", "/v2/"),
        (
            "//v2/alice/app/tags/list?n=1",
            "/v2/alice/app/tags/list?n=1",
        ),
        ("/v2/alice/app/tags/list/", "/v2/alice/app/tags/list"),
        ("/v2/alice//app/tags/list", "/v2/alice/app/tags/list"),
        ("/v2/_catalog/", "/v2/_catalog"),
        ("/v2/alice/app/manifests/v1/", "/v2/alice/app/manifests/v1"),
    ] {
        let answer = client.get(app.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::MOVED_PERMANENTLY, "{path}");
        assert_eq!(header(&answer, "location"), to, "{path}");
    }
    let post = client
        .post(app.url("/v2//alice/app/blobs/uploads/"))
        .send()
        .await
        .unwrap();
    assert_eq!(post.status(), StatusCode::PERMANENT_REDIRECT);
    for path in ["//example.com/", "///v2.example.com/"] {
        let answer = client.get(app.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_page_size_that_is_left_empty_is_the_usual_one() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    let list = app
        .ask("alice", Method::GET, "/v2/alice/app/tags/list?n=")
        .await;
    assert_eq!(list.json::<Value>().await.unwrap()["tags"], json!(["v1"]));
}

#[tokio::test]
async fn a_token_has_many_scopes_or_is_refused_in_words() {
    let app = app().await;
    let scopes = |count: usize| {
        let scopes: Vec<String> = (0..count)
            .map(|i| format!("scope=repository:alice/a{i}:pull,push"))
            .collect();
        format!("/token?service=x&{}", scopes.join("&"))
    };
    let login = |path: String| {
        app.anonymous(Method::GET, &path)
            .basic_auth("alice", Some(crate::app::PASSWORD))
    };
    let answer = login(scopes(100)).send().await.unwrap();
    let granted: Value = answer.json().await.unwrap();
    assert!(
        granted["scope"]
            .as_str()
            .unwrap()
            .ends_with("alice/a99:pull,push")
    );
    let answer = login(scopes(101)).send().await.unwrap();
    assert_eq!(error(answer).await, (400, "TOO_MANY_SCOPES".to_owned()));
}

#[tokio::test]
async fn names_are_the_same_in_capitals() {
    let app = app().await;
    let token = app.token("alice");
    for (name, password) in [("Alice", crate::app::PASSWORD), ("ALICE", &token)] {
        let path = "/token?service=x&offline_token=true&scope=repository:alice/app:push";
        let answer = app
            .anonymous(Method::GET, path)
            .basic_auth(name, Some(password))
            .send();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
        let granted: Value = answer.json().await.unwrap();
        assert_eq!(granted["scope"], "repository:alice/app:push");
        // Docker keeps what it logged in with, so that tools which read only that work.
        assert_eq!(granted["refresh_token"], json!(null));
    }
}

#[tokio::test]
async fn a_source_that_cannot_be_read_is_none() {
    let app = app().await;
    app.sign_up("bob").await;
    app.create("bob", "bob/secret", "private").await;
    let secret = app.push_blob("bob", "bob/secret", b"secret").await;
    let token = app
        .registry_token(Some("alice"), "repository:alice/app:pull,push")
        .await;
    for from in ["bob/secret", "bob/nothing", "alice/nothing"] {
        let path = format!("/v2/alice/app/blobs/uploads/?mount={secret}&from={from}");
        let answer = app
            .bearer(Method::POST, &path, &token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED, "{from}");
    }
}

async fn catalog(app: &TestApp, user: Option<&str>) -> Value {
    let request = match user {
        Some(user) => app.by(user, Method::GET, "/v2/_catalog"),
        None => app.anonymous(Method::GET, "/v2/_catalog"),
    };
    let list: Value = request.send().await.unwrap().json().await.unwrap();
    list["repositories"].clone()
}

#[tokio::test]
async fn a_first_push_that_fails_shows_nobody_a_repository() {
    let app = TestApp::start_on_a_fixed_clock().await;
    app.sign_up("alice").await;
    let refused = app
        .send_manifest("alice", "alice/typo", "v1", MANIFEST, "{}")
        .await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    app.push_blob("alice", "alice/given-up", b"layer").await;
    assert_eq!(catalog(&app, None).await, json!([]));
    let own = json!(["alice/given-up", "alice/typo"]);
    assert_eq!(catalog(&app, Some("alice")).await, own);
    // The first manifest shows it.
    app.push_image("alice", "alice/given-up", "v1", b"layer")
        .await;
    assert_eq!(catalog(&app, None).await, json!(["alice/given-up"]));
    // What nothing came of goes with the collector.
    app.clock.advance(2 * DAY_MS);
    let options = CollectorOptions::default();
    app.hub
        .collector
        .collect(options, Mode::Collect)
        .await
        .unwrap();
    assert_eq!(
        catalog(&app, Some("alice")).await,
        json!(["alice/given-up"])
    );
}

#[tokio::test]
async fn what_was_made_private_meanwhile_stays_so() {
    let app = app().await;
    app.push_blob("alice", "alice/app", b"layer").await;
    let change = app.by("alice", Method::PATCH, "/api/v1/repositories/alice/app");
    let change = change
        .json(&json!({"visibility": "private"}))
        .send()
        .await
        .unwrap();
    assert_eq!(change.status(), StatusCode::OK);
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    assert_eq!(catalog(&app, None).await, json!([]));
    let nobody = app
        .anonymous(Method::GET, "/v2/alice/app/manifests/v1")
        .send()
        .await
        .unwrap();
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn documents_are_refused_only_for_what_must_be_understood() {
    let app = app().await;
    for blob in [&b"{}"[..], b"layer"] {
        app.push_blob("alice", "alice/app", blob).await;
    }
    let config = descriptor("application/vnd.oci.empty.v1+json", b"{}");
    let layer = |media_type: &Value| {
        let mut layer = descriptor("x", b"layer");
        match media_type {
            Value::Null => drop(layer.as_object_mut().unwrap().remove("mediaType")),
            text => layer["mediaType"] = text.clone(),
        }
        layer
    };
    for media_type in [
        json!("application/vnd.dev.sigstore.bundle+json;version=0.2"),
        json!("application/json; charset=utf-8"),
        json!("no slash"),
        json!(""),
        json!(null),
    ] {
        let artifact_type = media_type.as_str().unwrap_or_default();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": artifact_type,
            "config": config, "layers": [layer(&media_type)], "annotations": {"a": null},
            "subject": {"mediaType": artifact_type, "digest": digest(b"subject"), "size": 7},
        });
        app.put_manifest("alice", "alice/app", "v1", MANIFEST, &manifest.to_string())
            .await;
    }
    let kind = "application/vnd.dev.sigstore.bundle+json;version=0.2";
    let path = format!(
        "/v2/alice/app/referrers/{}?artifactType={}",
        digest(b"subject"),
        kind.replace('+', "%2B").replace(';', "%3B")
    );
    let found: Value = app
        .ask("alice", Method::GET, &path)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(found["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(found["manifests"][0]["artifactType"], kind);
    for index in [
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": null}),
        json!({"schemaVersion": 2, "manifests": [{"digest": digest(b"x"), "size": 1, "platform": {}}]}),
        json!({"schemaVersion": 2, "manifests": [{"mediaType": MANIFEST, "digest": digest(b"x"), "size": 1, "platform": null}]}),
    ] {
        app.put_manifest("alice", "alice/app", "v2", INDEX, &index.to_string())
            .await;
    }
}

#[tokio::test]
async fn a_tarball_that_is_fetched_counts_as_a_pull() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    let path = "/api/v1/images/alice/app:v1";
    for range in [None, Some("bytes=100-200")] {
        let mut get = app.anonymous(Method::GET, path);
        if let Some(range) = range {
            get = get.header("range", range);
        }
        get.send().await.unwrap().bytes().await.unwrap();
    }
    app.anonymous(Method::HEAD, path).send().await.unwrap();
    app.hub.pulls.write().await.unwrap();
    let path = "/api/v1/repositories/alice/app";
    let shown: Value = app
        .ask("alice", Method::GET, path)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(shown["pulls"], 1);
}
