//! Reading manifests, blobs and lists of tags.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{MANIFEST, TestApp, digest, error, header};

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app
}

#[tokio::test]
async fn what_can_not_be_a_manifest_is_simply_not_there() {
    let app = app().await;
    app.create("alice", "alice/app", "public").await;
    let unknown = digest(b"never pushed");
    for reference in [unknown.as_str(), "sha256:baddigeststring", "v1", "-x"] {
        let path = format!("/v2/alice/app/manifests/{reference}");
        let get = app.ask("alice", Method::GET, &path).await;
        assert_eq!(
            error(get).await,
            (404, "MANIFEST_UNKNOWN".to_owned()),
            "{reference}"
        );
        let head = app.ask("alice", Method::HEAD, &path).await;
        assert_eq!(head.status(), StatusCode::NOT_FOUND, "{reference}");
    }
}

#[tokio::test]
async fn a_head_tells_everything_but_the_content() {
    let app = app().await;
    let layer = b"0123456789";
    let pushed = app.push_image("alice", "alice/app", "v1", layer).await;
    let (image, blob) = (digest(pushed.as_bytes()), digest(layer));
    let octets = "application/octet-stream";
    for (path, expected, media_type, length) in [
        ("manifests/v1".to_owned(), &image, MANIFEST, pushed.len()),
        (format!("manifests/{image}"), &image, MANIFEST, pushed.len()),
        (format!("blobs/{blob}"), &blob, octets, layer.len()),
    ] {
        let path = format!("/v2/alice/app/{path}");
        let head = app.ask("alice", Method::HEAD, &path).await;
        assert_eq!(head.status(), StatusCode::OK, "{path}");
        assert_eq!(header(&head, "docker-content-digest"), expected);
        assert_eq!(header(&head, "content-type"), media_type);
        assert_eq!(header(&head, "content-length"), length.to_string());
        assert!(head.bytes().await.unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn any_single_range_of_a_blob_can_be_asked_for() {
    let app = app().await;
    let blob = app.push_blob("alice", "alice/app", b"0123456789").await;
    let path = format!("/v2/alice/app/blobs/{blob}");
    for (range, status, content_range, text) in [
        ("bytes=0-0", 206, "bytes 0-0/10", "0"),
        ("bytes=5-", 206, "bytes 5-9/10", "56789"),
        ("bytes=-3", 206, "bytes 7-9/10", "789"),
        ("bytes=8-99", 206, "bytes 8-9/10", "89"),
        ("bytes=10-", 416, "bytes */10", ""),
        ("bytes=500-0", 416, "bytes */10", ""),
        ("bytes=0-9,3-4", 200, "", "0123456789"),
    ] {
        let get = app.by("alice", Method::GET, &path).header("range", range);
        let part = get.send().await.unwrap();
        assert_eq!(part.status().as_u16(), status, "{range}");
        assert_eq!(header(&part, "content-range"), content_range, "{range}");
        assert_eq!(part.text().await.unwrap(), text, "{range}");
    }
}

#[tokio::test]
async fn a_head_has_no_use_for_ranges() {
    let app = app().await;
    let blob = app.push_blob("alice", "alice/app", b"0123456789").await;
    let path = format!("/v2/alice/app/blobs/{blob}");
    for range in ["bytes=2-4", "bytes=50-", "bytes=4-2"] {
        let head = app.by("alice", Method::HEAD, &path).header("range", range);
        let head = head.send().await.unwrap();
        assert_eq!(head.status(), StatusCode::OK, "{range}");
        assert_eq!(header(&head, "content-length"), "10", "{range}");
        assert_eq!(header(&head, "content-range"), "", "{range}");
    }
}

#[tokio::test]
async fn what_is_stored_is_served_whatever_is_accepted() {
    let app = app().await;
    let pushed = app.push_image("alice", "alice/app", "v1", b"layer").await;
    let schema_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    for accept in ["*/*", "text/plain", schema_1] {
        // `ns` is for proxies: it says which registry they stand for.
        for query in ["", "?ns=docker.io"] {
            let path = format!("/v2/alice/app/manifests/v1{query}");
            let get = app.by("alice", Method::GET, &path).header("accept", accept);
            let served = get.send().await.unwrap();
            assert_eq!(served.status(), StatusCode::OK, "{accept}");
            assert_eq!(header(&served, "content-type"), MANIFEST, "{accept}");
            assert_eq!(served.text().await.unwrap(), pushed, "{accept}");
        }
    }
}

#[tokio::test]
async fn a_list_of_tags_starts_and_ends_where_it_is_asked_to() {
    let app = app().await;
    for tag in ["v1", "v2", "v3"] {
        app.push_image("alice", "alice/app", tag, b"layer").await;
    }
    let next = "</v2/alice/app/tags/list?n=1&last=v1>; rel=\"next\"";
    for (query, tags, link) in [
        ("", json!(["v1", "v2", "v3"]), ""),
        ("?n=0", json!([]), ""),
        ("?n=1", json!(["v1"]), next),
        ("?n=3", json!(["v1", "v2", "v3"]), ""),
        ("?n=99999999999", json!(["v1", "v2", "v3"]), ""),
        ("?last=v1", json!(["v2", "v3"]), ""),
        ("?last=v1-not-there", json!(["v2", "v3"]), ""),
        ("?n=1&last=v2", json!(["v3"]), ""),
        ("?last=v3", json!([]), ""),
    ] {
        let path = format!("/v2/alice/app/tags/list{query}");
        let list = app.ask("alice", Method::GET, &path).await;
        assert_eq!(list.status(), StatusCode::OK, "{query}");
        assert_eq!(header(&list, "link"), link, "{query}");
        let body: Value = list.json().await.unwrap();
        let expected = json!({"name": "alice/app", "tags": tags});
        assert_eq!(body, expected, "{query}");
    }
}

#[tokio::test]
async fn a_list_of_tags_without_a_number_is_the_whole_list() {
    let app = app().await;
    let pushed = app
        .push_image("alice", "alice/app", "t0000", b"layer")
        .await;
    let tags: Vec<String> = (0..1050).map(|n| format!("t{n:04}")).collect();
    // A client reads no more than 100 headers of an answer, and each tag is one.
    for some in tags.chunks(50) {
        let reference = format!("{}?tag={}", digest(pushed.as_bytes()), some.join("&tag="));
        app.put_manifest("alice", "alice/app", &reference, MANIFEST, &pushed)
            .await;
    }
    let path = "/v2/alice/app/tags/list";
    let list = app.ask("alice", Method::GET, path).await;
    assert_eq!(header(&list, "link"), "");
    let body: Value = list.json().await.unwrap();
    assert_eq!(body["tags"], json!(tags));
}
