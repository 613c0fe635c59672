use std::io::Write;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{TestApp, digest, error, header};

/// A tarball of files by name and content.
pub async fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tokio_tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut entry = tokio_tar::Header::new_gnu();
        entry.set_size(content.len() as u64);
        entry.set_mode(0o644);
        // Written as raw bytes, so that hostile names can be tried as well.
        entry.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        entry.set_cksum();
        tar.append(&entry, *content).await.unwrap();
    }
    tar.into_inner().await.unwrap()
}

/// What docker 20 saves: a config, an uncompressed layer, and the manifest last.
pub async fn saved(tags: &Value) -> Vec<u8> {
    let layer = tar(&[("hello", b"world")]).await;
    let config = json!({"rootfs": {"type": "layers", "diff_ids": [digest(&layer)]}}).to_string();
    let manifest = json!([{"Config": "c.json", "RepoTags": tags, "Layers": ["l/layer.tar"]}]);
    tar(&[
        ("c.json", config.as_bytes()),
        ("l/layer.tar", &layer),
        ("manifest.json", manifest.to_string().as_bytes()),
    ])
    .await
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app
}

async fn put(app: &TestApp, name: &str, tarball: Vec<u8>) -> reqwest::Response {
    let path = format!("/api/v1/images/{name}");
    app.by("alice", Method::PUT, &path)
        .body(tarball)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn what_goes_in_comes_out_as_an_image_and_as_a_tarball() {
    let app = app().await;
    let tarball = saved(&json!(null)).await;
    let stored = put(&app, "alice/app:v1", tarball.clone()).await;
    assert_eq!(stored.status(), StatusCode::CREATED);
    let stored: Value = stored.json().await.unwrap();
    let image = &stored["images"][0];
    assert_eq!(
        (&image["layers"], &image["layers_reused"]),
        (&json!(1), &json!(0))
    );

    let manifest = app
        .anonymous(Method::GET, "/v2/alice/app/manifests/v1")
        .send()
        .await
        .unwrap();
    assert_eq!(image["digest"], header(&manifest, "docker-content-digest"));
    let get = || app.anonymous(Method::GET, "/api/v1/images/alice/app:v1");
    let first = get().send().await.unwrap();
    let length: usize = header(&first, "content-length").parse().unwrap();
    assert!(header(&first, "content-disposition").contains("alice-app-v1.tar"));
    let first = first.bytes().await.unwrap();
    assert_eq!(first.len(), length);
    assert_eq!(get().send().await.unwrap().bytes().await.unwrap(), first);
    let rest = get().header("range", "bytes=700-").send().await.unwrap();
    assert_eq!(rest.bytes().await.unwrap(), first[700..]);

    // What came out goes in again, and is the same image with nothing new in it.
    let again: Value = put(&app, "alice/app:v2", gzip(&first))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(again["images"][0]["digest"], image["digest"]);
    assert_eq!(again["images"][0]["layers_reused"], 1);
}

#[tokio::test]
async fn tags_come_from_the_address_or_from_the_tarball() {
    let app = app().await;
    let tags = json!(["x/y:one", "host:5000/y:two"]);
    let stored: Value = put(&app, "alice/app", saved(&tags).await)
        .await
        .json()
        .await
        .unwrap();
    let tags: Vec<_> = stored["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| &i["tag"])
        .collect();
    assert_eq!(tags, ["one", "two"]);
    let unnamed = put(&app, "alice/app", saved(&json!(null)).await).await;
    assert_eq!(error(unnamed).await, (400, "TAG_UNCLEAR".to_owned()));
}

#[tokio::test]
async fn bad_tarballs_are_refused_with_the_reason_and_make_no_tag() {
    let app = app().await;
    let good = saved(&json!(null)).await;
    let layer_at = good.len() / 2;
    let mut wrong_layer = good.clone();
    let at = wrong_layer
        .windows(5)
        .position(|window| window == b"world")
        .unwrap();
    wrong_layer[at] = b'W';
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", Vec::new(), "not a tarball"),
        ("text", b"hello\n".to_vec(), "not a tarball"),
        ("noise", vec![7; 4096], "not a tarball"),
        ("gzipped text", gzip(b"hello"), "not a tarball"),
        ("cut", good[..layer_at].to_vec(), "ends too early"),
        ("cut gzip", gzip(&good)[..200].to_vec(), "ends too early"),
        ("no manifest", tar(&[("a", b"b")]).await, "holds no image"),
        (
            "bad manifest",
            tar(&[("manifest.json", b"{}")]).await,
            "manifest.json",
        ),
        (
            "climbing",
            tar(&[("../manifest.json", b"[]")]).await,
            "holds no image",
        ),
        (
            "absolute",
            tar(&[("/manifest.json", b"[]")]).await,
            "holds no image",
        ),
        ("twice", tar(&[("a", b"1"), ("a", b"2")]).await, "twice"),
        (
            "wrong layer",
            wrong_layer,
            "where the image's configuration has",
        ),
    ];
    for (what, tarball, reason) in cases {
        let response = put(&app, "alice/app:v1", tarball).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{what}");
        let body = response.text().await.unwrap();
        assert!(body.contains(reason), "{what}: {body}");
    }
    let tags = app
        .by("alice", Method::GET, "/v2/alice/app/tags/list")
        .send()
        .await
        .unwrap();
    assert_eq!(tags.json::<Value>().await.unwrap()["tags"], json!([]));
}

#[tokio::test]
async fn the_form_works_without_javascript() {
    let app = app().await;
    let form = |tag: &str, file: Vec<u8>| {
        let part = reqwest::multipart::Part::bytes(file).file_name("image.tar");
        reqwest::multipart::Form::new()
            .text("repository", "app")
            .text("tag", tag.to_owned())
            .part("file", part)
    };
    let good = form("v1", saved(&json!(null)).await);
    let response = app
        .by("alice", Method::POST, "/upload")
        .multipart(good)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(header(&response, "location"), "/r/alice/app/-/tags");
    let (one, two) = (
        saved(&json!(["x:one"])).await,
        saved(&json!(["x:two"])).await,
    );
    for (tag, status) in [
        ("", "/r/alice/app/-/tags"),
        ("v1", "/upload?repository=app&tag=v1&error=several"),
    ] {
        let part = reqwest::multipart::Part::bytes(two.clone()).file_name("two.tar");
        let both = form(tag, one.clone()).part("file", part);
        let request = app.by("alice", Method::POST, "/upload").multipart(both);
        let response = request.send().await.unwrap();
        let location = header(&response, "location");
        assert!(location.starts_with(status), "{location}");
    }
    let bad = form("v1", b"nonsense".to_vec());
    let response = app
        .by("alice", Method::POST, "/upload")
        .multipart(bad)
        .send()
        .await
        .unwrap();
    let location = header(&response, "location");
    assert!(
        location.starts_with("/upload?repository=app&tag=v1&error=this"),
        "{location}"
    );
}
