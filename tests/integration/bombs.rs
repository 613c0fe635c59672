//! Tarballs that are small when they are sent and large when they are read.

use std::io::Write;
use std::time::{Duration, Instant};

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{INDEX, MANIFEST, TestApp, descriptor, digest, error, peak_mib};
use crate::tarballs::{gzip, tar};

/// Longest time in which a bomb is refused, on a busy machine.
const SOON: Duration = Duration::from_secs(20);

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app
}

async fn put(app: &TestApp, tarball: Vec<u8>) -> Response {
    let request = app.by("alice", Method::PUT, "/api/v1/images/alice/bomb:v1");
    let sent = tokio::time::timeout(SOON, request.body(tarball).send()).await;
    sent.expect("an answer in time").unwrap()
}

/// A header of some kind, with a length that may be a lie.
fn header(kind: u8, name: &str, size_bytes: u64) -> Vec<u8> {
    let mut header = tokio_tar::Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_entry_type(tokio_tar::EntryType::new(kind));
    header.set_mode(0o644);
    header.set_size(size_bytes);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// Compresses a start and so many MiB of zeros.
fn zeros(start: &[u8], mib: usize) -> (Vec<u8>, Vec<u8>) {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut zstd = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let block = vec![0; 1024 * 1024];
    gzip.write_all(start).unwrap();
    zstd.write_all(start).unwrap();
    for _ in 0..mib {
        gzip.write_all(&block).unwrap();
        zstd.write_all(&block).unwrap();
    }
    (gzip.finish().unwrap(), zstd.finish().unwrap())
}

#[tokio::test]
async fn headers_that_hold_more_than_a_name_are_refused() {
    let app = app().await;
    let before = peak_mib();
    for kind in [b'L', b'K', b'x', b'g'] {
        let (gzip, zstd) = zeros(&header(kind, "././@LongLink", 512 << 20), 512);
        for bomb in [gzip, zstd] {
            let answer = put(&app, bomb).await;
            assert_eq!(error(answer).await, (400, "TARBALL_INVALID".to_owned()));
        }
    }
    let mut many = Vec::new();
    for _ in 0..100 {
        many.extend(header(b'g', "x", 0));
    }
    assert_eq!(put(&app, many).await.status(), StatusCode::BAD_REQUEST);
    let more = peak_mib() - before;
    assert!(more < 64, "{more} MiB");
}

#[tokio::test]
async fn sparse_files_are_refused() {
    let app = app().await;
    let answer = put(&app, header(b'S', "a", 1 << 50)).await;
    assert_eq!(error(answer).await, (400, "TARBALL_INVALID".to_owned()));
    let mut sparse = header(b'x', "a", 22);
    sparse.extend(b"22 GNU.sparse.major=1\n");
    sparse.resize(1024, 0);
    sparse.extend(header(b'0', "a", 0));
    assert_eq!(put(&app, sparse).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_unpacks_to_far_more_than_was_sent_is_refused() {
    let app = app().await;
    let (gzip, zstd) = zeros(&header(b'0', "layer.tar", 1 << 30), 1024);
    for bomb in [gzip, zstd] {
        let answer = put(&app, bomb).await;
        assert_eq!(error(answer).await, (400, "TARBALL_INVALID".to_owned()));
    }
}

#[tokio::test]
async fn entries_and_names_are_bounded() {
    let app = app().await;
    let mut folders = Vec::new();
    for n in 0..20_001 {
        folders.extend(header(b'5', &format!("f{n}"), 0));
    }
    assert_eq!(
        put(&app, gzip(&folders)).await.status(),
        StatusCode::BAD_REQUEST
    );
    let mut links = Vec::new();
    for n in 0..1_100 {
        links.extend(header(b'K', "x", 4096));
        links.extend([b'a'; 4096]);
        links.extend(header(b'2', &format!("l{n}"), 0));
    }
    assert_eq!(
        put(&app, gzip(&links)).await.status(),
        StatusCode::BAD_REQUEST
    );
}

/// Indexes whose entries all name the same one below.
async fn nested(entries: usize, with_manifest: bool) -> Vec<u8> {
    let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}});
    let config = config.to_string().into_bytes();
    let kind = "application/vnd.oci.image.config.v1+json";
    let image = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(kind, &config), "layers": []});
    let mut documents = vec![config.clone(), image.to_string().into_bytes()];
    let mut top = descriptor(MANIFEST, &documents[1]);
    for _ in 0..3 {
        let index =
            json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": vec![top; entries]});
        let index = index.to_string().into_bytes();
        top = descriptor(INDEX, &index);
        documents.push(index);
    }
    top["annotations"] = json!({"org.opencontainers.image.ref.name": "v1"});
    let layout = json!({"schemaVersion": 2, "manifests": [top]}).to_string();
    let name = |bytes: &[u8]| digest(bytes).replace("sha256:", "blobs/sha256/");
    let saved: Value = json!([{"Config": name(&config), "RepoTags": ["x:v1"], "Layers": []}]);
    let saved = saved.to_string();
    let names: Vec<String> = documents.iter().map(|document| name(document)).collect();
    let mut files: Vec<(&str, &[u8])> = Vec::new();
    for (name, document) in names.iter().zip(&documents) {
        files.push((name, document));
    }
    files.push(("index.json", layout.as_bytes()));
    if with_manifest {
        files.push(("manifest.json", saved.as_bytes()));
    }
    gzip(&tar(&files).await)
}

#[tokio::test]
async fn each_document_is_looked_at_once_however_often_it_is_named() {
    let app = app().await;
    for with_manifest in [true, false] {
        for entries in [40, 1000] {
            let began = Instant::now();
            let answer = put(&app, nested(entries, with_manifest).await).await;
            let status = answer.status();
            assert!(
                status == 201 || status == 400,
                "{status}: {}",
                answer.text().await.unwrap()
            );
            assert!(began.elapsed() < SOON);
        }
    }
}

#[tokio::test]
async fn a_cancelled_import_stops_and_counts_until_then() {
    let app = app().await;
    let begin = async |n: usize| {
        let request = app.by("alice", Method::POST, "/api/v1/imports");
        let request = request.json(&json!({"name": format!("alice/many{n}:v1")}));
        request.send().await.unwrap()
    };
    let mut started = Vec::new();
    for n in 0..16 {
        let answer = begin(n).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        started.push(crate::app::header(&answer, "location").to_owned());
    }
    assert_eq!(
        error(begin(16).await).await,
        (429, "TOO_MANY_IMPORTS".to_owned())
    );
    for location in started {
        let answer = app.ask("alice", Method::DELETE, &location).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        let gone = app.ask("alice", Method::GET, &location).await;
        assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    }
    let ended = async {
        while begin(17).await.status() != StatusCode::CREATED {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), ended)
        .await
        .expect("places are free again");
}
