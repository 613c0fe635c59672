//! Tarballs that somebody else, or a tool in its own way, has prepared: nobody's image is changed, nothing is called whole
//! that is not, and nothing stays behind.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{INDEX, MANIFEST, TestApp, descriptor, digest};
use crate::exports::CONFIG;
use crate::tarball_images::{LAYER, Layout, app, named, put, tags};
use crate::tarballs::{gzip, tar};

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Builds the output of `docker save` with given layer files.
async fn saved(layers: &[Vec<u8>], diff_ids: &[String], tag: &str) -> Vec<u8> {
    let config = json!({"rootfs": {"diff_ids": diff_ids}}).to_string();
    let names: Vec<String> = (0..layers.len())
        .map(|i| format!("{i}/layer.tar"))
        .collect();
    let saved = json!([{"Config": "c.json", "RepoTags": [tag], "Layers": names}]).to_string();
    let mut files: Vec<(&str, &[u8])> = vec![("c.json", config.as_bytes())];
    files.extend(
        names
            .iter()
            .map(String::as_str)
            .zip(layers.iter().map(|layer| &layer[..])),
    );
    files.push(("manifest.json", saved.as_bytes()));
    tar(&files).await
}

async fn manifest(app: &TestApp, name: &str, reference: &str) -> Value {
    let path = format!("/v2/{name}/manifests/{reference}");
    let response = app.ask("alice", Method::GET, &path).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.json().await.unwrap()
}

#[tokio::test]
async fn what_somebody_else_compressed_takes_nobodys_place() {
    let app = app().await;
    app.sign_up("mallory").await;
    let plain = tar(&[("file", &[b'x'; 3000])]).await;
    let packed = gzip(&plain);
    // A layer that holds the victim's compressed one, and another compression of the victim's plain one.
    let larger = [packed.clone(), gzip(b"")].concat();
    let tarball = saved(
        &[gzip(&packed), larger.clone()],
        &[digest(&packed), digest(&plain)],
        "x:v1",
    )
    .await;
    let request = app.by("mallory", Method::PUT, "/api/v1/images/mallory/trap:v1");
    let stored = request.body(tarball).send().await.unwrap();
    assert_eq!(stored.status(), StatusCode::CREATED);
    let asked = json!({"layers": [digest(&packed), digest(&plain)]});
    let known = app.by("alice", Method::POST, "/api/v1/layers").json(&asked);
    let known: Value = known.send().await.unwrap().json().await.unwrap();
    assert_eq!(known["known"], json!([]));

    let mut layout = Layout::default();
    let image = layout.image(&[(GZIP, packed.clone())], &json!({}));
    let tarball = layout.finish(&json!({"manifests": [image]})).await;
    let (status, answer) = put(&app, "alice/app:v1", tarball).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(answer["images"][0]["digest"], image["digest"]);
    let own = saved(
        &[packed.clone(), plain.clone()],
        &[digest(&plain), digest(&plain)],
        "x:v2",
    )
    .await;
    let (status, answer) = put(&app, "alice/app:v2", own).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let manifest = manifest(&app, "alice/app", "v2").await;
    assert_eq!(manifest["layers"][0]["digest"], digest(&packed));
    assert_ne!(manifest["layers"][1]["digest"], digest(&larger));
}

#[tokio::test]
async fn an_index_without_an_image_moves_no_tag() {
    let app = app().await;
    let mut layout = Layout::default();
    let good = layout.image(&[(LAYER, tar(&[("a", b"good")]).await)], &json!({}));
    let (status, _) = put(
        &app,
        "alice/app:v1",
        layout.clone().finish(&json!({"manifests": [good]})).await,
    )
    .await;
    assert_eq!(status, StatusCode::CREATED);
    let absent = json!({"mediaType": MANIFEST, "digest": digest(b"absent"), "size": 6});
    let attached = |mut descriptor: Value| {
        descriptor["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        descriptor
    };
    let mut others = Layout::default();
    let attestation = others.image(
        &[("application/vnd.in-toto+json", b"{}".to_vec())],
        &json!({}),
    );
    for children in [
        vec![absent.clone()],
        vec![absent.clone(), attached(attestation.clone())],
    ] {
        let mut layout = others.clone();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children});
        let index = layout.blob(INDEX, index.to_string().as_bytes());
        let tarball = layout.finish(&json!({"manifests": [index]})).await;
        let (status, answer) = put(&app, "alice/app:v1", tarball).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(&digest(b"absent")[7..]), "{message}");
    }
    manifest(&app, "alice/app", "v1").await["layers"]
        .as_array()
        .unwrap();
    // What the repository has already need not come again.
    let mut layout = Layout::default();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [good]});
    let index = layout.blob(INDEX, index.to_string().as_bytes());
    let tarball = layout.finish(&json!({"manifests": [index]})).await;
    let (status, answer) = put(&app, "alice/app:all", tarball).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(answer["left_out"], json!([]));
}

#[tokio::test]
async fn a_plain_layer_may_be_left_out_and_leaves_nothing_behind() {
    let app = app().await;
    let layer = vec![0; 80 << 20];
    let (status, _) = put(
        &app,
        "alice/app:v1",
        saved(std::slice::from_ref(&layer), &[digest(&layer)], "x:v1").await,
    )
    .await;
    assert_eq!(status, StatusCode::CREATED);
    let mut layout = Layout::default();
    let image = layout.image(&[(LAYER, layer.clone())], &json!({}));
    layout.0.retain(|(_, bytes)| *bytes != layer);
    let tarball = layout.finish(&json!({"manifests": [image]})).await;
    for tag in ["v2", "v3"] {
        let (status, answer) = put(&app, &format!("alice/app:{tag}"), tarball.clone()).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        assert_eq!(answer["images"][0]["digest"], image["digest"]);
    }
    let stored = app.objects().await;
    let (status, answer) = put(&app, "alice/other:v1", tarball).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(app.objects().await, stored, "it is stored once");
}

#[tokio::test]
async fn an_image_with_too_many_layers_is_refused_before_they_are_stored() {
    let app = app().await;
    let layers: Vec<Vec<u8>> = (0..1001).map(|i| format!("{i:04}").into_bytes()).collect();
    let diff_ids: Vec<String> = layers.iter().map(|layer| digest(layer)).collect();
    let before = app.objects().await;
    let (status, answer) = put(
        &app,
        "alice/app:v1",
        saved(&layers, &diff_ids, "x:v1").await,
    )
    .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert_eq!(app.objects().await, before);
}

#[tokio::test]
async fn what_an_index_lists_is_no_image_of_its_own_beside_it() {
    let app = app().await;
    let mut layout = Layout::default();
    let first = layout.image(&[(LAYER, tar(&[("a", b"1")]).await)], &json!({}));
    let second = layout.image(&[(LAYER, tar(&[("a", b"2")]).await)], &json!({}));
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [first, second]});
    let index = layout.blob(INDEX, index.to_string().as_bytes());
    // As oras lists them.
    let listed =
        json!({"manifests": [first, second, named(index.clone(), &json!({REF_NAME: "v1"}))]});
    let tarball = layout.finish(&listed).await;
    for target in ["alice/app", "alice/app:v2"] {
        let (status, answer) = put(&app, target, tarball.clone()).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        assert_eq!(answer["images"][0]["digest"], index["digest"]);
    }
    let one = format!("alice/one@{}", second["digest"].as_str().unwrap());
    let (status, answer) = put(&app, &one, tarball).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(tags(&app, "alice/app").await, json!(["v1", "v2"]));
}

#[tokio::test]
async fn names_may_stand_in_either_document() {
    let app = app().await;
    let layer = gzip(&tar(&[("a", b"1")]).await);
    let mut layout = Layout::default();
    let image = layout.image(&[(GZIP, layer.clone())], &json!({}));
    let place = |bytes: &[u8]| format!("blobs/{}", digest(bytes).replacen(':', "/", 1));
    let config = json!({"os": "linux", "architecture": "amd64"}).to_string();
    let saved = json!([{"Config": place(config.as_bytes()), "RepoTags": ["app:v7"], "Layers": [place(&layer)]}]);
    layout
        .0
        .push(("manifest.json".to_owned(), saved.to_string().into()));
    let tarball = layout.finish(&json!({"manifests": [image]})).await;
    let (status, answer) = put(&app, "alice/app", tarball).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(answer["images"][0]["digest"], image["digest"]);
    assert_eq!(tags(&app, "alice/app").await, json!(["v7"]));
}

#[tokio::test]
async fn one_entry_that_cannot_be_read_spoils_no_other() {
    let app = app().await;
    let mut layout = Layout::default();
    let good = layout.image(&[(LAYER, tar(&[("a", b"1")]).await)], &json!({}));
    let old = json!({"mediaType": "application/vnd.oci.artifact.manifest.v1+json", "blobs": []})
        .to_string();
    let old = layout.blob(
        "application/vnd.oci.artifact.manifest.v1+json",
        old.as_bytes(),
    );
    let listed = [
        named(good, &json!({REF_NAME: "v1"})),
        named(old, &json!({REF_NAME: "v2"})),
    ];
    let (status, answer) = put(
        &app,
        "alice/app",
        layout.finish(&json!({"manifests": listed})).await,
    )
    .await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(tags(&app, "alice/app").await, json!(["v1"]));
    assert!(
        answer["left_out"][0].as_str().unwrap().starts_with("v2: "),
        "{answer}"
    );
}

#[tokio::test]
async fn a_size_that_is_wrong_moves_no_tag_of_any_image() {
    let app = app().await;
    let mut layout = Layout::default();
    let good = layout.image(&[(LAYER, tar(&[("a", b"1")]).await)], &json!({}));
    let config = layout.blob(CONFIG, b"{}");
    let mut wrong = descriptor(LAYER, &tar(&[("a", b"1")]).await);
    wrong["size"] = 1.into();
    let text =
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [wrong]});
    let bad = layout.blob(MANIFEST, text.to_string().as_bytes());
    let listed = [
        named(good, &json!({REF_NAME: "v1"})),
        named(bad, &json!({REF_NAME: "v2"})),
    ];
    let (status, answer) = put(
        &app,
        "alice/app",
        layout.finish(&json!({"manifests": listed})).await,
    )
    .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert_eq!(tags(&app, "alice/app").await, json!([]));
}

#[tokio::test]
async fn an_image_that_is_listed_twice_is_one() {
    let app = app().await;
    let layer = tar(&[("a", b"1")]).await;
    let config = json!({"rootfs": {"diff_ids": [digest(&layer)]}}).to_string();
    let one = |name: &str| json!({"Config": "c.json", "RepoTags": [name], "Layers": ["l.tar"]});
    let saved = json!([one("a:v1"), one("b:v1"), one("c:v2")]).to_string();
    let tarball = tar(&[
        ("c.json", config.as_bytes()),
        ("l.tar", &layer),
        ("manifest.json", saved.as_bytes()),
    ])
    .await;
    let (status, answer) = put(&app, "alice/app", tarball).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(tags(&app, "alice/app").await, json!(["v1", "v2"]));
}

#[tokio::test]
async fn a_tarball_of_an_old_docker_is_named_as_one() {
    let app = app().await;
    let tarball = tar(&[("repositories", b"{}"), ("abc/layer.tar", b"x")]).await;
    let (status, answer) = put(&app, "alice/app:v1", tarball).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("docker before 1.10"), "{message}");
}

#[tokio::test]
async fn a_second_image_that_is_wrong_leaves_the_first_ones_tag_alone() {
    let app = app().await;
    let (good, bad) = (tar(&[("a", b"1")]).await, tar(&[("a", b"2")]).await);
    let config = |layer: &[u8]| json!({"rootfs": {"diff_ids": [digest(layer)]}}).to_string();
    let saved = json!([
        {"Config": "1.json", "RepoTags": ["a:v1"], "Layers": ["1.tar"]},
        {"Config": "2.json", "RepoTags": ["a:v2"], "Layers": ["2.tar"]},
    ])
    .to_string();
    let tarball = tar(&[
        ("1.json", config(&good).as_bytes()),
        ("1.tar", &good),
        ("2.json", config(&good).as_bytes()),
        ("2.tar", &bad),
        ("manifest.json", saved.as_bytes()),
    ])
    .await;
    let (status, answer) = put(&app, "alice/app", tarball).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert_eq!(tags(&app, "alice/app").await, json!([]));
}

#[tokio::test]
async fn an_attached_artifact_that_is_wrong_is_left_out() {
    let app = app().await;
    let mut layout = Layout::default();
    let image = layout.image(&[(LAYER, tar(&[("a", b"1")]).await)], &json!({}));
    let config = layout.blob(CONFIG, b"{}");
    let mut wrong = layout.blob("application/x.file", b"12345678 a file");
    wrong["size"] = 1.into();
    let text = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [wrong], "subject": image,
    });
    let referrer = layout.blob(MANIFEST, text.to_string().as_bytes());
    let listed = [named(image, &json!({REF_NAME: "v1"})), referrer];
    let tarball = layout.finish(&json!({"manifests": listed})).await;
    let (status, answer) = put(&app, "alice/app", tarball).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(answer["attached"], json!([]));
    assert!(
        answer["left_out"][0].as_str().unwrap().contains("1 bytes"),
        "{answer}"
    );
}

#[tokio::test]
async fn lists_without_end_are_refused() {
    let app = app().await;
    let many = vec!["\"a\""; 60_000].join(",");
    let saved = format!("[{{\"Config\":\"c\",\"Layers\":[{many}]}}]");
    let (status, answer) = put(
        &app,
        "alice/app:v1",
        tar(&[("manifest.json", saved.as_bytes())]).await,
    )
    .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("too long"), "{message}");
}
