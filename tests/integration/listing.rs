use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{TestApp, error, header};

#[tokio::test]
async fn tags_are_sorted_and_paged() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    for tag in ["v2", "v10", "Latest", "latest", "v1"] {
        app.push_image("alice", "alice/app", tag, b"layer").await;
    }
    let mut path = "/v2/alice/app/tags/list?n=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let response = app.anonymous(Method::GET, &path).send().await.unwrap();
        let link = header(&response, "link").to_owned();
        let body: Value = response.json().await.unwrap();
        seen.extend(body["tags"].as_array().unwrap().clone());
        match link.strip_prefix('<').and_then(|link| link.split_once('>')) {
            Some((next, _)) => next.clone_into(&mut path),
            None => break,
        }
    }
    assert_eq!(
        Value::from(seen),
        json!(["Latest", "latest", "v1", "v10", "v2"])
    );
    let bad = app
        .anonymous(Method::GET, "/v2/alice/app/tags/list?n=many")
        .send()
        .await
        .unwrap();
    assert_eq!(error(bad).await.0, 400);
}

#[tokio::test]
async fn the_catalog_lists_what_the_caller_may_read() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.sign_up("bob").await;
    app.create("alice", "alice/open", "public").await;
    app.create("alice", "alice/secret", "private").await;
    let catalog = |user: Option<&'static str>| {
        let request = match user {
            Some(user) => app.by(user, Method::GET, "/v2/_catalog"),
            None => app.anonymous(Method::GET, "/v2/_catalog"),
        };
        async { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let open = json!({"repositories": ["alice/open"]});
    assert_eq!(catalog(None).await, open);
    assert_eq!(catalog(Some("bob")).await, open);
    let all = json!({"repositories": ["alice/open", "alice/secret"]});
    assert_eq!(catalog(Some("alice")).await, all);
}

#[tokio::test]
async fn a_page_may_start_after_any_text() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    for odd in [
        "%C3%A9",
        "a%00b",
        "%F0%9F%98%80",
        "%E2%80%AE",
        "%ff",
        "%27%22%5C%25_",
    ] {
        for path in [
            format!("/v2/_catalog?last={odd}"),
            format!("/v2/alice/app/tags/list?last={odd}"),
            format!("/api/v1/repositories?last={odd}"),
            format!("/api/v1/repositories/alice/app/-/tags?last={odd}"),
            format!("/sitemap.xml?after={odd}"),
            format!("/u/alice?after={odd}"),
            format!("/r/alice/app/-/tags?filter={odd}"),
            format!("/search?q={odd}"),
        ] {
            let answer = app.ask("alice", Method::GET, &path).await;
            let status = answer.status().as_u16();
            assert!(matches!(status, 200 | 400), "{path}: {status}");
        }
    }
    // Longer than any tag, and than what SQLite takes as a pattern.
    let filter = "a".repeat(60_000);
    let path = format!("/r/alice/app/-/tags?filter={filter}");
    let page = app.anonymous(Method::GET, &path).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
}
