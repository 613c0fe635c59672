//! Tarballs that take longer to arrive than what nothing refers to is kept.

use std::time::Duration;

use dockyard_hub::images::{Collected, CollectorOptions, Mode};
use futures::channel::mpsc;
use reqwest::{Body, Method, Response, StatusCode};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::app::{TestApp, digest, error, header};

const HOUR_MS: i64 = 3600 * 1000;

async fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tokio_tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut entry = tokio_tar::Header::new_gnu();
        entry.set_path(name).unwrap();
        entry.set_size(content.len() as u64);
        entry.set_cksum();
        tar.append(&entry, *content).await.unwrap();
    }
    tar.into_inner().await.unwrap()
}

/// A tarball whose one layer comes first, cut in two after it.
async fn tarball() -> (Vec<u8>, Vec<u8>) {
    let layer = tar(&[("hello", b"world")]).await;
    let name = format!("{}.tar", &digest(&layer)["sha256:".len()..]);
    let config = json!({"rootfs": {"type": "layers", "diff_ids": [digest(&layer)]}}).to_string();
    let manifest = json!([{"Config": "c.json", "RepoTags": null, "Layers": [name]}]).to_string();
    let files: [(&str, &[u8]); 3] = [
        (&name, &layer),
        ("c.json", config.as_bytes()),
        ("manifest.json", manifest.as_bytes()),
    ];
    let mut first = tar(&files).await;
    let second = first.split_off(512 + layer.len());
    (first, second)
}

/// A server where an image was imported and deleted, and its layer is nearly due.
async fn app() -> TestApp {
    let app = TestApp::start_on_a_fixed_clock().await;
    app.sign_up("alice").await;
    let (first, second) = tarball().await;
    let path = "/api/v1/images/alice/app:v1";
    let put = app.by("alice", Method::PUT, path);
    let stored = put.body([first, second].concat()).send().await.unwrap();
    assert_eq!(stored.status(), StatusCode::CREATED);
    let found = app
        .ask("alice", Method::GET, "/v2/alice/app/manifests/v1")
        .await;
    let image = header(&found, "docker-content-digest");
    let path = format!("/v2/alice/app/manifests/{image}");
    let deleted = app.ask("alice", Method::DELETE, &path).await;
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    collect(&app).await;
    app.clock.advance(23 * HOUR_MS);
    app
}

async fn collect(app: &TestApp) -> Collected {
    let options = CollectorOptions::default();
    let pass = app.hub.collector.collect(options, Mode::Collect);
    pass.await.unwrap()
}

/// Imports anew and returns while the layer is in and the rest still to come.
async fn begin(app: &TestApp) -> (mpsc::UnboundedSender<Chunk>, JoinHandle<Response>) {
    let (sender, receiver) = mpsc::unbounded();
    sender.unbounded_send(Ok(tarball().await.0)).unwrap();
    let put = app.by("alice", Method::PUT, "/api/v1/images/alice/app:v2");
    let sending = put.body(Body::wrap_stream(receiver)).send();
    let import = tokio::spawn(async { sending.await.unwrap() });
    tokio::time::sleep(Duration::from_secs(1)).await;
    (sender, import)
}

type Chunk = Result<Vec<u8>, std::io::Error>;

#[tokio::test]
async fn a_layer_that_is_reused_stays_while_the_rest_comes() {
    let app = app().await;
    let (sender, import) = begin(&app).await;
    app.clock.advance(2 * HOUR_MS);
    // The configuration goes; the layer was asked for two hours ago.
    assert_eq!(collect(&app).await.links, 1);
    sender.unbounded_send(Ok(tarball().await.1)).unwrap();
    drop(sender);
    assert_eq!(import.await.unwrap().status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_layer_that_went_meanwhile_is_linked_again_or_the_import_fails_cleanly() {
    for is_elsewhere in [true, false] {
        let app = app().await;
        if is_elsewhere {
            let (first, second) = tarball().await;
            let put = app.by("alice", Method::PUT, "/api/v1/images/alice/other:v1");
            let stored = put.body([first, second].concat()).send().await.unwrap();
            assert_eq!(stored.status(), StatusCode::CREATED);
        }
        let (sender, import) = begin(&app).await;
        for _ in 0..2 {
            collect(&app).await;
            app.clock.advance(25 * HOUR_MS);
        }
        collect(&app).await;
        sender.unbounded_send(Ok(tarball().await.1)).unwrap();
        drop(sender);
        let answer = import.await.unwrap();
        if is_elsewhere {
            assert_eq!(answer.status(), StatusCode::CREATED);
        } else {
            assert_eq!(error(answer).await, (409, "LAYER_GONE".to_owned()));
        }
    }
}
