use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use dockyard_hub::accounts::Caller;
use dockyard_hub::search::{SearchFilter, SearchRequest, SearchResults, SearchSort};
use dockyard_oci::UserName;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{TestApp, peak_mib};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

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

/// Three people, of whom one has something to hide.
async fn shelves() -> TestApp {
    let app = TestApp::start().await;
    for user in ["alice", "bob"] {
        app.sign_up(user).await;
    }
    for (user, name, visibility, description) in [
        ("alice", "alice/postgres", "public", "A database"),
        ("alice", "alice/vault", "private", "A database of secrets"),
        ("bob", "bob/notes", "public", "Notes about postgres"),
        ("bob", "bob/web", "public", "Pages"),
    ] {
        app.create(user, name, visibility).await;
        app.by(user, Method::PATCH, &format!("/api/v1/repositories/{name}"))
            .json(&json!({ "description": description }))
            .send()
            .await
            .unwrap();
    }
    finds(&app, None, "pages", &["bob/web"]).await;
    app
}

async fn caller(app: &TestApp, user: &str) -> Caller {
    let name: UserName = user.parse().unwrap();
    let user = app.hub.accounts.profile(&name).await.unwrap();
    Caller::user_in_person(user.unwrap())
}

async fn look(app: &TestApp, caller: &Caller, request: SearchRequest) -> SearchResults {
    let request = SearchRequest {
        limit: 10,
        ..request
    };
    app.hub.search.find(caller, HERE, request).await.unwrap()
}

fn text(text: &str) -> SearchRequest {
    SearchRequest {
        text: text.to_owned(),
        ..SearchRequest::default()
    }
}

fn names(results: &SearchResults) -> Vec<&str> {
    let rows = results.repositories.iter();
    rows.map(|repository| repository.name.as_str()).collect()
}

#[tokio::test]
async fn a_name_counts_more_than_a_description_and_stars_move_up() {
    let app = shelves().await;
    let nobody = Caller::anonymous();
    let found = look(&app, &nobody, text("postgres")).await;
    assert_eq!(names(&found), ["alice/postgres", "bob/notes"]);
    let by_stars = || SearchRequest {
        sort: SearchSort::Stars,
        ..text("postgres")
    };
    let star = "/api/v1/repositories/bob/notes/-/star";
    app.by("alice", Method::PUT, star).send().await.unwrap();
    for _ in 0..60 {
        if names(&look(&app, &nobody, by_stars()).await) == ["bob/notes", "alice/postgres"] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the star is not found");
}

#[tokio::test]
async fn a_letter_may_be_wrong_when_nothing_is_right() {
    let app = shelves().await;
    let nobody = Caller::anonymous();
    for mistaken in ["postgers", "posgres", "postgrez"] {
        let found = look(&app, &nobody, text(mistaken)).await;
        assert!(found.is_near, "{mistaken}");
        assert_eq!(names(&found), ["alice/postgres", "bob/notes"], "{mistaken}");
    }
    let exact = look(&app, &nobody, text("postgres")).await;
    assert!(!exact.is_near);
    let short = look(&app, &nobody, text("wob")).await;
    assert!(!short.is_near && short.repositories.is_empty());
}

#[tokio::test]
async fn facets_count_what_the_words_find_and_filters_narrow_it_down() {
    let app = shelves().await;
    let nobody = Caller::anonymous();
    let filter = SearchFilter {
        namespace: Some("bob".to_owned()),
        ..SearchFilter::default()
    };
    let request = SearchRequest {
        filter,
        ..text("postgres")
    };
    let found = look(&app, &nobody, request).await;
    assert_eq!((found.total, names(&found)), (1, vec!["bob/notes"]));
    let namespaces = [("alice".to_owned(), 1), ("bob".to_owned(), 1)];
    assert_eq!(found.facets.namespaces, namespaces);
}

#[tokio::test]
async fn what_is_private_shows_in_no_count_and_no_suggestion() {
    let app = shelves().await;
    let (alice, bob) = (caller(&app, "alice").await, caller(&app, "bob").await);
    for caller in [Caller::anonymous(), bob] {
        for words in ["vault", "vualt", "secrets", "database", ""] {
            let found = look(&app, &caller, text(words)).await;
            let visibilities = &found.facets.visibilities;
            assert!(!names(&found).contains(&"alice/vault"), "{words}");
            assert!(
                visibilities.iter().all(|(value, _)| value == "public"),
                "{words}: {visibilities:?}"
            );
            assert_eq!(found.total, found.repositories.len() as u64, "{words}");
        }
        let suggested = app
            .hub
            .search
            .suggest(&caller, HERE, "vau", 8)
            .await
            .unwrap();
        assert!(suggested.is_empty(), "{suggested:?}");
    }
    let own = look(&app, &alice, text("vault")).await;
    assert_eq!(own.facets.visibilities, [("private".to_owned(), 1)]);
    let suggested = app
        .hub
        .search
        .suggest(&alice, HERE, "vau", 8)
        .await
        .unwrap();
    assert_eq!(suggested, ["alice/vault".parse().unwrap()]);
}

#[tokio::test]
async fn dear_searches_stay_bounded_however_many_there_are() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.create("alice", "alice/app", "public").await;
    let letters: Vec<char> = (0x4e00..0x9fff).filter_map(char::from_u32).collect();
    let search = |words: usize, chars: usize, of: usize| {
        let letters = letters.iter().cycle().skip(of * 100);
        let letters: Vec<char> = letters.take(words * chars).copied().collect();
        let words: Vec<String> = letters
            .chunks(chars)
            .map(|word| word.iter().collect())
            .collect();
        let request = app.anonymous(Method::GET, "/api/v1/search");
        request.query(&[("q", words.join(" "))]).send()
    };
    let before = peak_mib();
    for (words, chars) in [(16, 39), (3, 16)] {
        let all = futures::future::join_all((0..24).map(|of| search(words, chars, of))).await;
        for answer in all {
            let status = answer.unwrap().status().as_u16();
            assert!(matches!(status, 200 | 503), "{status}");
        }
    }
    let more = peak_mib() - before;
    assert!(more < 200, "{more} MiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_one_user_do_not_keep_back_anothers() {
    let app = TestApp::start().await;
    for user in ["alice", "bob"] {
        app.sign_up(user).await;
    }
    // Words that no other text has, so that each costs something.
    let readme = |n: usize| {
        let words = (0..40_000).map(|word| format!("w{n}x{word} "));
        words.collect::<String>()
    };
    for n in 0..16 {
        let name = format!("alice/app-{n}");
        app.create("alice", &name, "public").await;
    }
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let flood = async |first: usize| {
        let mut round = 0;
        while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
            for n in (first..16).step_by(2) {
                let path = format!("/api/v1/repositories/alice/app-{n}");
                let change = json!({"readme": readme(n), "description": format!("round {round}")});
                let request = app.by("alice", Method::PATCH, &path).json(&change);
                assert_eq!(request.send().await.unwrap().status(), 200);
            }
            round += 1;
        }
    };
    let honest = async {
        for n in 0..3 {
            app.create("bob", &format!("bob/lighthouse{n}"), "public")
                .await;
            let path = format!("/api/v1/search?q=lighthouse{n}");
            let asked = std::time::Instant::now();
            loop {
                let found = app.anonymous(Method::GET, &path).send().await.unwrap();
                if found.text().await.unwrap().contains("bob/lighthouse") {
                    break;
                }
                let waited = asked.elapsed();
                assert!(
                    waited < Duration::from_secs(20),
                    "not found after {waited:?}"
                );
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    futures::join!(flood(0), flood(1), honest);
}

#[tokio::test]
async fn the_name_that_was_typed_comes_first_however_it_was_typed() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let told =
        json!({"description": "nginx, nginx and nginx", "readme": "nginx docker ".repeat(30)});
    for name in [
        "web",
        "nginx-proxy",
        "my-nginx",
        "docker-tools",
        "nginx",
        "docker",
    ] {
        app.push_image("alice", &format!("alice/{name}"), "1.2", name.as_bytes())
            .await;
        if !["nginx", "docker"].contains(&name) {
            let path = format!("/api/v1/repositories/alice/{name}");
            let change = app.by("alice", Method::PATCH, &path).json(&told);
            change.send().await.unwrap();
        }
    }
    let nobody = Caller::anonymous();
    for _ in 0..100 {
        // Whatever the order, all of it is indexed.
        let told = look(&app, &nobody, text("nginx docker")).await.total;
        if told == 4 && look(&app, &nobody, text("alice")).await.total == 6 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let first = async |words: &str| {
        let found = look(&app, &nobody, text(words)).await;
        names(&found).first().map(|name| (*name).to_owned())
    };
    for words in [
        "nginx",
        "NGINX",
        "alice/nginx",
        "alice/nginx:1.2",
        "hub.example.org:5000/alice/nginx:1.2",
        "docker pull hub.example.org/alice/nginx:1.2",
        "ngnix",
        "alice nginx",
    ] {
        assert_eq!(
            first(words).await.as_deref(),
            Some("alice/nginx"),
            "{words}"
        );
    }
    let found = look(&app, &nobody, text("nginx")).await;
    let order = ["alice/nginx", "alice/nginx-proxy", "alice/my-nginx"];
    assert_eq!(names(&found)[..3], order);
    let suggested = app
        .hub
        .search
        .suggest(&nobody, HERE, "ngin", 2)
        .await
        .unwrap();
    assert!(suggested.iter().any(|name| name.as_str() == "alice/nginx"));
}

#[tokio::test]
async fn a_digest_finds_its_repository_for_whoever_may_see_it() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.create("alice", "alice/secret", "private").await;
    let open = app.push_image("alice", "alice/open", "v1", b"open").await;
    let secret = app
        .push_image("alice", "alice/secret", "v1", b"secret")
        .await;
    let alice = caller(&app, "alice").await;
    let nobody = Caller::anonymous();
    for (manifest, name) in [(&open, "alice/open"), (&secret, "alice/secret")] {
        let digest = crate::app::digest(manifest.as_bytes());
        for typed in [&*digest, &digest[7..], &digest[7..19]] {
            let found = look(&app, &alice, text(typed)).await;
            assert_eq!(names(&found), [name], "{typed}");
            let found = look(&app, &nobody, text(typed)).await;
            assert_eq!(found.total, u64::from(name == "alice/open"), "{typed}");
        }
    }
}

#[tokio::test]
async fn long_texts_of_any_script_stay_bounded() {
    let app = shelves().await;
    let nobody = Caller::anonymous();
    let before = peak_mib();
    for long in [
        format!("a/{}", "\u{d55c}\u{ae00}".repeat(3000)),
        "\u{6f22}\u{5b57} ".repeat(3000),
        format!("docker pull {}", "x/".repeat(5000)),
        "nginx ".repeat(5000),
    ] {
        look(&app, &nobody, text(&long)).await;
        app.hub
            .search
            .suggest(&nobody, HERE, &long, 5)
            .await
            .unwrap();
    }
    assert!(peak_mib() - before < 100, "{} MiB", peak_mib() - before);
}
