//! Many clients that are slow or stop half way, beside one that is neither.

use std::time::Duration;

use dockyard::server::http::unsent::Unsent;
use futures::{StreamExt, stream};
use reqwest::{Body, Method, StatusCode};

use crate::app::{TestApp, digest, header};
use crate::tarballs::tar;

/// More than the threads of tokio's pool.
const MANY: usize = 600;

/// Asks for all that honest clients do.
async fn served(app: &TestApp, n: usize) {
    let honest = async {
        let layer = format!("layer {n}");
        app.push_image("bob", "bob/app", "v1", layer.as_bytes())
            .await;
        let path = format!("/v2/bob/app/blobs/{}", digest(layer.as_bytes()));
        let pulled = app.ask("bob", Method::GET, &path).await;
        assert_eq!(pulled.bytes().await.unwrap(), layer.as_bytes());
        for path in ["/healthz", "/readyz", "/api/v1/search?q=app", "/"] {
            let answer = app.anonymous(Method::GET, path).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
        }
        app.log_in("bob").await;
    };
    let served = tokio::time::timeout(Duration::from_secs(20), honest).await;
    served.expect("an honest client is served");
}

/// A body that begins and then stops, without an end.
fn stopped(start: Vec<u8>) -> Body {
    let start = stream::iter([Ok::<_, std::io::Error>(start)]);
    Body::wrap_stream(start.chain(stream::pending()))
}

/// A tarball that ends within its first entry.
async fn start_of_a_tarball() -> Vec<u8> {
    let layer = tar(&[("file", &[7; 2000])]).await;
    let mut start = tar(&[("layer.tar", &layer)]).await;
    start.truncate(1200);
    start
}

async fn app() -> TestApp {
    let app = TestApp::start().await;
    for user in ["alice", "bob"] {
        app.sign_up(user).await;
    }
    app.create("alice", "alice/app", "public").await;
    served(&app, 0).await;
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_uploads_leave_everything_else_as_it_is() {
    let app = app().await;
    let mut open = tokio::task::JoinSet::new();
    for _ in 0..MANY {
        let begun = app
            .ask("alice", Method::POST, "/v2/alice/app/blobs/uploads/")
            .await;
        let location = header(&begun, "location").to_owned();
        let request = app.by("alice", Method::PATCH, &location);
        open.spawn(request.body(stopped(b"x".to_vec())).send());
    }
    for n in 1..=3 {
        served(&app, n).await;
    }
    assert_eq!(open.len(), MANY);
    assert!(
        open.try_join_next().is_none(),
        "an upload was not left open"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_imports_leave_everything_else_as_it_is() {
    let app = app().await;
    let start = start_of_a_tarball().await;
    let mut open = tokio::task::JoinSet::new();
    for n in 0..MANY {
        let path = format!("/api/v1/images/alice/app:v{n}");
        open.spawn(
            app.by("alice", Method::PUT, &path)
                .body(stopped(start.clone()))
                .send(),
        );
    }
    for n in 1..=3 {
        served(&app, n).await;
    }
    // Those beyond the places of one user are refused; the others stay.
    while open.len() > 16 {
        let next = tokio::time::timeout(Duration::from_secs(20), open.join_next()).await;
        let answer = next.expect("an answer").unwrap().unwrap().unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    assert!(open.try_join_next().is_none(), "fewer than 16 were taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imports_from_one_network_are_bounded_whoever_sends_them() {
    let app = app().await;
    let start = start_of_a_tarball().await;
    let mut open = tokio::task::JoinSet::new();
    for user in ["carol", "dave", "erin"] {
        app.sign_up(user).await;
        for n in 0..16 {
            let path = format!("/api/v1/images/{user}/app:v{n}");
            let request = app.by(user, Method::PUT, &path);
            open.spawn(request.body(stopped(start.clone())).send());
        }
    }
    while open.len() > 32 {
        let next = tokio::time::timeout(Duration::from_secs(20), open.join_next()).await;
        let answer = next.expect("an answer").unwrap().unwrap().unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    served(&app, 1).await;
    assert!(open.try_join_next().is_none(), "fewer than 32 were taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_over_http_2_that_nobody_takes_are_bounded() {
    let app = TestApp::start_with(|state| {
        state.unsent = Unsent::new((4 << 20, 1 << 20), state.metrics.clone());
    })
    .await;
    app.sign_up("alice").await;
    app.create("alice", "alice/app", "public").await;
    let content = vec![7; 3 << 20];
    let blob = app.push_blob("alice", "alice/app", &content).await;
    let client = reqwest::Client::builder()
        .http2_prior_knowledge()
        .http2_initial_stream_window_size(1);
    let client = client.build().unwrap();
    let path = format!("/v2/alice/app/blobs/{blob}");
    let url = app.url(&path);
    let mut held = Vec::new();
    for n in 0..12 {
        let answer = client.get(&url).send().await.unwrap();
        // Each is 132 KiB of one MiB.
        assert_eq!(answer.status().is_success(), n < 7, "{n}");
        held.push(answer);
    }
    drop(held);
    let pulled = async {
        loop {
            let answer = app.anonymous(Method::GET, &path).send().await.unwrap();
            if answer.status().is_success() {
                return answer.bytes().await.unwrap().len();
            }
            // A refused answer that is not read takes its connection along: without a pause these would be a flood too.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let length = tokio::time::timeout(Duration::from_secs(10), pulled).await;
    assert_eq!(length.expect("there is room again"), 3 << 20);
}
