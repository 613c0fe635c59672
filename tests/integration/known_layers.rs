//! Layers of tarballs that somebody stored before.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{TestApp, digest, header};
use crate::tarballs::{gzip, tar};

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.sign_up("bob").await;
    app
}

/// What podman saves: a layer that is named by what is in it.
async fn saved(layer: &[u8]) -> Vec<u8> {
    let diff_id = digest(layer);
    let name = format!("{}.tar", &diff_id[7..]);
    let config = json!({"rootfs": {"type": "layers", "diff_ids": [diff_id]}}).to_string();
    let manifest = json!([{"Config": "c.json", "RepoTags": ["x:v1"], "Layers": [name]}]);
    tar(&[
        (name.as_str(), layer),
        ("c.json", config.as_bytes()),
        ("manifest.json", manifest.to_string().as_bytes()),
    ])
    .await
}

/// What skopeo saves: an OCI layout, with a layer in some compression.
async fn layout(layer: &[u8], packed: &[u8], media_type: &str) -> Vec<u8> {
    let config = json!({"rootfs": {"type": "layers", "diff_ids": [digest(layer)]}}).to_string();
    let describe = |media_type: &str, bytes: &[u8]| json!({"mediaType": media_type, "digest": digest(bytes), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": describe("application/vnd.oci.image.config.v1+json", config.as_bytes()),
        "layers": [describe(media_type, packed)],
    })
    .to_string();
    let mut named = describe(
        "application/vnd.oci.image.manifest.v1+json",
        manifest.as_bytes(),
    );
    named["annotations"] = json!({"org.opencontainers.image.ref.name": "v1"});
    let index = json!({"schemaVersion": 2, "manifests": [named]}).to_string();
    let name = |bytes: &[u8]| format!("blobs/sha256/{}", &digest(bytes)[7..]);
    tar(&[
        (&name(packed), packed),
        (&name(config.as_bytes()), config.as_bytes()),
        (&name(manifest.as_bytes()), manifest.as_bytes()),
        ("index.json", index.as_bytes()),
    ])
    .await
}

/// Stores a tarball, and tells how many layers were there before.
async fn store(app: &TestApp, user: &str, name: &str, tarball: Vec<u8>) -> u64 {
    let path = format!("/api/v1/images/{name}");
    let request = app.by(user, Method::PUT, &path).body(tarball);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let stored: Value = response.json().await.unwrap();
    stored["images"][0]["layers_reused"].as_u64().unwrap()
}

/// Is the one layer of an image, as its manifest describes it, and the blob.
async fn stored_layer(app: &TestApp, user: &str, name: &str) -> (String, Vec<u8>) {
    let path = format!("/v2/{name}/manifests/v1");
    let manifest = app.by(user, Method::GET, &path).send().await.unwrap();
    assert_eq!(manifest.status(), StatusCode::OK);
    let layer = manifest.json::<Value>().await.unwrap()["layers"][0].clone();
    let path = format!("/v2/{name}/blobs/{}", layer["digest"].as_str().unwrap());
    let blob = app.by(user, Method::GET, &path).send().await.unwrap();
    assert_eq!(blob.status(), StatusCode::OK);
    assert_eq!(
        header(&blob, "content-length"),
        layer["size"].as_u64().unwrap().to_string()
    );
    let media_type = layer["mediaType"].as_str().unwrap().to_owned();
    (media_type, blob.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn what_may_be_read_is_not_stored_twice_and_nothing_tells_of_the_rest() {
    let app = app().await;
    let layer = tar(&[("hello", b"world")]).await;
    app.create("bob", "bob/private", "private").await;
    app.create("alice", "alice/public", "public").await;
    app.create("alice", "alice/private", "private").await;

    assert_eq!(
        store(&app, "bob", "bob/private", saved(&layer).await).await,
        0
    );
    // Alice may not know that Bob has it.
    assert_eq!(
        store(&app, "alice", "alice/private", saved(&layer).await).await,
        0
    );
    // It is hers now, whichever repository of hers it goes to.
    assert_eq!(
        store(&app, "alice", "alice/public", saved(&layer).await).await,
        1
    );
    // And what is public is everyone's.
    assert_eq!(
        store(&app, "bob", "bob/other", saved(&layer).await).await,
        1
    );
    for (user, name) in [("alice", "alice/public"), ("bob", "bob/other")] {
        let (media_type, blob) = stored_layer(&app, user, name).await;
        assert!(media_type.ends_with("tar+gzip"));
        assert!(blob.starts_with(&[0x1f, 0x8b]));
    }
}

#[tokio::test]
async fn a_known_layer_counts_only_when_it_is_what_its_name_says() {
    let app = app().await;
    let layer = tar(&[("hello", b"world")]).await;
    store(&app, "alice", "alice/app", saved(&layer).await).await;
    let mut lying = saved(&layer).await;
    let at = lying.windows(5).position(|some| some == b"world").unwrap();
    lying[at] = b'W';
    let request = app.by("alice", Method::PUT, "/api/v1/images/alice/app");
    let response = request.body(lying).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let text = response.text().await.unwrap();
    assert!(text.contains("does not hold what its name says"), "{text}");
}

#[tokio::test]
async fn a_compressed_layer_is_known_by_its_own_digest() {
    const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    let app = app().await;
    let layer = tar(&[("hello", b"world")]).await;
    let tarball = layout(&layer, &gzip(&layer), GZIP).await;
    assert_eq!(store(&app, "alice", "alice/app", tarball.clone()).await, 0);
    assert_eq!(store(&app, "alice", "alice/other", tarball).await, 1);
    assert_eq!(
        stored_layer(&app, "alice", "alice/other").await.1,
        gzip(&layer)
    );
}

#[tokio::test]
async fn a_layer_known_as_zstd_is_not_taken_for_gzip() {
    const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    let app = app().await;
    let layer = tar(&[("hello", b"world")]).await;
    let packed = zstd::encode_all(&layer[..], 3).unwrap();
    store(
        &app,
        "alice",
        "alice/z",
        layout(&layer, &packed, ZSTD).await,
    )
    .await;
    store(&app, "alice", "alice/g", saved(&layer).await).await;
    assert_eq!(
        stored_layer(&app, "alice", "alice/z").await,
        (ZSTD.to_owned(), packed)
    );
    let (media_type, blob) = stored_layer(&app, "alice", "alice/g").await;
    assert!(media_type.ends_with("tar+gzip"));
    assert!(blob.starts_with(&[0x1f, 0x8b]));
}

/// Asks which of some layers may be left out.
async fn known(app: &TestApp, user: &str, layers: &[&str]) -> Vec<String> {
    let request = app.by(user, Method::POST, "/api/v1/layers");
    let answer = request
        .json(&json!({ "layers": layers }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let known = answer.json::<Value>().await.unwrap()["known"].clone();
    let mut known: Vec<String> = serde_json::from_value(known).unwrap();
    known.sort();
    known
}

#[tokio::test]
async fn a_layer_that_is_known_may_be_left_out() {
    let app = app().await;
    let layer = tar(&[("hello", b"world")]).await;
    let diff_id = digest(&layer);
    app.create("alice", "alice/app", "private").await;
    store(&app, "alice", "alice/app", saved(&layer).await).await;
    let (_, blob) = stored_layer(&app, "alice", "alice/app").await;
    let (blob, other) = (digest(&blob), digest(b"other"));
    let asked = [diff_id.as_str(), &blob, &other];
    let mut both = vec![diff_id.clone(), blob.clone()];
    both.sort();
    assert_eq!(known(&app, "alice", &asked).await, both);
    assert!(known(&app, "bob", &asked).await.is_empty());

    // Where the layer was, a link leads to its digest, as `mydocker push` sends it.
    let config = json!({"rootfs": {"type": "layers", "diff_ids": [diff_id]}}).to_string();
    let manifest = json!([{"Config": "c.json", "RepoTags": ["x:v1"], "Layers": ["l/layer.tar"]}]);
    let mut link = tokio_tar::Header::new_ustar();
    link.set_entry_type(tokio_tar::EntryType::Symlink);
    link.set_path("l/layer.tar").unwrap();
    let target = format!("../blobs/sha256/{}", &diff_id[7..]);
    link.set_link_name(&target).unwrap();
    link.set_size(0);
    link.set_cksum();
    let mut tarball = link.as_bytes().to_vec();
    let manifest = manifest.to_string();
    let rest = [
        ("c.json", config.as_bytes()),
        ("manifest.json", manifest.as_bytes()),
    ];
    tarball.extend(tar(&rest).await);
    app.create("alice", "alice/thin", "private").await;
    assert_eq!(store(&app, "alice", "alice/thin", tarball.clone()).await, 1);
    let thin = stored_layer(&app, "alice", "alice/thin").await;
    assert_eq!(thin, stored_layer(&app, "alice", "alice/app").await);

    // Who can't read it can't have it by its digest.
    let request = app
        .by("bob", Method::PUT, "/api/v1/images/bob/thin")
        .body(tarball);
    let refused = request.send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let text = refused.text().await.unwrap();
    assert!(text.contains("which is not in it"), "{text}");
}
