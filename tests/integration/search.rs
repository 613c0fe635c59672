use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::TestApp;

/// Asks until the answer is as expected, for at most a second: that is what is promised.
async fn finds(app: &TestApp, user: Option<&str>, words: &str, expected: &[&str]) {
    finds_within(20, app, user, words, expected).await;
}

/// Asks until the answer is as expected, every 50 ms.
async fn finds_within(
    times: u32,
    app: &TestApp,
    user: Option<&str>,
    words: &str,
    expected: &[&str],
) {
    let mut found = Value::Null;
    for _ in 0..times {
        let path = format!("/api/v1/search?q={words}");
        let request = match user {
            Some(user) => app.by(user, Method::GET, &path),
            None => app.anonymous(Method::GET, &path),
        };
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        let names = body["repositories"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["name"].clone());
        found = names.collect();
        if found == json!(expected) {
            assert_eq!(body["total"], expected.len());
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{user:?} looking for {words}: {found}, not {expected:?}");
}

#[tokio::test]
async fn finds_names_descriptions_and_readmes_of_what_may_be_seen() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.sign_up("bob").await;
    app.create("alice", "alice/web-server", "public").await;
    app.create("alice", "alice/secret", "private").await;
    let change = json!({"description": "Serves pages fast", "readme": "# Hello\nA zeppelin."});
    for name in ["alice/web-server", "alice/secret"] {
        let path = format!("/api/v1/repositories/{name}");
        app.by("alice", Method::PATCH, &path)
            .json(&change)
            .send()
            .await
            .unwrap();
    }
    finds(&app, None, "server", &["alice/web-server"]).await;
    finds(&app, None, "WEB+alice", &["alice/web-server"]).await;
    finds(&app, None, "zepp", &["alice/web-server"]).await;
    finds(&app, Some("bob"), "pages", &["alice/web-server"]).await;
    finds(&app, Some("alice"), "secret", &["alice/secret"]).await;
    finds(&app, None, "secret", &[]).await;
    finds(&app, None, "nothing+like+it", &[]).await;
    finds(&app, None, "%22%28%2A%3A%5B", &[]).await;

    let open = json!({"visibility": "public"});
    let path = "/api/v1/repositories/alice/secret";
    app.by("alice", Method::PATCH, path)
        .json(&open)
        .send()
        .await
        .unwrap();
    finds(&app, None, "secret", &["alice/secret"]).await;
    app.by("alice", Method::DELETE, path).send().await.unwrap();
    finds(&app, Some("alice"), "secret", &[]).await;
}

#[tokio::test]
async fn changes_are_followed_again_after_the_database_failed() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.create("alice", "alice/one", "public").await;
    finds(&app, None, "one", &["alice/one"]).await;
    app.change_database(
        "INSERT INTO outbox (repository_id, created_ms) SELECT id, 0 FROM repositories;
        ALTER TABLE repositories RENAME TO elsewhere",
    )
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    app.change_database("ALTER TABLE elsewhere RENAME TO repositories")
        .await;
    app.create("alice", "alice/two", "public").await;
    finds_within(400, &app, None, "two", &["alice/two"]).await;
}
