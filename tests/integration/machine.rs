//! What programs read beside the pages: feeds and site maps.

use dockyard::server::addresses::Addresses;
use reqwest::{Method, Response, StatusCode};
use roxmltree::{Document, Node};
use serde_json::json;

use crate::app::{TestApp, digest, header};

const ATOM: &str = "application/atom+xml; charset=utf-8";

async fn get(app: &TestApp, path: &str) -> Response {
    app.anonymous(Method::GET, path).send().await.unwrap()
}

async fn text(app: &TestApp, path: &str) -> String {
    let response = get(app, path).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.text().await.unwrap()
}

fn child<'a>(node: Node<'a, 'a>, name: &str) -> Node<'a, 'a> {
    let found = node.children().find(|child| child.has_tag_name(name));
    let by_namespace = || {
        node.children()
            .find(|child| child.tag_name().name() == name)
    };
    found.or_else(by_namespace).unwrap()
}

fn words<'a>(document: &'a Document, name: &str) -> Vec<&'a str> {
    let all = document.descendants();
    all.filter(|node| node.tag_name().name() == name)
        .map(|node| node.text().unwrap_or_default())
        .collect()
}

#[tokio::test]
async fn a_feed_tells_what_happened_to_tags() {
    let app = TestApp::start_with(|state| {
        state.addresses = Addresses::new(vec!["https://hub.example".to_owned()]);
    })
    .await;
    app.sign_up("alice").await;
    app.create("alice", "alice/tools/app", "public").await;
    let first = app
        .push_image("alice", "alice/tools/app", "v1", b"one")
        .await;
    app.push_image("alice", "alice/tools/app", "v1", b"two")
        .await;
    let path = "/api/v1/repositories/alice/tools/app/-/tags/v1/history";
    let body = json!({"digest": digest(first.as_bytes())});
    let restored = app.by("alice", Method::POST, path).json(&body).send();
    assert!(restored.await.unwrap().status().is_success());
    app.ask("alice", Method::DELETE, "/v2/alice/tools/app/manifests/v1")
        .await;

    let response = get(&app, "/r/alice/tools/app/-/feed.atom").await;
    assert_eq!(header(&response, "content-type"), ATOM);
    assert_eq!(header(&response, "cache-control"), "public, no-cache");
    assert!(response.headers().get("x-robots-tag").is_none());
    let xml = response.text().await.unwrap();
    let document = Document::parse(&xml).unwrap();
    let feed = document.root_element();
    assert_eq!(
        feed.tag_name().namespace(),
        Some("http://www.w3.org/2005/Atom")
    );
    let kinds = document
        .descendants()
        .filter_map(|node| node.attribute("term"));
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds, ["delete", "restore", "push", "push"]);
    let titles = words(&document, "title");
    assert_eq!(
        titles[..3],
        ["alice/tools/app", "v1 deleted", "v1 put back"]
    );
    let ids = words(&document, "id");
    assert!(ids.iter().all(|id| id.starts_with("urn:uuid:")), "{ids:?}");
    let mut distinct = ids.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 5);
    let entry = child(feed, "entry");
    assert_eq!(
        child(feed, "updated").text(),
        child(entry, "updated").text()
    );
    assert_eq!(child(child(entry, "author"), "name").text(), Some("alice"));
    let links = document
        .descendants()
        .filter_map(|node| node.attribute("href"));
    let links: Vec<_> = links.collect();
    assert_eq!(
        links[0],
        "https://hub.example/r/alice/tools/app/-/feed.atom"
    );
    assert_eq!(links[1], "https://hub.example/r/alice/tools/app");
    assert_eq!(links[4], "https://hub.example/r/alice/tools/app/-/tags/v1");
}

#[tokio::test]
async fn a_feed_keeps_its_ids_and_its_tag_until_something_happens() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.create("alice", "alice/app", "public").await;
    let path = "/r/alice/app/-/feed.atom";
    let empty = text(&app, path).await;
    assert_eq!(words(&Document::parse(&empty).unwrap(), "entry").len(), 0);
    app.push_image("alice", "alice/app", "v1", b"one").await;
    let response = get(&app, path).await;
    let etag = header(&response, "etag").to_owned();
    let before = response.text().await.unwrap();

    let again = app
        .anonymous(Method::GET, path)
        .header("if-none-match", &etag);
    let again = again.send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(header(&again, "etag"), etag);
    assert_eq!(again.text().await.unwrap(), "");
    let head = app.anonymous(Method::HEAD, path).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(header(&head, "content-length"), before.len().to_string());

    app.push_image("alice", "alice/app", "v2", b"two").await;
    let changed = app
        .anonymous(Method::GET, path)
        .header("if-none-match", &etag);
    let after = changed.send().await.unwrap().text().await.unwrap();
    let (before, after) = (
        Document::parse(&before).unwrap(),
        Document::parse(&after).unwrap(),
    );
    let (old, new) = (words(&before, "id"), words(&after, "id"));
    assert_eq!((old[0], old[1]), (new[0], new[2]));
}

#[tokio::test]
async fn a_feed_is_bounded_and_well_formed_whatever_stands_in_it() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.create("alice", "alice/app", "public").await;
    let first = app.push_image("alice", "alice/app", "t0", b"one").await;
    for i in 1..60 {
        let tag = format!("t{i}");
        app.put_manifest("alice", "alice/app", &tag, crate::app::MANIFEST, &first)
            .await;
    }
    // As an earlier version took it.
    app.change_database(
        "UPDATE repositories SET description =
            ']]> <script>alert(1)</script> & \"''\u{1b}\u{8}\u{ffff}\u{202e}abc 😀'",
    )
    .await;
    let xml = text(&app, "/r/alice/app/-/feed.atom").await;
    let document = Document::parse(&xml).unwrap();
    assert_eq!(words(&document, "entry").len(), 50);
    let subtitle = words(&document, "subtitle")[0];
    assert!(subtitle.starts_with("]]> <script>"), "{subtitle}");
}

#[tokio::test]
async fn a_private_feed_is_for_those_who_may_read_it() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.create("alice", "alice/secret", "private").await;
    let path = "/r/alice/secret/-/feed.atom";
    assert_eq!(get(&app, path).await.status(), StatusCode::NOT_FOUND);
    let basic = app.anonymous(Method::GET, path);
    let basic = basic.basic_auth("alice", Some(app.token("alice")));
    let response = basic.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "cache-control"), "private, no-cache");
    assert_eq!(header(&response, "x-robots-tag"), "noindex");
}

#[tokio::test]
async fn a_former_name_leads_to_the_feed_under_the_new_one() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.create("alice", "alice/before", "public").await;
    let path = "/api/v1/repositories/alice/before";
    let renamed = app.by("alice", Method::PATCH, path);
    let renamed = renamed
        .json(&json!({"name": "alice/after"}))
        .send()
        .await
        .unwrap();
    assert_eq!(renamed.status(), StatusCode::OK);
    let response = get(&app, "/r/alice/before/-/feed.atom").await;
    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(header(&response, "location"), "/r/alice/after/-/feed.atom");
}

#[tokio::test]
async fn the_site_map_lists_what_is_public_in_parts() {
    let app = TestApp::start_with(|state| {
        state.addresses = Addresses::new(vec!["https://hub.example".to_owned()]);
        state.maps.len = 2;
    })
    .await;
    app.sign_up("alice").await;
    app.create("alice", "alice/a", "public").await;
    app.create("alice", "alice/hidden", "private").await;
    let one = text(&app, "/sitemap.xml").await;
    let one = Document::parse(&one).unwrap();
    assert_eq!(words(&one, "loc"), ["https://hub.example/r/alice/a"]);
    assert_eq!(words(&one, "lastmod").len(), 1);
    for name in ["alice/b", "alice/c", "alice/d", "alice/e"] {
        app.create("alice", name, "public").await;
    }
    let index = text(&app, "/sitemap.xml").await;
    let index = Document::parse(&index).unwrap();
    assert_eq!(index.root_element().tag_name().name(), "sitemapindex");
    let mut found = Vec::new();
    for part in words(&index, "loc") {
        let path = part.strip_prefix("https://hub.example").unwrap();
        let map = text(&app, path).await;
        let map = Document::parse(&map).unwrap();
        assert!(words(&map, "loc").len() <= 2);
        found.extend(
            words(&map, "loc")
                .iter()
                .map(|loc| loc[loc.len() - 1..].to_owned()),
        );
    }
    assert_eq!(found, ["a", "b", "c", "d", "e"]);

    let robots = text(&app, "/robots.txt").await;
    for line in [
        "Disallow: /settings\n",
        "Disallow: /api/\n",
        "Disallow: /v2/\n",
    ] {
        assert!(robots.contains(line), "{robots}");
    }
    assert!(robots.contains("\nSitemap: https://hub.example/sitemap.xml\n"));
}

#[tokio::test]
async fn a_card_is_a_picture_of_a_public_repository() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.create("alice", "alice/app", "public").await;
    // As an earlier version took it.
    app.change_database(
        "UPDATE repositories SET description =
            '\u{202e}\u{1b}😀 <b>&字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字'",
    )
    .await;

    let mut tags = Vec::new();
    for path in ["/card.png", "/r/alice/app/-/card.png"] {
        let response = get(&app, path).await;
        assert_eq!(header(&response, "content-type"), "image/png");
        assert_eq!(
            header(&response, "cross-origin-resource-policy"),
            "cross-origin"
        );
        let etag = header(&response, "etag").to_owned();
        let picture = response.bytes().await.unwrap();
        let size = [&picture[16..20], &picture[20..24]]
            .map(|side| u32::from_be_bytes(side.try_into().unwrap()));
        assert_eq!((&picture[..4], size), (&b"\x89PNG"[..], [1200, 630]));
        assert!(picture.len() < 150_000);
        let again = app
            .anonymous(Method::GET, path)
            .header("if-none-match", &etag);
        assert_eq!(
            again.send().await.unwrap().status(),
            StatusCode::NOT_MODIFIED
        );
        tags.push(etag);
    }
    app.ask(
        "alice",
        Method::PUT,
        "/api/v1/repositories/alice/app/-/star",
    )
    .await;
    let starred = get(&app, "/r/alice/app/-/card.png").await;
    tags.push(header(&starred, "etag").to_owned());
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 3);

    let change = json!({ "visibility": "private" });
    let path = "/api/v1/repositories/alice/app";
    let changed = app.by("alice", Method::PATCH, path).json(&change).send();
    assert_eq!(changed.await.unwrap().status(), StatusCode::OK);
    let own = app
        .ask("alice", Method::GET, "/r/alice/app/-/card.png")
        .await;
    assert_eq!(own.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn many_cards_at_once_all_come() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let names: Vec<_> = (0..12).map(|i| format!("alice/app-{i}")).collect();
    for name in &names {
        app.create("alice", name, "public").await;
    }
    let asked = names.iter().chain(&names);
    let asked = asked.map(|name| format!("/r/{name}/-/card.png"));
    let asked = asked.map(async |path| get(&app, &path).await.status());
    for status in futures::future::join_all(asked).await {
        assert_eq!(status, StatusCode::OK);
    }
}
