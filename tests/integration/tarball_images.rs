//! Import of tarballs by their documents: images, names, attached artifacts, and missing files.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{INDEX, MANIFEST, TestApp, descriptor, digest, header};
use crate::exports::CONFIG;
use crate::tarballs::{gzip, tar};

pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const REF_NAME: &str = "org.opencontainers.image.ref.name";
const IMAGE_NAME: &str = "io.containerd.image.name";

/// The files of an OCI layout in the making.
#[derive(Default, Clone)]
pub struct Layout(pub Vec<(String, Vec<u8>)>);

impl Layout {
    /// Adds a blob, and describes it.
    pub fn blob(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let described = descriptor(media_type, bytes);
        let digest = digest(bytes);
        self.0.push((
            format!("blobs/{}", digest.replacen(':', "/", 1)),
            bytes.to_vec(),
        ));
        described
    }

    /// Adds an image of layers with their media types, and describes its manifest.
    pub fn image(&mut self, layers: &[(&str, Vec<u8>)], more: &Value) -> Value {
        let config = json!({"os": "linux", "architecture": "amd64"}).to_string();
        let config = self.blob(CONFIG, config.as_bytes());
        let layers: Vec<Value> = layers
            .iter()
            .map(|(media_type, bytes)| self.blob(media_type, bytes))
            .collect();
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        });
        for (key, value) in more.as_object().unwrap() {
            manifest[key] = value.clone();
        }
        self.blob(MANIFEST, manifest.to_string().as_bytes())
    }

    pub async fn finish(mut self, index: &Value) -> Vec<u8> {
        self.0
            .push(("index.json".to_owned(), index.to_string().into()));
        let files: Vec<(&str, &[u8])> = self
            .0
            .iter()
            .map(|(name, bytes)| (name.as_str(), &bytes[..]))
            .collect();
        tar(&files).await
    }
}

pub fn named(mut descriptor: Value, names: &Value) -> Value {
    descriptor["annotations"] = names.clone();
    descriptor
}

pub async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app
}

pub async fn put(app: &TestApp, name: &str, tarball: Vec<u8>) -> (StatusCode, Value) {
    let path = format!("/api/v1/images/{name}");
    let request = app.by("alice", Method::PUT, &path).body(tarball);
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

pub async fn tags(app: &TestApp, name: &str) -> Value {
    let path = format!("/v2/{name}/tags/list");
    let response = app.ask("alice", Method::GET, &path).await;
    response.json::<Value>().await.unwrap()["tags"].clone()
}

async fn stored(app: &TestApp, name: &str, reference: &str) -> (String, Value) {
    let path = format!("/v2/{name}/manifests/{reference}");
    let response = app.ask("alice", Method::GET, &path).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let digest = header(&response, "docker-content-digest").to_owned();
    (digest, response.json().await.unwrap())
}

async fn layer(text: &str) -> Vec<u8> {
    tar(&[("file", text.as_bytes())]).await
}

#[tokio::test]
async fn images_of_a_layout_stay_as_they_are() {
    let app = app().await;
    let mut layout = Layout::default();
    let plain = layer("plain").await;
    let config = layout.blob(CONFIG, b"{}");
    let mut described = layout.blob(LAYER, &plain);
    described["annotations"] = json!({"com.example.part": "base"});
    let text = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [described],
        "annotations": null,
    });
    let image = layout.blob(MANIFEST, text.to_string().as_bytes());
    let index =
        json!({"schemaVersion": 2, "manifests": [named(image.clone(), &json!({REF_NAME: "v1"}))]});
    let tarball = layout.finish(&index).await;
    assert_eq!(
        put(&app, "alice/app:v1", tarball.clone()).await.0,
        StatusCode::CREATED
    );
    let (digest, manifest) = stored(&app, "alice/app", "v1").await;
    assert_eq!(
        (digest, manifest),
        (image["digest"].as_str().unwrap().to_owned(), text)
    );
    // A second time the layer is there already, as it stood.
    let (_, again) = put(&app, "alice/other:v1", tarball).await;
    assert_eq!(again["images"][0]["layers_reused"], 1);
}

#[tokio::test]
async fn an_artifact_keeps_its_file_whatever_that_is() {
    let app = app().await;
    let files = [
        layer("a tar").await,
        b"[1,2,3]".to_vec(),
        b"x".to_vec(),
        vec![],
        b"\x5d\x00\x00\x80\x00 like lzma".to_vec(),
    ];
    for file in files {
        let mut layout = Layout::default();
        let config = layout.blob(EMPTY, b"{}");
        let mut described = layout.blob("application/vnd.acme.file", &file);
        described["annotations"] = json!({"org.opencontainers.image.title": "file"});
        let text = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.acme",
            "config": config, "layers": [described],
        });
        let artifact = layout.blob(MANIFEST, text.to_string().as_bytes());
        let tarball = layout
            .finish(&json!({"schemaVersion": 2, "manifests": [artifact]}))
            .await;
        let (status, answer) = put(&app, "alice/art:v1", tarball).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        assert_eq!(
            stored(&app, "alice/art", "v1").await.0,
            artifact["digest"].as_str().unwrap()
        );
        let blob = format!("/v2/alice/art/blobs/{}", digest(&file));
        let blob = app.ask("alice", Method::GET, &blob).await;
        assert_eq!(blob.bytes().await.unwrap(), file);
    }
}

#[tokio::test]
async fn what_go_writes_as_null_is_empty() {
    let app = app().await;
    for (rootfs, layers) in [
        (json!({"type": "layers", "diff_ids": []}), json!(null)),
        (json!({"type": "layers", "diff_ids": null}), json!([])),
        (json!({"type": "layers"}), json!(null)),
        (json!(null), json!(null)),
    ] {
        let config = json!({"os": "linux", "rootfs": rootfs, "config": null, "history": null});
        let saved =
            json!([{"Config": "c.json", "RepoTags": null, "Layers": layers, "LayerSources": null}]);
        let tarball = tar(&[
            ("c.json", config.to_string().as_bytes()),
            ("manifest.json", saved.to_string().as_bytes()),
            ("index.json", br#"{"schemaVersion":2,"manifests":null}"#),
        ])
        .await;
        let (status, answer) = put(&app, "alice/null:v1", tarball).await;
        assert_eq!(status, StatusCode::CREATED, "{config}: {answer}");
    }
    let mut layout = Layout::default();
    let image = layout.image(&[], &json!({"layers": null, "annotations": {"a": null}}));
    let index = json!({"manifests": [named(image, &json!(null))], "annotations": null});
    let (status, answer) = put(&app, "alice/null:v2", layout.finish(&index).await).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
}

#[tokio::test]
async fn a_tag_is_never_made_of_a_digest() {
    let app = app().await;
    let mut layout = Layout::default();
    let packed = gzip(&layer("x").await);
    let image = layout.image(
        &[("application/vnd.oci.image.layer.v1.tar+gzip", packed)],
        &json!({}),
    );
    let own = image["digest"].as_str().unwrap().to_owned();
    let whole = format!("docker.io/library/app@{own}");
    let id = format!("sha256:{}", "ab".repeat(32));
    let cases = [
        (
            "by-digest",
            vec![json!({REF_NAME: format!("@{own}"), IMAGE_NAME: whole})],
            json!([]),
        ),
        (
            "both",
            vec![
                json!({REF_NAME: "v1", IMAGE_NAME: "docker.io/library/app:v1"}),
                json!({REF_NAME: format!("@{own}"), IMAGE_NAME: whole}),
                json!({IMAGE_NAME: id}),
            ],
            json!(["v1"]),
        ),
        ("port", vec![json!({REF_NAME: "h:5000/app"})], json!([])),
        (
            "port-and-tag",
            vec![json!({REF_NAME: "h:5000/app:v2"})],
            json!(["v2"]),
        ),
    ];
    for (name, names, expected) in cases {
        let listed: Vec<Value> = names
            .iter()
            .map(|names| named(image.clone(), names))
            .collect();
        let tarball = layout.clone().finish(&json!({"manifests": listed})).await;
        let name = format!("alice/{name}");
        let (status, answer) = put(&app, &name, tarball).await;
        assert_eq!(
            status == StatusCode::CREATED,
            expected != json!([]),
            "{answer}"
        );
        if status != StatusCode::CREATED {
            assert_eq!(answer["errors"][0]["code"], "TAG_UNCLEAR");
            continue;
        }
        assert_eq!(tags(&app, &name).await, expected);
    }
}

#[tokio::test]
async fn an_image_may_be_stored_under_its_digest_alone() {
    let app = app().await;
    let mut layout = Layout::default();
    let image = layout.image(&[(LAYER, layer("x").await)], &json!({}));
    let own = image["digest"].as_str().unwrap().to_owned();
    let tarball = layout.finish(&json!({"manifests": [image]})).await;
    let wrong = format!("alice/app@sha256:{}", "0".repeat(64));
    let (status, answer) = put(&app, &wrong, tarball.clone()).await;
    assert_eq!(
        (status, &answer["errors"][0]["code"]),
        (StatusCode::BAD_REQUEST, &json!("DIGEST_INVALID"))
    );
    let (status, answer) = put(&app, &format!("alice/app@{own}"), tarball).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(answer["images"][0]["tag"], json!(null));
    stored(&app, "alice/app", &own).await;
    assert_eq!(tags(&app, "alice/app").await, json!([]));
}

/// Two images that both have the tag latest, as docker saves them or as a layout.
async fn two_images(as_layout: bool) -> Vec<u8> {
    let (nginx, redis) = (layer("nginx").await, layer("redis").await);
    if as_layout {
        let mut layout = Layout::default();
        let first = layout.image(&[(LAYER, nginx)], &json!({}));
        let second = layout.image(&[(LAYER, redis)], &json!({}));
        let first = named(
            first,
            &json!({IMAGE_NAME: "docker.io/library/nginx:latest"}),
        );
        let second = named(
            second,
            &json!({IMAGE_NAME: "docker.io/library/redis:latest"}),
        );
        return layout.finish(&json!({"manifests": [first, second]})).await;
    }
    let config = |layer: &[u8]| json!({"rootfs": {"diff_ids": [digest(layer)]}}).to_string();
    let saved = json!([
        {"Config": "n.json", "RepoTags": ["nginx:latest"], "Layers": ["n.tar"]},
        {"Config": "r.json", "RepoTags": ["redis:latest"], "Layers": ["r.tar"]},
    ]);
    tar(&[
        ("n.json", config(&nginx).as_bytes()),
        ("n.tar", &nginx),
        ("r.json", config(&redis).as_bytes()),
        ("r.tar", &redis),
        ("manifest.json", saved.to_string().as_bytes()),
    ])
    .await
}

#[tokio::test]
async fn two_images_never_share_a_tag_in_silence() {
    let app = app().await;
    for (as_layout, name) in [(false, "alice/saved"), (true, "alice/layout")] {
        let both = two_images(as_layout).await;
        for target in [name.to_owned(), format!("{name}:v1")] {
            let (status, answer) = put(&app, &target, both.clone()).await;
            let error = &answer["errors"][0];
            assert_eq!(
                (status, &error["code"]),
                (StatusCode::BAD_REQUEST, &json!("IMAGE_UNCLEAR"))
            );
            assert_eq!(
                error["detail"]["images"],
                json!(["nginx:latest", "redis:latest"])
            );
        }
        assert_eq!(tags(&app, name).await, json!([]));
        let (status, _) = put(&app, &format!("{name}?image=redis"), both.clone()).await;
        assert_eq!(status, StatusCode::CREATED);
        let (_, first) = put(&app, &format!("{name}:v2?image=nginx:latest"), both.clone()).await;
        assert_eq!(tags(&app, name).await, json!(["latest", "v2"]));
        let other = stored(&app, name, "latest").await.0;
        assert_ne!(first["images"][0]["digest"], other);
        let (status, answer) = put(&app, &format!("{name}?image=mysql"), both).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(
            answer["errors"][0]["message"]
                .as_str()
                .unwrap()
                .contains("mysql")
        );
    }
}

#[tokio::test]
async fn what_is_whole_is_taken_although_something_else_is_not() {
    let app = app().await;
    let mut layout = Layout::default();
    let there = layout.image(&[(LAYER, layer("there").await)], &json!({}));
    let gone = layout.image(&[(LAYER, layer("gone").await)], &json!({}));
    layout
        .0
        .retain(|(_, bytes)| !String::from_utf8_lossy(bytes).contains("gone"));
    let platform = json!({"os": "linux", "architecture": "arm64"});
    let mut second = gone.clone();
    second["platform"] = platform;
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [there, second]});
    let whole = layout.blob(INDEX, index.to_string().as_bytes());
    let one = json!({"manifests": [named(whole, &json!({REF_NAME: "v1"}))]});
    let (status, answer) = put(&app, "alice/app", layout.clone().finish(&one).await).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let left_out = answer["left_out"][0].as_str().unwrap();
    assert!(
        left_out.starts_with("linux/arm64: \"blobs/sha256/"),
        "{left_out}"
    );
    // The same beside one another, and with nothing whole.
    let both = json!({"manifests": [named(there, &json!({REF_NAME: "v1"})), named(gone.clone(), &json!({REF_NAME: "v2"}))]});
    let (status, answer) = put(&app, "alice/beside", layout.clone().finish(&both).await).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(tags(&app, "alice/beside").await, json!(["v1"]));
    assert!(
        answer["left_out"][0].as_str().unwrap().starts_with("v2: "),
        "{answer}"
    );
    let none = json!({"manifests": [named(gone, &json!({REF_NAME: "v2"}))]});
    let (status, answer) = put(&app, "alice/none", layout.finish(&none).await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        answer["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("not in it")
    );
}

/// An image, a signature of it, and a note on the signature.
fn signed(layout: &mut Layout, image: &Value) -> [Value; 2] {
    let refer = |layout: &mut Layout, subject: &Value, file: &[u8]| {
        let config = layout.blob(EMPTY, b"{}");
        let file = layout.blob("application/x.file", file);
        let text = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/x.signature",
            "config": config, "layers": [file], "subject": subject,
        });
        layout.blob(MANIFEST, text.to_string().as_bytes())
    };
    let signature = refer(layout, image, b"signature");
    let note = refer(layout, &signature, b"note");
    [signature, note]
}

#[tokio::test]
async fn what_refers_to_an_image_comes_with_it() {
    let app = app().await;
    let mut layout = Layout::default();
    let image = layout.image(&[(LAYER, layer("x").await)], &json!({}));
    let [signature, note] = signed(&mut layout, &image);
    let own = image["digest"].as_str().unwrap().to_owned();
    let listed = [
        note.clone(),
        signature.clone(),
        named(image, &json!({REF_NAME: "v1"})),
    ];
    let tarball = layout.finish(&json!({"manifests": listed})).await;
    for target in ["alice/app", "alice/app:v2"] {
        let (status, answer) = put(&app, target, tarball.clone()).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        assert_eq!(
            answer["attached"],
            json!([signature["digest"], note["digest"]])
        );
    }
    for (subject, expected) in [
        (own.as_str(), &signature),
        (signature["digest"].as_str().unwrap(), &note),
    ] {
        let path = format!("/v2/alice/app/referrers/{subject}");
        let found: Value = app
            .ask("alice", Method::GET, &path)
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(found["manifests"][0]["digest"], expected["digest"]);
    }
    assert_eq!(tags(&app, "alice/app").await, json!(["v1", "v2"]));
}

#[tokio::test]
async fn what_cosign_saves_gets_the_tags_that_it_looks_for() {
    const KIND: &str = "kind";
    let app = app().await;
    let mut layout = Layout::default();
    let image = layout.image(&[(LAYER, layer("x").await)], &json!({}));
    let signature = layout.image(
        &[(
            "application/vnd.dev.cosign.simplesigning.v1+json",
            b"{\"a\":1}".to_vec(),
        )],
        &json!({"annotations": {"is": "signature"}}),
    );
    let tag = image["digest"].as_str().unwrap().replace(':', "-");
    let kind = |kind: &str| json!({KIND: format!("dev.cosignproject.cosign/{kind}")});
    let listed = [
        named(image, &kind("image")),
        named(signature, &kind("sigs")),
    ];
    let tarball = layout.finish(&json!({"manifests": listed})).await;
    let (status, answer) = put(&app, "alice/app:v1", tarball).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(
        tags(&app, "alice/app").await,
        json!([format!("{tag}.sig"), "v1"])
    );
}

#[tokio::test]
async fn layers_that_are_kept_elsewhere_may_be_missing() {
    let app = app().await;
    let base = gzip(&layer("base").await);
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    let mut layout = Layout::default();
    let image = layout.image(
        &[(foreign, base.clone()), (LAYER, layer("own").await)],
        &json!({}),
    );
    layout.0.retain(|(_, bytes)| *bytes != base);
    let tarball = layout.finish(&json!({"manifests": [image.clone()]})).await;
    let (status, answer) = put(&app, "alice/win:v1", tarball).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let out = app
        .ask("alice", Method::GET, "/api/v1/images/alice/win:v1")
        .await;
    assert_eq!(out.status(), StatusCode::OK);
    let out = out.bytes().await.unwrap();
    assert!(
        !out.windows(13).any(|name| name == b"manifest.json"),
        "docker could not load it"
    );
    let (status, _) = put(&app, "alice/back:v1", out.to_vec()).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(
        stored(&app, "alice/back", "v1").await.0,
        image["digest"].as_str().unwrap()
    );
}
