//! What every kind of answer tells browsers and search engines, and errors in the form that people read.

use dockyard::server::addresses::Addresses;
use dockyard::server::routes;
use reqwest::{Method, Response, StatusCode};

use crate::app::{TestApp, header};

/// Answers of each kind that the list of routes does not reach by itself.
const MORE: &[(&str, &str)] = &[
    ("GET", "/nowhere"),
    ("GET", "/r/alice/app"),
    ("GET", "/r/alice/app/-/tags"),
    ("GET", "/r/alice/app/-/tags/v1"),
    ("GET", "/r/alice/app/-/tags/v2"),
    ("GET", "/r/alice/app/-/feed.atom"),
    ("GET", "/r/alice/secret/-/feed.atom"),
    ("GET", "/r/alice/app/-/card.png"),
    ("GET", "/r/alice/secret/-/card.png"),
    ("GET", "/r/alice/none"),
    ("GET", "/u/alice"),
    ("GET", "/assets/main.css"),
    ("GET", "/assets/icons.svg"),
    ("GET", "/v2/alice/app/manifests/v1"),
    ("GET", "/v2/alice/app/tags/list"),
    ("GET", "/api/v1/images/alice/app:v1"),
    ("GET", "/api/v1/repositories/alice/app"),
    ("PUT", "/api/v1/user"),
    ("POST", "/api/web/home"),
];

async fn app(public_url: &'static str) -> TestApp {
    let app =
        TestApp::start_with(|state| state.addresses = Addresses::new(vec![public_url.to_owned()]))
            .await;
    app.sign_up("alice").await;
    app.create("alice", "alice/app", "public").await;
    app.create("alice", "alice/secret", "private").await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    app.push_image("alice", "alice/secret", "v1", b"layer")
        .await;
    app
}

/// Every route, with something in the place of what is open in its address.
fn every_route() -> Vec<(String, String)> {
    let listed = routes().into_iter().map(|route| {
        let mut path = route.path;
        while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
            path.replace_range(from..=to, "x");
        }
        (route.method, path)
    });
    let more = MORE
        .iter()
        .map(|(method, path)| ((*method).to_owned(), (*path).to_owned()));
    listed.chain(more).collect()
}

#[tokio::test]
async fn every_answer_says_what_browsers_may_do_with_it() {
    let app = app("http://hub.example").await;
    for (method, path) in every_route() {
        for accept in ["text/html", "application/json", "*/*"] {
            let request = app.anonymous(method.parse().unwrap(), &path);
            let response = request.header("accept", accept).send().await.unwrap();
            check(&response, &format!("{method} {path} for {accept}"));
        }
    }
    for path in ["/", "/new", "/r/alice/secret", "/r/alice/secret/-/tags/v1"] {
        let request = app.anonymous(Method::GET, path);
        let request = request.header("cookie", app.cookie("alice").await);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "cache-control"), "private, no-store");
        check(&response, path);
    }
}

fn check(response: &Response, what: &str) {
    let says = |name| header(response, name);
    assert_eq!(says("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(says("referrer-policy"), "same-origin", "{what}");
    let embedded = says("cross-origin-resource-policy");
    assert!(matches!(embedded, "same-origin" | "cross-origin"), "{what}");
    assert!(!says("x-request-id").is_empty(), "{what}");
    assert_eq!(says("strict-transport-security"), "", "{what}");
    let policy = says("content-security-policy");
    for part in [
        "default-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action '",
    ] {
        assert!(policy.contains(part), "{what}: {policy}");
    }
    assert!(!policy.contains("unsafe-inline"), "{what}: {policy}");
    assert!(!policy.contains("'unsafe-eval'"), "{what}: {policy}");
    let is_page = says("content-type").starts_with("text/html");
    if is_page {
        let by_nonce = policy.contains("script-src 'nonce-");
        let without = !policy.contains("script-src");
        assert!(by_nonce || without, "{what}: {policy}");
    } else {
        assert!(policy.contains("sandbox"), "{what}: {policy}");
    }
    let cache = says("cache-control");
    if !what.contains(" /v2/") {
        assert_eq!(says("cross-origin-opener-policy"), "same-origin", "{what}");
        assert!(says("permissions-policy").contains("camera=()"), "{what}");
        let known = cache.contains("no-cache")
            || cache.contains("no-store")
            || cache.contains("max-age=300")
            || cache.contains("immutable");
        assert!(known, "{what}: {cache}");
    }
}

#[tokio::test]
async fn only_a_server_behind_https_asks_for_https() {
    let app = app("https://hub.example").await;
    for path in ["/", "/healthz", "/v2/", "/api/v1", "/nowhere"] {
        let response = app.anonymous(Method::GET, path).send().await.unwrap();
        let https = header(&response, "strict-transport-security");
        assert_eq!(https, "max-age=31536000", "{path}");
    }
}

#[tokio::test]
async fn a_nonce_is_used_once_and_no_script_goes_without() {
    let app = app("http://hub.example").await;
    let mut nonces = Vec::new();
    for path in ["/", "/", "/r/alice/app", "/nowhere", "/login"] {
        let response = app.anonymous(Method::GET, path).send().await.unwrap();
        let policy = header(&response, "content-security-policy").to_owned();
        let nonce = policy.split("'nonce-").nth(1).unwrap();
        let nonce = nonce.split('\'').next().unwrap().to_owned();
        assert!(nonce.len() >= 16, "{policy}");
        let html = response.text().await.unwrap();
        for script in html.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "{tag}");
        }
        for handler in [" onclick=", " onload=", " style=\"", "<style"] {
            assert!(!html.contains(handler), "{path} has{handler}");
        }
        nonces.push(nonce);
    }
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 5);
}

async fn html(app: &TestApp, path: &str, user: Option<&str>) -> (String, String) {
    let mut request = app
        .anonymous(Method::GET, path)
        .header("accept", "text/html");
    if let Some(user) = user {
        request = request.header("cookie", app.cookie(user).await);
    }
    let response = request.send().await.unwrap();
    let robots = header(&response, "x-robots-tag").to_owned();
    (response.text().await.unwrap(), robots)
}

/// The content of what stands once in the head: a meta by its name or property, or a link by its kind.
fn told(html: &str, key: &str, value: &str) -> Option<String> {
    let head = &html[..html.find("</head>").unwrap()];
    let tags: Vec<_> = head.split('<').filter(|tag| tag.contains(key)).collect();
    assert!(tags.len() <= 1, "{key} stands {} times", tags.len());
    let at = tags.first()?.split(&format!("{value}=\"")).nth(1)?;
    Some(at.split('"').next().unwrap().to_owned())
}

#[tokio::test]
async fn pages_say_what_they_are_to_those_who_get_a_link() {
    let app = app("https://hub.example").await;
    let change = serde_json::json!({"description": "Cranes & \"cables\" <b>"});
    let path = "/api/v1/repositories/alice/app";
    let changed = app.by("alice", Method::PATCH, path).json(&change).send();
    assert!(changed.await.unwrap().status().is_success());

    let (page, robots) = html(&app, "/r/alice/app?utm=1", None).await;
    assert!(
        page.contains("<title>alice/app · Dockyard</title>"),
        "{page}"
    );
    assert_eq!(robots, "");
    let expected = [
        (
            "name=\"description\"",
            "content",
            "Cranes &amp; &quot;cables&quot; &lt;b&gt;",
        ),
        ("property=\"og:title\"", "content", "alice/app"),
        (
            "property=\"og:url\"",
            "content",
            "https://hub.example/r/alice/app",
        ),
        (
            "property=\"og:image\"",
            "content",
            "https://hub.example/r/alice/app/-/card.png",
        ),
        (
            "rel=\"canonical\"",
            "href",
            "https://hub.example/r/alice/app",
        ),
        ("application/atom+xml", "href", "/r/alice/app/-/feed.atom"),
        ("name=\"twitter:card\"", "content", "summary_large_image"),
    ];
    for (key, value, text) in expected {
        assert_eq!(told(&page, key, value).as_deref(), Some(text), "{key}");
    }
    assert_eq!(told(&page, "name=\"robots\"", "content"), None);

    for path in [
        "/",
        "/login",
        "/signup",
        "/u/alice",
        "/r/alice/app/-/tags",
        "/r/alice/app/-/tags/v1",
        "/r/alice/app/-/activity",
    ] {
        let (page, robots) = html(&app, path, None).await;
        let canonical = told(&page, "rel=\"canonical\"", "href");
        assert_eq!(canonical, Some(format!("https://hub.example{path}")));
        assert!(told(&page, "name=\"description\"", "content").is_some_and(|text| text.len() > 10));
        assert!(
            told(&page, "property=\"og:image\"", "content").is_some(),
            "{path}"
        );
        assert_eq!(robots, "", "{path}");
    }
}

#[tokio::test]
async fn what_is_private_is_kept_from_search_engines() {
    let app = app("https://hub.example").await;
    for (path, user) in [
        ("/r/alice/secret", Some("alice")),
        ("/r/alice/secret/-/tags", Some("alice")),
        ("/r/alice/secret/-/tags/v1", Some("alice")),
        ("/new", Some("alice")),
        ("/upload", Some("alice")),
        ("/settings/profile", Some("alice")),
        ("/r/alice/app/-/settings", Some("alice")),
        ("/search?q=x", None),
        ("/setup?key=x", None),
        ("/nowhere", None),
    ] {
        let (page, robots) = html(&app, path, user).await;
        assert_eq!(robots, "noindex", "{path}");
        assert_eq!(
            told(&page, "name=\"robots\"", "content").as_deref(),
            Some("noindex")
        );
        assert_eq!(told(&page, "rel=\"canonical\"", "href"), None, "{path}");
    }
    let (page, _) = html(&app, "/r/alice/secret", Some("alice")).await;
    let picture = told(&page, "property=\"og:image\"", "content");
    assert_eq!(picture.as_deref(), Some("https://hub.example/card.png"));
}

#[tokio::test]
async fn errors_are_pages_for_people_and_json_for_programs() {
    let app = app("http://hub.example").await;
    let large = vec![b'x'; 3 * 1024 * 1024];
    let requests = [
        (
            app.anonymous(Method::GET, "/nowhere"),
            404,
            "There is nothing here",
        ),
        (
            app.anonymous(Method::GET, "/api/v1/images/alice/none:v1"),
            401,
            "Log in first",
        ),
        (
            app.anonymous(Method::GET, "/r/alice/secret/-/feed.atom"),
            404,
            "There is nothing here",
        ),
        (
            app.anonymous(Method::PUT, "/login"),
            405,
            "This can't be done here",
        ),
        (
            app.anonymous(Method::POST, "/api/v1/users").json(&large),
            413,
            "That is too large",
        ),
        (
            app.anonymous(Method::POST, "/upload")
                .header("cookie", "theme=dark")
                .header("sec-fetch-site", "cross-site"),
            403,
            "You may not do this",
        ),
    ];
    for (request, status, title) in requests {
        for accept in ["text/html,*/*;q=0.8", "application/json"] {
            let request = request.try_clone().unwrap().header("accept", accept);
            let response = request.send().await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{title}");
            let is_page = header(&response, "content-type").starts_with("text/html");
            assert_eq!(
                is_page,
                accept.starts_with("text/html"),
                "{title}: {accept}"
            );
            let text = response.text().await.unwrap();
            if is_page {
                assert!(text.contains(&format!("<h1>{title}</h1>")), "{text}");
                for part in ["action=\"/search\"", "href=\"/\"", "noindex"] {
                    assert!(text.contains(part), "{part}: {text}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_failure_of_the_server_is_told_with_the_id_of_its_log() {
    let app = app("http://hub.example").await;
    app.change_database("ALTER TABLE repositories RENAME TO away")
        .await;
    for path in [
        "/r/alice/app",
        "/api/v1/images/alice/app:v1",
        "/sitemap.xml",
    ] {
        for accept in ["text/html", "application/json"] {
            let request = app.anonymous(Method::GET, path);
            let request = request
                .header("accept", accept)
                .header("x-request-id", "abc-1");
            let response = request.send().await.unwrap();
            assert_eq!(
                response.status(),
                StatusCode::INTERNAL_SERVER_ERROR,
                "{path}"
            );
            assert_eq!(header(&response, "x-request-id"), "abc-1");
            check(&response, path);
            let is_page = header(&response, "content-type").starts_with("text/html");
            assert_eq!(is_page, accept == "text/html", "{path}");
            let text = response.text().await.unwrap();
            assert!(text.contains("abc-1"), "{path}: {text}");
            assert!(!text.contains("repositories"), "{path}: {text}");
        }
    }
}

#[cfg(debug_assertions)]
#[tokio::test]
async fn builds_for_development_show_their_components() {
    let app = app("http://hub.example").await;
    let (page, _) = html(&app, "/-/styleguide", None).await;
    for class in [
        "theme-light",
        "theme-dark",
        "field-invalid",
        "button-danger",
        "tag-table",
    ] {
        assert!(page.contains(class), "{class}");
    }
    let style = app
        .anonymous(Method::GET, "/-/styleguide.css")
        .send()
        .await
        .unwrap();
    assert_eq!(style.status(), StatusCode::OK);
}

#[tokio::test]
async fn every_401_says_how_to_log_in_and_no_browser_asks_for_a_password() {
    let app = TestApp::start().await;
    for (method, path) in [
        (Method::GET, "/api/v1/user"),
        (Method::GET, "/api/v1/tokens"),
        (Method::GET, "/api/v1/repositories"),
        (Method::PUT, "/api/v1/images/alice/app:v1"),
        (Method::POST, "/api/web/profile"),
        (Method::GET, "/v2/"),
    ] {
        let request = app.anonymous(method, path);
        let answer = request.header("accept", "application/json").send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        let challenge = header(&answer, "www-authenticate");
        assert!(
            challenge.starts_with("Bearer realm="),
            "{path}: {challenge}"
        );
    }
}
