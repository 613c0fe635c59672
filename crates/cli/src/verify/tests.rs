//! Tarballs with one thing wrong each.

use serde_json::json;

use super::*;
use crate::progress::{Progress, Screen, Size};

type Files = Vec<(String, Vec<u8>)>;

fn digest(bytes: &[u8]) -> Digest {
    let hash = <Sha256 as sha2::Digest>::digest(bytes);
    Digest::from_hash(Algorithm::Sha256, &hash).unwrap()
}

fn name(digest: &Digest) -> String {
    format!("blobs/{}", digest.as_str().replace(':', "/"))
}

fn blob(bytes: &[u8]) -> (String, Vec<u8>) {
    (name(&digest(bytes)), bytes.to_vec())
}

/// An image of one layer as the server lays it out, and the digest of its manifest.
fn image() -> (Digest, Files) {
    image_with(b"{}", b"a layer")
}

fn image_with(config: &[u8], layer: &[u8]) -> (Digest, Files) {
    let descriptor = |media_type: &str, bytes: &[u8]| json!({ "mediaType": media_type, "digest": digest(bytes).as_str(), "size": bytes.len() });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
    });
    let manifest = manifest.to_string().into_bytes();
    let saved = json!([{
        "Config": name(&digest(config)),
        "RepoTags": ["alice/app:v1"],
        "Layers": [name(&digest(layer))],
    }]);
    let files = vec![
        ("manifest.json".to_owned(), saved.to_string().into_bytes()),
        blob(&manifest),
        blob(config),
        blob(layer),
    ];
    (digest(&manifest), files)
}

async fn check(top: Digest, files: &Files) -> Result<(), String> {
    let mut tarball = tokio_tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tokio_tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // Written as raw bytes: hostile names stay as they are.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tarball.append(&header, bytes.as_slice()).await.unwrap();
    }
    let tarball = tarball.into_inner().await.unwrap();
    let progress = Progress::start(Screen::Silent, "", Size::Unknown);
    let check = Check::start(top, progress.layers());
    for piece in tarball.chunks(700) {
        check.see(Bytes::copy_from_slice(piece)).await;
    }
    check.finish().await.map_err(|error| error.to_string())
}

async fn wrong(change: impl FnOnce(&mut Digest, &mut Files)) -> String {
    let (mut top, mut files) = image();
    change(&mut top, &mut files);
    check(top, &files).await.unwrap_err()
}

#[tokio::test]
async fn what_was_asked_for_passes_in_any_order() {
    let (top, mut files) = image();
    assert_eq!(check(top.clone(), &files).await, Ok(()));
    files.swap(2, 3);
    assert_eq!(check(top, &files).await, Ok(()));
}

#[tokio::test]
async fn a_changed_byte_is_found() {
    let message = wrong(|_, files| files[3].1[0] ^= 1).await;
    let layer = digest(b"a layer");
    assert!(
        message.contains(&format!("{layer} has the content of sha256:")),
        "{message}"
    );
}

#[tokio::test]
async fn a_missing_layer_and_a_missing_manifest_are_found() {
    let message = wrong(|_, files| drop(files.pop())).await;
    assert!(
        message.ends_with(&format!("{} is missing", digest(b"a layer"))),
        "{message}"
    );
    let message = wrong(|top, _| *top = digest(b"another")).await;
    assert!(
        message.ends_with(&format!("{} is missing", digest(b"another"))),
        "{message}"
    );
}

#[tokio::test]
async fn docker_is_told_to_load_nothing_else() {
    let message = wrong(|_, files| {
        files.push(blob(b"another layer"));
        let layer = name(&digest(b"another layer"));
        let saved = json!([{ "Config": name(&digest(b"{}")), "Layers": [layer] }]);
        files[0].1 = saved.to_string().into_bytes();
    })
    .await;
    assert!(
        message.contains("manifest.json names blobs/sha256/"),
        "{message}"
    );
    let message = wrong(|_, files| {
        let saved = json!([{ "Config": "evil.json", "Layers": [] }]);
        files[0].1 = saved.to_string().into_bytes();
    })
    .await;
    assert!(message.contains("names evil.json"), "{message}");
}

#[tokio::test]
async fn a_layer_may_come_unpacked_as_the_configuration_says() {
    let plain = b"an unpacked layer";
    let config = json!({ "rootfs": { "type": "layers", "diff_ids": [digest(plain)] } }).to_string();
    let (top, mut files) = image_with(config.as_bytes(), b"a layer");
    let saved =
        json!([{ "Config": name(&digest(config.as_bytes())), "Layers": [name(&digest(plain))] }]);
    files[0].1 = saved.to_string().into_bytes();
    files[3] = blob(plain);
    assert_eq!(check(top.clone(), &files).await, Ok(()));
    files[3] = blob(b"another layer");
    let message = check(top, &files).await.unwrap_err();
    let layer = digest(b"a layer");
    assert!(
        message.ends_with(&format!("{layer} is missing")),
        "{message}"
    );
}

#[tokio::test]
async fn nothing_passes_that_an_engine_could_read_otherwise() {
    let (evil, hidden) = image_with(b"{\"evil\":1}", b"an evil layer");
    for file in [
        "./manifest.json",
        "/manifest.json",
        "a/../manifest.json",
        "Manifest.json",
        "evil.json",
    ] {
        let message = wrong(|_, files| files.push((file.to_owned(), hidden[0].1.clone()))).await;
        assert!(message.contains("no part of an image"), "{file}: {message}");
    }
    let (config, manifest) = (name(&digest(b"{}")), hidden[0].1.clone());
    for file in [
        format!("./{config}"),
        config.replace("blobs", "blobs/."),
        config.to_uppercase(),
    ] {
        let message = wrong(|_, files| files.push((file.clone(), b"evil".to_vec()))).await;
        assert!(message.contains("no part of an image"), "{file}: {message}");
    }
    let message = wrong(|_, files| files.push(("manifest.json".to_owned(), manifest))).await;
    assert!(message.contains("manifest.json twice"), "{message}");
    let listed = json!({"schemaVersion": 2, "manifests": [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": evil.as_str(), "size": 1},
    ]});
    let message = wrong(|_, files| {
        files.extend(hidden[1..].to_vec());
        files.push(("index.json".to_owned(), listed.to_string().into_bytes()));
    })
    .await;
    assert!(message.contains("which was not asked for"), "{message}");
}

#[tokio::test]
async fn keys_that_differ_by_case_are_refused() {
    let layers = [name(&digest(b"a layer"))];
    let config = name(&digest(b"{}"));
    for saved in [
        json!([{"Config": config, "Layers": layers, "layers": []}]),
        json!([{"Config": config, "config": "x", "Layers": layers}]),
        json!([{"Config": config, "Layers": layers, "Parent": "x"}]),
    ] {
        let message = wrong(|_, files| files[0].1 = saved.to_string().into_bytes()).await;
        assert!(message.contains("unknown field"), "{message}");
    }
    let index = json!({"schemaVersion": 2, "manifests": [], "Manifests": []}).to_string();
    let message = wrong(|_, files| files.push(("index.json".to_owned(), index.into_bytes()))).await;
    assert!(message.contains("unknown field"), "{message}");
}

#[tokio::test]
async fn docker_is_told_of_all_layers_in_their_order() {
    let config = name(&digest(b"{}"));
    let layer = name(&digest(b"a layer"));
    for layers in [
        vec![],
        vec![layer.clone(), layer.clone()],
        vec![config.clone()],
    ] {
        let saved = json!([{"Config": config, "Layers": layers}]).to_string();
        let message = wrong(|_, files| files[0].1 = saved.into_bytes()).await;
        assert!(message.contains("not of this image"), "{message}");
    }
}

#[tokio::test]
async fn entries_that_say_something_about_the_next_are_refused() {
    for kind in [b'L', b'K', b'x', b'g', b'S', b'1', b'2', b'3', b'6'] {
        let mut header = tokio_tar::Header::new_ustar();
        header.as_old_mut().name[..13].copy_from_slice(b"manifest.json");
        header.as_old_mut().linkflag = [kind];
        // More than anybody could keep in memory.
        header.set_size(1 << 40);
        header.set_cksum();
        let progress = Progress::start(Screen::Silent, "", Size::Unknown);
        let check = Check::start(image().0, progress.layers());
        check.see(Bytes::copy_from_slice(header.as_bytes())).await;
        let refused = check.finish().await.unwrap_err().to_string();
        let told = refused.contains("no part of an image");
        assert!(told, "{}: {refused}", char::from(kind));
    }
}

/// Builds an image with an attached artifact, and the `index.json` that lists both.
fn signed(names: &serde_json::Value) -> (Digest, Files) {
    let (top, mut files) = image();
    let referrer = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(b"{}").as_str(), "size": 2},
        "layers": [],
        "subject": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": top.as_str(), "size": 1},
    });
    let referrer = referrer.to_string().into_bytes();
    let mut listed =
        json!({"mediaType": "a/b", "digest": digest(&referrer).as_str(), "size": referrer.len()});
    if !names.is_null() {
        listed["annotations"] = names.clone();
    }
    let own = json!({"mediaType": "a/b", "digest": top.as_str(), "size": 1});
    let index = json!({"schemaVersion": 2, "manifests": [own, listed]});
    files.insert(0, ("index.json".to_owned(), index.to_string().into_bytes()));
    files.push(blob(&referrer));
    (top, files)
}

#[tokio::test]
async fn what_is_attached_comes_along_but_under_no_name() {
    let (top, files) = signed(&json!(null));
    assert_eq!(check(top, &files).await, Ok(()));
    let (top, files) =
        signed(&json!({"io.containerd.image.name": "docker.io/library/nginx:latest"}));
    let error = check(top, &files).await.unwrap_err();
    assert!(error.contains("was not asked for"), "{error}");
    // Listed, and not there.
    let (top, mut files) = signed(&json!(null));
    files.pop();
    let error = check(top, &files).await.unwrap_err();
    assert!(error.contains("was not asked for"), "{error}");
}

/// An entry with a record in front of it.
async fn named_by(record: &str, name: &str, content: &[u8]) -> Result<(), String> {
    let mut tarball = tokio_tar::Builder::new(Vec::new());
    for (kind, name, bytes) in [
        (tokio_tar::EntryType::XHeader, "pax", record.as_bytes()),
        (tokio_tar::EntryType::Regular, name, content),
    ] {
        let mut header = tokio_tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tarball.append(&header, bytes).await.unwrap();
    }
    let tarball = tarball.into_inner().await.unwrap();
    let mut found = Found::of(digest(b"top"));
    let progress = Progress::start(Screen::Silent, "", Size::Unknown);
    let read = found.read(&tarball[..], &progress.layers()).await;
    read.map_err(|error| error.to_string())
}

#[tokio::test]
async fn long_names_are_those_of_blobs_alone() {
    let hash = <Sha512 as sha2::Digest>::digest(b"content");
    let long = name(&Digest::from_hash(Algorithm::Sha512, &hash).unwrap());
    let record = format!("151 path={long}\n");
    assert_eq!(record.len(), 151);
    assert_eq!(named_by(&record, &long[..100], b"content").await, Ok(()));
    for (record, name, why) in [
        (record.clone(), "manifest.json", "under another name"),
        (record.clone(), &long[..100], "has the content of"),
        (
            format!("152 path={long}\n"),
            &long[..100],
            "attributes of an entry",
        ),
        (
            format!("{record}12 size=999\n"),
            &long[..100],
            "attributes of an entry",
        ),
        (
            "22 path=../etc/passwd\n".to_owned(),
            "..",
            "no part of an image",
        ),
    ] {
        let read = named_by(&record, name, b"other").await.unwrap_err();
        assert!(read.contains(why), "{record}: {read}");
    }
}
