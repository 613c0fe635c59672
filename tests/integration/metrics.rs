//! What `/metrics` tells, and whom.

use reqwest::{Method, StatusCode};

use crate::app::{TestApp, error, header};

/// Reads a figure of the answer.
fn figure(text: &str, name: &str) -> i64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let line = line.unwrap_or_else(|| panic!("{name} is not in {text}"));
    line.trim().parse().unwrap()
}

async fn metrics(app: &TestApp) -> String {
    let answer = app.ask("root", Method::GET, "/metrics").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let kind = header(&answer, "content-type");
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    answer.text().await.unwrap()
}

async fn start() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up_administrator("root").await;
    app.sign_up("alice").await;
    app
}

#[tokio::test]
async fn requests_uploads_and_the_database_are_counted() {
    let app = start().await;
    let before = metrics(&app).await;
    assert!(before.ends_with("# EOF\n"));
    assert!(before.contains(&format!("version=\"{}\"", env!("CARGO_PKG_VERSION"))));
    assert_eq!(figure(&before, "dockyard_database_up "), 1);
    assert!(figure(&before, "dockyard_database_connections ") >= 1);
    assert!(figure(&before, "process_resident_memory_bytes ") > 1_000_000);

    app.create("alice", "alice/secret-thing", "private").await;
    let uploads = "/v2/alice/secret-thing/blobs/uploads/";
    let begun = app.ask("alice", Method::POST, uploads).await;
    assert_eq!(begun.status(), StatusCode::ACCEPTED);
    let after = metrics(&app).await;
    let open = |text: &str| figure(text, "dockyard_uploads_open ");
    assert_eq!(open(&after) - open(&before), 1);
    let counted = "dockyard_http_requests_total{method=\"POST\",\
                   route=\"/v2/{name}/blobs/uploads/{id}\",status=\"202\"} ";
    assert_eq!(figure(&after, counted), 1);
    assert!(after.contains("dockyard_http_request_duration_seconds_bucket{"));
    assert!(!after.contains("secret-thing"), "{after}");
}

#[tokio::test]
async fn only_administrators_read_them() {
    let app = start().await;
    let answer = app.anonymous(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(header(&answer, "www-authenticate").starts_with("Basic "));
    assert_eq!(error(answer).await.0, 401);

    let answer = app.ask("alice", Method::GET, "/metrics").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);

    // A token for the registry protocol was asked for to move images.
    let token = app.registry_token(Some("root"), "registry:catalog:*").await;
    let answer = app.bearer(Method::GET, "/metrics", &token);
    assert_eq!(answer.send().await.unwrap().status(), StatusCode::FORBIDDEN);
}
