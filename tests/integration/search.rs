use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::TestApp;

/// Asks until the answer is as expected, for at most a second: that is what is promised.
async fn finds(app: &TestApp, user: Option<&str>, words: &str, expected: &[&str]) {
    let mut found = Value::Null;
    for _ in 0..20 {
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
