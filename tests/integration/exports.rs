//! Images as tarballs: for one machine, for all, for old engines.

use std::collections::HashMap;

use futures::StreamExt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::app::{INDEX, MANIFEST, TestApp, descriptor, digest, error, header};
use crate::tarballs::{gzip, tar};

pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// An image for each of two machines under one tag: zstd layers for amd64, gzip for arm64/v8.
struct TwoMachines {
    app: TestApp,
    index: String,
    amd64: String,
    arm64: String,
    layer: Vec<u8>,
}

pub async fn push(
    app: &TestApp,
    platform: &Value,
    layer: &[u8],
    packed: &[u8],
    end: &str,
) -> String {
    let mut config = platform.clone();
    config["rootfs"] = json!({"type": "layers", "diff_ids": [digest(layer)]});
    let config = config.to_string();
    app.push_blob("alice", "alice/app", config.as_bytes()).await;
    app.push_blob("alice", "alice/app", packed).await;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, config.as_bytes()),
        "layers": [descriptor(&format!("{LAYER}{end}"), packed)],
    })
    .to_string();
    let reference = digest(manifest.as_bytes());
    app.put_manifest("alice", "alice/app", &reference, MANIFEST, &manifest)
        .await;
    manifest
}

async fn two_machines() -> TwoMachines {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.create("alice", "alice/app", "public").await;
    let layer = tar(&[("hello", &[b'x'; 5000])]).await;
    let on_amd64 = json!({"os": "linux", "architecture": "amd64"});
    let on_arm64 = json!({"os": "linux", "architecture": "arm64", "variant": "v8"});
    let zstd = zstd::encode_all(&layer[..], 3).unwrap();
    let amd64 = push(&app, &on_amd64, &layer, &zstd, "+zstd").await;
    let arm64 = push(&app, &on_arm64, &layer, &gzip(&layer), "+gzip").await;
    let listed = |manifest: &str, platform: &Value| {
        let mut listed = descriptor(MANIFEST, manifest.as_bytes());
        listed["platform"] = platform.clone();
        listed
    };
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [listed(&amd64, &on_amd64), listed(&arm64, &on_arm64)],
    })
    .to_string();
    app.put_manifest("alice", "alice/app", "v1", INDEX, &index)
        .await;
    TwoMachines {
        app,
        index,
        amd64,
        arm64,
        layer,
    }
}

impl TwoMachines {
    async fn get(&self, query: &str) -> reqwest::Response {
        let path = format!("/api/v1/images/alice/app:v1{query}");
        self.app.anonymous(Method::GET, &path).send().await.unwrap()
    }

    async fn files(&self, query: &str) -> HashMap<String, Vec<u8>> {
        let response = self.get(query).await;
        assert_eq!(response.status(), StatusCode::OK);
        let length: usize = header(&response, "content-length").parse().unwrap();
        let tarball = response.bytes().await.unwrap();
        assert_eq!(tarball.len(), length);
        files(&tarball).await
    }
}

pub async fn files(tarball: &[u8]) -> HashMap<String, Vec<u8>> {
    let mut archive = tokio_tar::Archive::new(tarball);
    let mut entries = archive.entries().unwrap();
    let mut files = HashMap::new();
    while let Some(entry) = entries.next().await {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).await.unwrap();
        files.insert(name, bytes);
    }
    files
}

fn place(content: &[u8]) -> String {
    format!("blobs/sha256/{}", &digest(content)[7..])
}

#[tokio::test]
async fn each_machine_gets_its_image() {
    let two = two_machines().await;
    for (query, manifest, file_name) in [
        ("", &two.amd64, "alice-app-v1.tar"),
        (
            "?platform=linux/amd64",
            &two.amd64,
            "alice-app-v1-linux-amd64.tar",
        ),
        (
            "?platform=linux/arm64",
            &two.arm64,
            "alice-app-v1-linux-arm64.tar",
        ),
        (
            "?platform=linux/arm64/v8",
            &two.arm64,
            "alice-app-v1-linux-arm64-v8.tar",
        ),
    ] {
        let response = two.get(query).await;
        let got = header(&response, "docker-content-digest");
        assert_eq!(got, digest(manifest.as_bytes()), "{query}");
        assert!(header(&response, "content-disposition").contains(file_name));
    }
    let refused = two.get("?platform=linux/s390x").await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    let text = refused.text().await.unwrap();
    let told =
        "v1 of alice/app is there for linux/amd64 and linux/arm64/v8, and not for linux/s390x";
    assert!(text.contains(told), "{text}");
    for (query, code) in [
        ("?platform=linux", "PLATFORM_INVALID"),
        ("?compat=docker99", "COMPAT_INVALID"),
        ("?compat=docker20&platform=all", "PLATFORM_INVALID"),
    ] {
        assert_eq!(error(two.get(query).await).await, (400, code.to_owned()));
    }
}

#[tokio::test]
async fn an_image_for_one_machine_is_not_given_for_another() {
    let two = two_machines().await;
    let path = format!("/api/v1/images/alice/app@{}", digest(two.arm64.as_bytes()));
    let get = |query: &str| two.app.anonymous(Method::GET, &format!("{path}{query}"));
    for (query, status) in [
        ("", StatusCode::OK),
        ("?platform=linux/arm64", StatusCode::OK),
        ("?platform=linux/amd64", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(get(query).send().await.unwrap().status(), status, "{query}");
    }
}

#[tokio::test]
async fn everything_comes_out_and_goes_in_again_as_it_was() {
    let two = two_machines().await;
    let files = two.files("?platform=all").await;
    for content in [
        two.index.as_bytes(),
        two.amd64.as_bytes(),
        two.arm64.as_bytes(),
    ] {
        assert_eq!(files[&place(content)], content);
    }
    assert!(files.contains_key(&place(&gzip(&two.layer))));
    let tarball = two.get("?platform=all").await.bytes().await.unwrap();
    let request = two
        .app
        .by("alice", Method::PUT, "/api/v1/images/alice/copy:v2");
    let stored = request.body(tarball).send().await.unwrap();
    assert_eq!(stored.status(), StatusCode::CREATED);
    let stored: Value = stored.json().await.unwrap();
    assert_eq!(stored["images"][0]["digest"], digest(two.index.as_bytes()));
    let arm64 = format!("/v2/alice/copy/manifests/{}", digest(two.arm64.as_bytes()));
    let arm64 = two.app.ask("alice", Method::GET, &arm64).await;
    assert_eq!(arm64.text().await.unwrap(), two.arm64);
}

#[tokio::test]
async fn old_engines_get_what_they_can_unpack() {
    let two = two_machines().await;
    let files = two.files("?compat=docker20").await;
    // Unpacked, it stands at the place of its diff id.
    let layer = place(&two.layer);
    assert_eq!(files[&layer], two.layer);
    let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    assert_eq!(manifest[0]["Layers"], json!([layer]));
    assert_eq!(manifest[0]["RepoTags"], json!(["alice/app:v1"]));
    assert!(files.contains_key(manifest[0]["Config"].as_str().unwrap()));
    assert!(
        files
            .keys()
            .all(|name| name == "manifest.json" || *name == place(&files[name]))
    );
    assert_eq!(files.len(), 4);
    // It goes in again, as gzip then.
    let tarball = two.get("?compat=docker20").await.bytes().await.unwrap();
    let request = two
        .app
        .by("alice", Method::PUT, "/api/v1/images/alice/old:v1");
    let stored = request.body(tarball.clone()).send().await.unwrap();
    assert_eq!(stored.status(), StatusCode::CREATED);
    // And a download that was cut goes on.
    let path = "/api/v1/images/alice/app:v1?compat=docker20";
    for from in [0, 600, 3000, tarball.len() - 1500] {
        let request = two.app.anonymous(Method::GET, path);
        let rest = request.header("range", format!("bytes={from}-")).send();
        let rest = rest.await.unwrap().bytes().await.unwrap();
        assert!(rest == tarball[from..], "from {from}");
    }
    // What has no zstd in it is the same for all.
    let (old, new) = (
        "?platform=linux/arm64&compat=docker20",
        "?platform=linux/arm64",
    );
    assert_eq!(two.files(old).await, two.files(new).await);
}

/// What docker's containerd store saves of an image: an index with what is attached, and beside it a list of the one
/// image, in which that is missing.
async fn saved_by_a_store(index: &str, files: &[(String, Vec<u8>)], saved: &Value) -> Vec<u8> {
    let named = |tag: &str| {
        let mut named = descriptor(INDEX, index.as_bytes());
        named["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
        named
    };
    let layout = json!({"schemaVersion": 2, "manifests": [named("one"), named("two")]}).to_string();
    let (saved, place) = (saved.to_string(), place(index.as_bytes()));
    let mut all: Vec<(&str, &[u8])> = vec![
        ("index.json", layout.as_bytes()),
        ("manifest.json", saved.as_bytes()),
        (&place, index.as_bytes()),
    ];
    all.extend(
        files
            .iter()
            .map(|(name, bytes)| (name.as_str(), &bytes[..])),
    );
    tar(&all).await
}

#[tokio::test]
async fn an_index_comes_in_with_what_is_attached_to_its_images() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let layer = tar(&[("hello", b"world")]).await;
    let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]}});
    let (config, packed) = (config.to_string(), gzip(&layer));
    let statement = br#"{"_type":"https://in-toto.io/Statement/v0.1"}"#.to_vec();
    let manifest = |config: &str, of: &[u8], media_type: &str| {
        json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, config.as_bytes()),
            "layers": [descriptor(media_type, of)],
        })
        .to_string()
    };
    let image = manifest(&config, &packed, &format!("{LAYER}+gzip"));
    let attestation = manifest("{}", &statement, "application/vnd.in-toto+json");
    let listed = |manifest: &str, platform: Value| {
        let mut listed = descriptor(MANIFEST, manifest.as_bytes());
        listed["platform"] = platform;
        listed
    };
    let amd64 = json!({"os": "linux", "architecture": "amd64"});
    let mut manifests = vec![
        listed(&image, amd64),
        listed(
            &attestation,
            json!({"os": "unknown", "architecture": "unknown"}),
        ),
    ];
    let files: Vec<(String, Vec<u8>)> = [
        image.as_bytes(),
        attestation.as_bytes(),
        config.as_bytes(),
        b"{}",
        &packed,
        &statement,
    ]
    .iter()
    .map(|bytes| (place(bytes), bytes.to_vec()))
    .collect();
    let (config_place, layer_place) = (place(config.as_bytes()), place(&packed));
    let saved =
        json!([{"Config": config_place, "RepoTags": ["x:one", "x:two"], "Layers": [layer_place]}]);
    let whole = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).to_string();
    manifests.push(listed(
        "not here",
        json!({"os": "linux", "architecture": "arm64"}),
    ));
    let sparse =
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).to_string();

    for (name, index, expected) in [
        ("alice/whole", &whole, true),
        ("alice/sparse", &sparse, false),
    ] {
        let tarball = saved_by_a_store(index, &files, &saved).await;
        let path = format!("/api/v1/images/{name}");
        let stored = app
            .by("alice", Method::PUT, &path)
            .body(tarball)
            .send()
            .await
            .unwrap();
        assert_eq!(stored.status(), StatusCode::CREATED, "{name}");
        let stored: Value = stored.json().await.unwrap();
        let images = stored["images"].as_array().unwrap();
        let tags: Vec<&Value> = images.iter().map(|image| &image["tag"]).collect();
        assert_eq!(tags, ["one", "two"], "{name}");
        // Of an index whose images are not all there, the one that is makes the image.
        let is_index = images[0]["digest"] == digest(index.as_bytes());
        assert_eq!(is_index, expected, "{name}");
    }
    let path = format!(
        "/v2/alice/whole/manifests/{}",
        digest(attestation.as_bytes())
    );
    let kept = app.ask("alice", Method::GET, &path).await;
    assert_eq!(kept.text().await.unwrap(), attestation);
}
