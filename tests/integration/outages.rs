//! Databases and stores that are missing, wrong, stopped, slow or broken: what clients are told, and that nothing which
//! was acknowledged is lost.

use std::path::Path;
use std::time::{Duration, Instant};

use dockyard_hub::clock::Clock;
use dockyard_hub::{Hub, HubOptions, Id, OpenError};
use reqwest::{Method, StatusCode};

use crate::app::{TestApp, digest, header};
use crate::engines;
use crate::proxy::{Fault, Proxy};

/// Opens a hub on a database that can't be used, and returns what it says.
async fn refused(folder: &Path, url: &str) -> String {
    let options = HubOptions {
        database: Some(url.parse().unwrap()),
        ..HubOptions::embedded(folder.to_owned(), Clock::system())
    };
    let error: OpenError = Hub::open(options).await.err().expect("it can't be opened");
    error.to_string()
}

#[tokio::test]
#[ignore = "needs scripts/servers.sh up"]
async fn a_database_that_can_not_be_used_is_told_so_that_one_can_mend_it() {
    let folder = tempfile::tempdir().unwrap();
    for (server, secret) in [
        (engines::server("DOCKYARD_TEST_POSTGRES"), "loopback-only"),
        (engines::server("DOCKYARD_TEST_MARIADB"), "loopback-only"),
    ] {
        let missing = refused(folder.path(), &format!("{server}/nowhere")).await;
        assert!(missing.contains("database nowhere"), "{missing}");
        assert!(missing.contains("--database-url"), "{missing}");
        let wrong = server.replace(secret, "guessed-wrong");
        let wrong = refused(folder.path(), &format!("{wrong}/nowhere")).await;
        assert!(!wrong.contains("guessed-wrong"), "{wrong}");
        assert!(
            wrong.to_lowercase().contains("denied") || wrong.contains("password"),
            "{wrong}"
        );
    }
    let text = "not a database, but long enough to be one ".repeat(100);
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, text).unwrap();
    let garbage = refused(folder.path(), &format!("sqlite://{}", file.display())).await;
    assert!(
        garbage.contains("notes.txt") && garbage.contains("not a database"),
        "{garbage}"
    );
}

#[tokio::test]
async fn a_schema_that_is_newer_than_the_program_is_refused() {
    let app = TestApp::start().await;
    app.change_database(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        SELECT 9000, 'of the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
    )
    .await;
    let options = app.options();
    let _folder = app.stop().await;
    let newer = Hub::open(options).await.err().unwrap().to_string();
    assert!(newer.contains("newer than this program"), "{newer}");
    assert!(newer.contains("9000"), "{newer}");
}

/// Several processes that start at once on a new database all come up.
#[tokio::test]
#[ignore = "needs DOCKYARD_TEST_ON=s3"]
async fn servers_that_start_at_once_make_the_tables_once() {
    let folder = tempfile::tempdir().unwrap();
    let options = engines::options(folder.path(), Clock::system()).await;
    let opened = (0..4).map(|i| {
        let data_dir = folder.path().join(i.to_string());
        let options = HubOptions {
            data_dir,
            ..options.clone()
        };
        Hub::open(options)
    });
    for hub in futures::future::join_all(opened).await {
        hub.unwrap().close().await;
    }
}

/// Pushes a blob of some megabytes in one stream; returns the status.
async fn push(app: &TestApp, bytes: &[u8]) -> StatusCode {
    let path = format!("/v2/alice/app/blobs/uploads/?digest={}", digest(bytes));
    let push = app.by("alice", Method::POST, &path).body(bytes.to_vec());
    push.send().await.unwrap().status()
}

/// A server whose database or store is behind a proxy.
async fn behind(proxy: &Proxy) -> TestApp {
    let app = TestApp::start_behind(|options| {
        if let Some(bucket) = &mut options.bucket {
            bucket.endpoint = Some(format!("http://{}", proxy.address()));
        }
    })
    .await;
    app.sign_up("alice").await;
    app.create("alice", "app", "public").await;
    app
}

#[tokio::test]
#[ignore = "needs DOCKYARD_TEST_ON=s3"]
async fn a_store_with_hiccups_is_asked_again() {
    let proxy = Proxy::before(&engines::server("DOCKYARD_TEST_S3")).await;
    let app = behind(&proxy).await;
    let bytes: Vec<u8> = (0..12_000_000_u32)
        .map(|i| (i ^ (i >> 7)).to_le_bytes()[0])
        .collect();
    for fault in [
        Fault::Answer(500),
        Fault::Answer(503),
        Fault::Cut,
        Fault::Slow,
    ] {
        // Every other connection or request meets it: a few tries in a row are enough.
        proxy.set(fault, 2);
        let mut changed = bytes.clone();
        changed.extend(format!("{fault:?}").into_bytes());
        assert_eq!(push(&app, &changed).await, StatusCode::CREATED, "{fault:?}");
        let path = format!("/v2/alice/app/blobs/{}", digest(&changed));
        let pulled = app.ask("alice", Method::GET, &path).await;
        assert!(pulled.bytes().await.unwrap() == changed, "{fault:?}");
    }
}

#[tokio::test]
#[ignore = "needs DOCKYARD_TEST_ON=s3"]
async fn half_an_answer_is_read_on_where_it_ended() {
    let proxy = Proxy::before(&engines::server("DOCKYARD_TEST_S3")).await;
    let app = behind(&proxy).await;
    let bytes: Vec<u8> = (0..9_000_000_u32)
        .map(|i| (i ^ (i >> 5)).to_le_bytes()[0])
        .collect();
    assert_eq!(push(&app, &bytes).await, StatusCode::CREATED);
    proxy.set(Fault::Half(1_000_000), 1);
    let path = format!("/v2/alice/app/blobs/{}", digest(&bytes));
    let pulled = app.ask("alice", Method::GET, &path).await;
    assert!(pulled.bytes().await.unwrap() == bytes);
    assert!(proxy.met() >= 8, "it broke off {} times", proxy.met());
}

#[tokio::test]
#[ignore = "needs DOCKYARD_TEST_ON=s3"]
async fn a_store_that_is_gone_costs_a_retryable_error_and_loses_nothing() {
    let proxy = Proxy::before(&engines::server("DOCKYARD_TEST_S3")).await;
    let app = behind(&proxy).await;
    assert_eq!(push(&app, b"before").await, StatusCode::CREATED);
    let ready = app.anonymous(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::OK);
    proxy.set(Fault::Answer(503), 1);
    let started = Instant::now();
    let path = format!("/v2/alice/app/blobs/uploads/?digest={}", digest(b"while"));
    let failed = app.by("alice", Method::POST, &path).body("while");
    let failed = failed.send().await.unwrap();
    assert_eq!(failed.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(!header(&failed, "retry-after").is_empty());
    assert!(
        started.elapsed() < Duration::from_mins(1),
        "bounded in time"
    );
    let ready = app.anonymous(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.text().await.unwrap().contains("store"));
    // Back by itself.
    proxy.set(Fault::None, 1);
    let ready = app.anonymous(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::OK);
    for bytes in [&b"while"[..], b"before"] {
        assert_eq!(push(&app, bytes).await, StatusCode::CREATED);
        let path = format!("/v2/alice/app/blobs/{}", digest(bytes));
        let pulled = app.ask("alice", Method::GET, &path).await;
        assert_eq!(pulled.bytes().await.unwrap(), bytes);
    }
}

#[tokio::test]
#[ignore = "needs DOCKYARD_TEST_ON=s3"]
async fn a_bucket_is_created_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = engines::options(folder.path(), Clock::system()).await;
    let bucket = options.bucket.as_mut().unwrap();
    bucket.bucket = format!("new-{}", Id::new()).to_lowercase();
    let refused = Hub::open(options.clone()).await.err().unwrap();
    let said = refused.to_string();
    assert!(said.contains("does not exist"), "{said}");

    options.bucket.as_mut().unwrap().create = true;
    for _ in ["creates it", "finds it there"] {
        Hub::open(options.clone()).await.unwrap().close().await;
    }
}
