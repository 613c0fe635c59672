//! The collector, with no grace at all, against pushers and deleters that share their layers.
//!
//! `DOCKYARD_RACE_SECS` makes it longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dockyard_hub::Caretaker;
use dockyard_hub::images::{CollectorOptions, Mode, Problem, Repair};
use reqwest::{Method, StatusCode};

use crate::app::{MANIFEST, TestApp, digest, manifest};
use crate::process::verify;

/// Pairs of one pusher and one deleter.
const PAIRS: usize = 4;
/// Layers that they all push.
const LAYERS: u64 = 6;
/// No grace: what is unreferenced for a moment is taken.
const AT_ONCE: CollectorOptions = CollectorOptions {
    grace_ms: 0,
    untagged_ms: Some(0),
};

struct Race {
    app: TestApp,
    is_over: AtomicBool,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    deleted: AtomicU64,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_manifest_misses_a_blob_while_the_collector_runs() {
    let secs = std::env::var("DOCKYARD_RACE_SECS").ok();
    let secs = secs.and_then(|secs| secs.parse().ok()).unwrap_or(6);
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let race = Arc::new(Race {
        app,
        is_over: AtomicBool::default(),
        acknowledged: AtomicU64::default(),
        refused: AtomicU64::default(),
        deleted: AtomicU64::default(),
    });
    let mut tasks = Vec::new();
    for pair in 0..PAIRS {
        let newest = Arc::new(AtomicU64::default());
        tasks.push(tokio::spawn(push(race.clone(), pair, newest.clone())));
        tasks.push(tokio::spawn(delete(race.clone(), pair, newest)));
    }
    let collecting = tokio::spawn(collect(race.clone()));
    tokio::time::sleep(Duration::from_secs(secs)).await;
    race.is_over.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    let taken = collecting.await.unwrap();
    let [acknowledged, refused, deleted] =
        [&race.acknowledged, &race.refused, &race.deleted].map(|n| n.load(Ordering::SeqCst));
    println!(
        "{acknowledged} pushes, {refused} refused, {deleted} deleted, {taken} blobs collected"
    );
    assert!(acknowledged > 20 && deleted > 10 && taken > 0);
    check_at_rest(&race.app).await;
}

async fn push(race: Arc<Race>, pair: usize, newest: Arc<AtomicU64>) {
    let repository = format!("alice/race-{pair}");
    let mut n = 0;
    while !race.is_over.load(Ordering::SeqCst) {
        n += 1;
        let config = format!("{{\"os\":\"linux\",\"n\":\"{pair}-{n}\"}}");
        let layer = format!("layer {}", (n + pair as u64) % LAYERS);
        if push_image(&race, &repository, n, &config, &layer).await {
            race.acknowledged.fetch_add(1, Ordering::SeqCst);
            check_image(&race.app, &repository, n, &[config, layer]).await;
        } else {
            race.refused.fetch_add(1, Ordering::SeqCst);
        }
        newest.store(n, Ordering::SeqCst);
    }
}

/// Pushes as docker does: what is there is not sent again. False when a blob went meanwhile.
async fn push_image(race: &Race, repository: &str, n: u64, config: &str, layer: &str) -> bool {
    let app = &race.app;
    for content in [config, layer] {
        let blob = digest(content.as_bytes());
        let path = format!("/v2/{repository}/blobs/{blob}");
        let head = app.by("alice", Method::HEAD, &path).send().await.unwrap();
        if head.status() == StatusCode::OK {
            continue;
        }
        let path = format!("/v2/{repository}/blobs/uploads/?mount={blob}");
        let mount = app.by("alice", Method::POST, &path).send().await.unwrap();
        if mount.status() != StatusCode::CREATED {
            app.push_blob("alice", repository, content.as_bytes()).await;
        }
    }
    let (config_digest, layer_digest) = (digest(config.as_bytes()), digest(layer.as_bytes()));
    let body = manifest(&config_digest, config.len(), &layer_digest, layer.len());
    let path = format!("/v2/{repository}/manifests/t{n}");
    let put = app
        .by("alice", Method::PUT, &path)
        .header("content-type", MANIFEST);
    let status = put.body(body).send().await.unwrap().status();
    assert!(
        matches!(status, StatusCode::CREATED | StatusCode::BAD_REQUEST),
        "{status}"
    );
    status == StatusCode::CREATED
}

/// The tag was acknowledged and nobody deletes it yet: it is whole.
async fn check_image(app: &TestApp, repository: &str, n: u64, contents: &[String]) {
    let path = format!("/v2/{repository}/manifests/t{n}");
    let get = app.by("alice", Method::GET, &path).send().await.unwrap();
    assert_eq!(get.status(), StatusCode::OK, "{path}");
    for content in contents {
        let path = format!("/v2/{repository}/blobs/{}", digest(content.as_bytes()));
        let get = app.by("alice", Method::GET, &path).send().await.unwrap();
        assert_eq!(get.status(), StatusCode::OK, "{path}");
        assert_eq!(get.text().await.unwrap(), *content);
    }
}

/// Deletes tags that their pusher is done with, and at times the whole manifest.
async fn delete(race: Arc<Race>, pair: usize, newest: Arc<AtomicU64>) {
    let repository = format!("alice/race-{pair}");
    let mut n = 1;
    while !race.is_over.load(Ordering::SeqCst) {
        if n + 2 > newest.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        let path = format!("/v2/{repository}/manifests/t{n}");
        let delete = race
            .app
            .by("alice", Method::DELETE, &path)
            .send()
            .await
            .unwrap();
        if delete.status() == StatusCode::ACCEPTED {
            race.deleted.fetch_add(1, Ordering::SeqCst);
        }
        n += 1;
    }
}

async fn collect(race: Arc<Race>) -> u64 {
    let mut taken = 0;
    while !race.is_over.load(Ordering::SeqCst) {
        let collector = &race.app.hub.collector;
        taken += collector
            .collect(AT_ONCE, Mode::Collect)
            .await
            .unwrap()
            .blobs;
    }
    taken
}

/// Nothing is wrong with what is left, and when all of it is deleted, nothing is left.
async fn check_at_rest(app: &TestApp) {
    let caretaker = Caretaker::open(app.options()).await.unwrap();
    let mut problems = Vec::new();
    let mut tell = |problem: &Problem| problems.push(problem.to_string());
    let verified = caretaker
        .verifier
        .verify(Repair::No, &mut tell)
        .await
        .unwrap();
    caretaker.close().await;
    assert_eq!(problems, Vec::<String>::new());
    assert!(verified.manifests > 0);
    for pair in 0..PAIRS {
        let path = format!("/api/v1/repositories/alice/race-{pair}");
        let delete = app.by("alice", Method::DELETE, &path).send().await.unwrap();
        assert!(delete.status().is_success());
    }
    app.hub
        .collector
        .collect(AT_ONCE, Mode::Collect)
        .await
        .unwrap();
    assert_eq!(app.objects().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_of_one_tag_at_once_are_all_kept_and_one_has_the_tag() {
    let app = Arc::new(TestApp::start().await);
    app.sign_up("alice").await;
    let layer = app.push_blob("alice", "alice/app", b"layer").await;
    let mut tasks = Vec::new();
    for n in 0..16 {
        let (app, layer) = (app.clone(), layer.clone());
        tasks.push(tokio::spawn(async move {
            // The same blob from all of them, and a configuration from each.
            let config = format!("{{\"n\":{n}}}");
            let config_digest = app.push_blob("alice", "alice/app", config.as_bytes()).await;
            assert_eq!(app.push_blob("alice", "alice/app", b"layer").await, layer);
            let body = manifest(&config_digest, config.len(), &layer, 5);
            app.put_manifest("alice", "alice/app", "v1", MANIFEST, &body)
                .await;
            body
        }));
    }
    let mut pushed = Vec::new();
    for task in tasks {
        pushed.push(task.await.unwrap());
    }
    let get = |reference: String| {
        let path = format!("/v2/alice/app/manifests/{reference}");
        app.by("alice", Method::GET, &path).send()
    };
    let tagged = get("v1".to_owned()).await.unwrap().text().await.unwrap();
    assert!(pushed.contains(&tagged));
    for body in &pushed {
        let got = get(digest(body.as_bytes())).await.unwrap();
        assert_eq!(got.text().await.unwrap(), *body);
    }
    assert_eq!(app.objects().await, 17);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_deleted_while_it_is_pushed_to_is_whole_or_gone() {
    let app = Arc::new(TestApp::start().await);
    app.sign_up("alice").await;
    let mut tasks = Vec::new();
    for n in 0..6 {
        let app = app.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..8 {
                push_to_what_may_go(&app, n * 100 + round).await;
            }
        }));
    }
    for _ in 0..40 {
        let path = "/api/v1/repositories/alice/gone";
        let delete = app.by("alice", Method::DELETE, path).send().await.unwrap();
        let status = delete.status();
        assert!(
            status.is_success() || status == StatusCode::NOT_FOUND,
            "{status}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(verify(&app.options().data_dir).await, []);
    let path = "/api/v1/repositories/alice/gone";
    app.by("alice", Method::DELETE, path).send().await.unwrap();
    app.hub
        .collector
        .collect(AT_ONCE, Mode::Collect)
        .await
        .unwrap();
    assert_eq!(app.objects().await, 0);
}

/// Pushes step by step; each step is done, or the repository or what was pushed to it has gone.
async fn push_to_what_may_go(app: &TestApp, n: u64) {
    let known = |status: StatusCode| {
        let gone = matches!(status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST);
        assert!(status.is_success() || gone, "{status}");
    };
    let content = format!("{{\"n\":{n}}}");
    let blob = digest(content.as_bytes());
    let uploads = "/v2/alice/gone/blobs/uploads/";
    let start = app.by("alice", Method::POST, uploads).send().await.unwrap();
    known(start.status());
    let location = crate::app::header(&start, "location").to_owned();
    if start.status() == StatusCode::ACCEPTED {
        let patch = app
            .by("alice", Method::PATCH, &location)
            .body(content.clone());
        known(patch.send().await.unwrap().status());
        let put = app.by("alice", Method::PUT, &format!("{location}?digest={blob}"));
        known(put.send().await.unwrap().status());
    }
    let body = manifest(&blob, content.len(), &blob, content.len());
    let path = format!("/v2/alice/gone/manifests/t{n}");
    let put = app
        .by("alice", Method::PUT, &path)
        .header("content-type", MANIFEST);
    known(put.body(body).send().await.unwrap().status());
}
