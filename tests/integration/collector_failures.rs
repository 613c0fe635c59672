//! The collector among things that it can't handle.

use dockyard_hub::images::{Collected, CollectorOptions, Mode};
use reqwest::{Method, StatusCode};

use crate::app::{TestApp, header};

const DAY_MS: i64 = 24 * 3600 * 1000;

pub async fn app() -> TestApp {
    let app = TestApp::start_on_a_fixed_clock().await;
    app.sign_up("alice").await;
    app
}

pub async fn collect(app: &TestApp) -> Collected {
    let options = CollectorOptions::default();
    let pass = app.hub.collector.collect(options, Mode::Collect);
    pass.await.unwrap()
}

/// Pushes a blob and takes it out of its repository again.
async fn push_and_unlink(app: &TestApp, content: &[u8]) {
    let blob = app.push_blob("alice", "alice/app", content).await;
    let path = format!("/v2/alice/app/blobs/{blob}");
    let unlinked = app.ask("alice", Method::DELETE, &path).await;
    assert_eq!(unlinked.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_row_that_can_not_be_read_is_left_and_the_rest_goes() {
    let app = app().await;
    push_and_unlink(&app, b"one").await;
    push_and_unlink(&app, b"three").await;
    let start = app
        .ask("alice", Method::POST, "/v2/alice/app/blobs/uploads/")
        .await;
    assert!(!header(&start, "location").is_empty());
    app.change_database("UPDATE blobs SET location = 'nowhere' WHERE size_bytes = 3")
        .await;
    app.clock.advance(8 * DAY_MS);
    let taken = collect(&app).await;
    assert_eq!((taken.blobs, taken.uploads), (1, 1));
}

#[tokio::test]
async fn a_part_that_fails_does_not_keep_the_others() {
    let app = app().await;
    app.leave_an_orphan().await;
    app.change_database("ALTER TABLE repositories RENAME TO elsewhere")
        .await;
    let options = CollectorOptions::default();
    let pass = app.hub.collector.collect(options, Mode::Collect).await;
    assert!(pass.unwrap_err().to_string().contains("repositories"));
    assert_eq!(app.objects().await, 0);
}
