//! What programs read of the pages: feeds, pictures, rules for search engines, headers.

use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use crate::app::{TestApp, header};

async fn get(app: &TestApp, path: &str) -> Response {
    let request = app.anonymous(Method::GET, path);
    request.header("accept", "text/html").send().await.unwrap()
}

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    let describe = json!({"description": "Tea & <b>biscuits</b>"});
    app.by("alice", Method::PATCH, "/api/v1/repositories/alice/app")
        .json(&describe)
        .send()
        .await
        .unwrap();
    app.create("alice", "alice/secret", "private").await;
    app
}

#[tokio::test]
async fn a_feed_tells_what_happened_and_is_not_sent_twice() {
    let app = app().await;
    let feed = get(&app, "/feeds/alice/app.atom").await;
    assert_eq!(
        header(&feed, "content-type"),
        "application/atom+xml; charset=utf-8"
    );
    let etag = header(&feed, "etag").to_owned();
    let text = feed.text().await.unwrap();
    assert!(
        text.contains("<title>pushed alice/app:v1</title>"),
        "{text}"
    );
    assert!(
        text.contains("Tea &amp; &lt;b&gt;biscuits&lt;/b&gt;"),
        "{text}"
    );
    let again = app
        .anonymous(Method::GET, "/feeds/alice/app.atom")
        .header("if-none-match", &etag);
    assert_eq!(
        again.send().await.unwrap().status(),
        StatusCode::NOT_MODIFIED
    );
    app.push_image("alice", "alice/app", "v2", b"other").await;
    let changed = app
        .anonymous(Method::GET, "/feeds/alice/app.atom")
        .header("if-none-match", &etag);
    assert_eq!(changed.send().await.unwrap().status(), StatusCode::OK);
    let page = get(&app, "/r/alice/app").await.text().await.unwrap();
    assert!(page.contains("href=\"/feeds/alice/app.atom\""));
}

#[tokio::test]
async fn pictures_are_drawn_of_what_is_public() {
    let app = app().await;
    for path in ["/cards/alice/app.png", "/card.png"] {
        let card = get(&app, path).await;
        assert_eq!(header(&card, "content-type"), "image/png", "{path}");
        assert!(card.bytes().await.unwrap().starts_with(b"\x89PNG"));
    }
    for path in [
        "/cards/alice/secret.png",
        "/cards/alice/none.png",
        "/cards/alice/app",
    ] {
        assert_eq!(
            get(&app, path).await.status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let mine = app
        .ask("alice", Method::GET, "/cards/alice/secret.png")
        .await;
    assert_eq!(mine.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn search_engines_are_told_of_public_pages_alone() {
    let app = app().await;
    let rules = get(&app, "/robots.txt").await.text().await.unwrap();
    assert!(rules.contains("/sitemap.xml"), "{rules}");
    let map = get(&app, "/sitemap.xml").await.text().await.unwrap();
    assert!(
        map.contains("/r/alice/app<") && !map.contains("secret"),
        "{map}"
    );
    let public = get(&app, "/r/alice/app").await.text().await.unwrap();
    assert!(public.contains("og:image") && !public.contains("noindex"));
    assert!(
        public.contains("content=\"Tea &amp; &lt;b&gt;biscuits&lt;/b&gt;\""),
        "{public}"
    );
    let cookie = app.cookie("alice").await;
    let private = app
        .anonymous(Method::GET, "/r/alice/secret")
        .header("cookie", cookie);
    let private = private.send().await.unwrap();
    let text = private.text().await.unwrap();
    assert!(text.contains("content=\"noindex\"") && !text.contains("og:image"));
}

#[tokio::test]
async fn every_answer_keeps_browsers_safe() {
    let app = app().await;
    for path in [
        "/",
        "/search?q=tea",
        "/r/alice/app",
        "/login",
        "/nowhere",
        "/u/alice",
    ] {
        let page = get(&app, path).await;
        let policy = header(&page, "content-security-policy").to_owned();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'nonce-"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe-inline") && policy.contains("frame-ancestors 'none'"));
        for (name, value) in [
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "private, no-cache"),
        ] {
            assert_eq!(header(&page, name), value, "{path}");
        }
        assert!(header(&page, "permissions-policy").contains("camera=()"));
    }
    for path in [
        "/",
        "/healthz",
        "/api/v1",
        "/api/v1/nothing",
        "/v2/",
        "/v2/alice/app/tags/list",
        "/robots.txt",
        "/feeds/alice/app.atom",
        "/card.png",
    ] {
        let answer = get(&app, path).await;
        assert_eq!(
            header(&answer, "x-content-type-options"),
            "nosniff",
            "{path}"
        );
        assert!(!header(&answer, "referrer-policy").is_empty(), "{path}");
        assert!(!header(&answer, "x-request-id").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_page_that_breaks_names_the_line_of_the_log() {
    let app = app().await;
    app.change_database("ALTER TABLE repositories RENAME TO elsewhere")
        .await;
    let page = get(&app, "/r/alice/app").await;
    assert_eq!(page.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let id = header(&page, "x-request-id").to_owned();
    let text = page.text().await.unwrap();
    assert!(
        text.contains(&id) && text.contains("Something went wrong"),
        "{text}"
    );
    assert!(!text.contains("no such table"));
    let missing = get(&app, "/nowhere").await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}
