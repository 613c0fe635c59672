//! Bounds on images that are on their way out as tarballs.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::{INDEX, MANIFEST, TestApp, descriptor, digest, error, header, peak_mib};
use crate::exports::{CONFIG, files, push};
use crate::tarballs::tar;

/// Pushes an index of manifests that have almost 4 MiB each, and returns the digest of the first of them.
async fn push_long_documents(app: &TestApp, count: usize) -> String {
    let config = app.push_blob("alice", "alice/app", b"{}").await;
    let mut listed = Vec::new();
    for n in 0..count {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": config, "size": 2},
            "layers": [],
            "annotations": {"n": n.to_string(), "long": "x".repeat(4_000_000)},
        })
        .to_string();
        listed.push(descriptor(MANIFEST, manifest.as_bytes()));
        let reference = digest(manifest.as_bytes());
        app.put_manifest("alice", "alice/app", &reference, MANIFEST, &manifest)
            .await;
    }
    let first = listed[0]["digest"].as_str().unwrap().to_owned();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed});
    app.put_manifest("alice", "alice/app", "long", INDEX, &index.to_string())
        .await;
    first
}

#[tokio::test]
async fn manifests_that_nobody_reads_are_not_held() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let manifest = push_long_documents(&app, 12).await;
    let before = peak_mib();
    let mut unread = Vec::new();
    for _ in 0..20 {
        for path in [
            "/api/v1/images/alice/app:long?platform=all".to_owned(),
            format!("/v2/alice/app/manifests/{manifest}"),
            format!("/api/v1/repositories/alice/app/-/manifests/{manifest}"),
        ] {
            let answer = app.anonymous(Method::GET, &path).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            unread.push(answer);
        }
    }
    let more = peak_mib() - before;
    // Drivers of database servers keep buffers of some manifests; held whole, it would be a gigabyte.
    assert!(more < 200, "{more} MiB");
    // Whoever does read gets every byte.
    let whole = unread.pop().unwrap().bytes().await.unwrap();
    assert_eq!(digest(&whole), manifest);
    let tarball = unread.swap_remove(0).bytes().await.unwrap();
    let files = files(&tarball).await;
    let name = format!("blobs/{}", manifest.replace(':', "/"));
    assert_eq!(digest(&files[&name]), manifest);
    assert_eq!(files.len(), 2 + 13 + 1);
}

#[tokio::test]
async fn exports_to_one_network_are_bounded() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    // Far more than fits the buffers of a connection, so that each is under way until it is read.
    let layer = tar(&[("zeros", &vec![0; 32 * 1024 * 1024])]).await;
    let packed = zstd::encode_all(&layer[..], 1).unwrap();
    let platform = json!({"os": "linux", "architecture": "amd64"});
    let manifest = push(&app, &platform, &layer, &packed, "+zstd").await;
    let path = format!(
        "/api/v1/images/alice/app@{}?compat=docker20",
        digest(manifest.as_bytes())
    );
    let ask = || app.anonymous(Method::GET, &path).send();
    let mut under_way = Vec::new();
    let refused = loop {
        let answer = ask().await.unwrap();
        if answer.status() != StatusCode::OK {
            break answer;
        }
        under_way.push(answer);
        assert!(under_way.len() < 100);
    };
    let wait = header(&refused, "retry-after").to_owned();
    assert_eq!(error(refused).await, (503, "BUSY".to_owned()));
    assert!(!wait.is_empty());
    drop(under_way);
    for _ in 0..100 {
        if ask().await.unwrap().status() == StatusCode::OK {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the places were not given back");
}
