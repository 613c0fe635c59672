//! What pages do beyond showing: tags that are gone, renamed repositories, drafts, stars.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::{TestApp, digest, header};

async fn text(app: &TestApp, user: Option<&str>, path: &str) -> (StatusCode, String) {
    let mut request = app.anonymous(Method::GET, path);
    if let Some(user) = user {
        request = request.header("cookie", app.cookie(user).await);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

/// Sends a form as a browser without JavaScript does, and returns where it leads.
async fn send(app: &TestApp, user: &str, call: &str, fields: &[(&str, &str)]) -> String {
    let request = app
        .anonymous(Method::POST, &format!("/api/web/{call}"))
        .header("accept", "text/html")
        .header("referer", app.url("/came/from"))
        .header("cookie", app.cookie(user).await)
        .form(fields);
    let answer = request.send().await.unwrap();
    header(&answer, "location").to_owned()
}

async fn app() -> (TestApp, String) {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.sign_up("bob").await;
    let manifest = app.push_image("alice", "alice/app", "v1", b"layer").await;
    (app, manifest)
}

#[tokio::test]
async fn a_deleted_tag_can_be_put_back_from_its_page() {
    let (app, manifest) = app().await;
    let tags = [("name", "alice/app"), ("tags", "v1")];
    let led = send(&app, "alice", "delete-tags", &tags).await;
    assert_eq!(led, "/r/alice/app/-/tags?deleted=1");
    let (_, notice) = text(&app, Some("alice"), &led).await;
    assert!(notice.contains("One tag was deleted"));

    let address = "/r/alice/app/-/tags/v1";
    let (status, page) = text(&app, Some("alice"), address).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(page.contains("This tag was deleted") && page.contains("Restore"));
    let (_, strangers) = text(&app, Some("bob"), address).await;
    assert!(!strangers.contains("Restore v1"));

    let of = digest(manifest.as_bytes());
    let back = [
        ("name", "alice/app"),
        ("tag", "v1"),
        ("digest", of.as_str()),
    ];
    assert_eq!(send(&app, "alice", "restore-tag", &back).await, address);
    let (status, page) = text(&app, None, address).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Restored"));
}

#[tokio::test]
async fn a_page_asks_before_tags_go_and_says_what_comes_back() {
    let (app, _) = app().await;
    app.push_image("alice", "alice/app", "v2", b"another layer")
        .await;
    let path = "/r/alice/app/-/delete-tags?tag=v1&tag=v2&tag=missing";
    let (status, page) = text(&app, Some("alice"), path).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Delete 2 tags?"));
    // Two layers and the configuration that both have.
    assert!(page.contains(&format!("{} bytes", 37 + 5 + 13)), "{page}");
}

#[tokio::test]
async fn tags_are_filtered_and_sorted_by_the_address() {
    let (app, _) = app().await;
    for tag in ["v1.9", "v1.10", "edge"] {
        app.push_image("alice", "alice/app", tag, b"layer").await;
    }
    let order = async |query: &str| {
        let path = format!("/r/alice/app/-/tags{query}");
        let (_, page) = text(&app, None, &path).await;
        let rows = page.split("class=\"col-tag\"").skip(1);
        let names = rows.map(|row| {
            let link = row.split("/-/tags/").nth(1).unwrap();
            link.split('"').next().unwrap().to_owned()
        });
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(order("").await, "v1.10 v1.9 v1 edge");
    assert_eq!(order("?filter=v1.&sort=name").await, "v1.10 v1.9");
    assert_eq!(order("?sort=newest").await, "edge v1.10 v1.9 v1");
}

#[tokio::test]
async fn a_manifest_is_shown_byte_for_byte() {
    let (app, manifest) = app().await;
    let digest = digest(manifest.as_bytes());
    let path = format!("/api/v1/repositories/alice/app/-/manifests/{digest}");
    let answer = app.anonymous(Method::GET, &path).send().await.unwrap();
    assert_eq!(header(&answer, "content-type"), "application/json");
    assert_eq!(header(&answer, "etag"), format!("\"{digest}\""));
    assert_eq!(answer.text().await.unwrap(), manifest);
}

#[tokio::test]
async fn a_draft_is_previewed_for_those_who_are_logged_in() {
    let (app, _) = app().await;
    let draft = [("readme", "# Hello\n<script>alert(1)</script>")];
    let ask = |cookie: String| {
        let request = app.anonymous(Method::POST, "/preview").form(&draft);
        request.header("cookie", cookie).send()
    };
    let page = ask(app.cookie("alice").await).await.unwrap();
    assert!(header(&page, "content-security-policy").starts_with("default-src 'none'"));
    let page = page.text().await.unwrap();
    assert!(
        page.contains("Hello</h2>") && !page.contains("<script"),
        "{page}"
    );
    let stranger = ask(String::new()).await.unwrap();
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_renamed_repository_is_found_under_its_old_name() {
    let (app, _) = app().await;
    let fields = [("name", "alice/app"), ("to", "web")];
    let led = send(&app, "alice", "rename-repository", &fields).await;
    assert_eq!(led, "/r/alice/web/-/settings?done=name");
    let request = app.anonymous(Method::GET, "/r/alice/app/-/tags/v1?platform=x");
    let answer = request.header("accept", "text/html").send().await.unwrap();
    let to = "/r/alice/web/-/tags/v1?platform=x";
    assert_eq!(header(&answer, "location"), to);
}

#[tokio::test]
async fn deleting_a_repository_takes_its_name_typed() {
    let (app, _) = app().await;
    let wrong = [("name", "alice/app"), ("confirmation", "alice/other")];
    let led = send(&app, "alice", "delete-repository", &wrong).await;
    assert!(led.contains("__err"), "{led}");
    assert_eq!(text(&app, None, "/r/alice/app").await.0, StatusCode::OK);
    let right = [("name", "alice/app"), ("confirmation", "alice/app")];
    assert_eq!(
        send(&app, "alice", "delete-repository", &right).await,
        "/u/alice"
    );
    assert_eq!(
        text(&app, None, "/r/alice/app").await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_stars_of_a_user_show_only_what_the_viewer_may_see() {
    let (app, _) = app().await;
    app.create("alice", "alice/secret", "private").await;
    for name in ["alice/app", "alice/secret"] {
        let fields = [("name", name), ("starred", "true")];
        let led = send(&app, "alice", "star", &fields).await;
        assert_eq!(led, format!("/r/{name}"));
    }
    let stars = "/u/alice?tab=stars";
    let (_, own) = text(&app, Some("alice"), stars).await;
    assert!(own.contains("/r/alice/app") && own.contains("/r/alice/secret"));
    for user in [None, Some("bob")] {
        let (_, page) = text(&app, user, stars).await;
        assert!(page.contains("/r/alice/app") && !page.contains("secret"));
    }
}

#[tokio::test]
async fn what_is_not_yours_to_change_answers_403() {
    let (app, _) = app().await;
    let (status, page) = text(&app, Some("bob"), "/r/alice/app/-/settings").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(page.contains("This is not yours to change"));
    let hide = json!({"visibility": "private"});
    let path = "/api/v1/repositories/alice/app";
    app.by("alice", Method::PATCH, path)
        .json(&hide)
        .send()
        .await
        .unwrap();
    let (status, _) = text(&app, Some("bob"), "/r/alice/app/-/settings").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_address_says_to_a_browser_only_what_the_server_told_it() {
    let (app, _) = app().await;
    let form = [
        ("username", "alice"),
        ("password", "not this one"),
        ("next", "/"),
    ];
    let refused = app
        .anonymous(Method::POST, "/api/web/log-in")
        .header("accept", "text/html")
        .header("referer", app.url("/login?next=/r/alice/app"))
        .form(&form)
        .send()
        .await
        .unwrap();
    let location = header(&refused, "location").to_owned();
    let set = refused.headers().get_all("set-cookie").iter();
    let set: Vec<_> = set
        .map(|cookie| cookie.to_str().unwrap().to_owned())
        .collect();
    let told = set
        .iter()
        .find(|cookie| cookie.starts_with("dockyard_told="))
        .unwrap();
    assert!(
        told.contains("HttpOnly") && told.contains("SameSite=Lax"),
        "{told}"
    );
    let told = told.split(';').next().unwrap();
    let to = location.strip_prefix(&app.url("")).unwrap_or(&location);
    let ask = |path: String, cookie: String| {
        let request = app
            .anonymous(Method::GET, &path)
            .header("accept", "text/html");
        request.header("cookie", cookie).send()
    };
    let page = ask(to.to_owned(), told.to_owned()).await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    let page = page.text().await.unwrap();
    assert!(page.contains("name or the password is wrong"), "{page}");

    // The same address in another browser, and one that somebody wrote.
    for (path, cookie) in [
        (to.to_owned(), String::new()),
        (to.to_owned(), format!("{told}0")),
        (
            "/login?__path=/api/web/log-in&__err=eyJ9&next=/new".to_owned(),
            told.to_owned(),
        ),
        (
            "/upload?repository=alice/app&error=Call%20us%20now".to_owned(),
            told.to_owned(),
        ),
        ("//evil.example/?error=x".to_owned(), String::new()),
    ] {
        let led = ask(path.clone(), cookie).await.unwrap();
        assert_eq!(led.status(), StatusCode::SEE_OTHER, "{path}");
        let to = header(&led, "location");
        let says_nothing = !to.contains("__err") && !to.contains("error=");
        assert!(
            says_nothing && to.starts_with('/') && !to.starts_with("//"),
            "{to}"
        );
    }
    let led = ask("/login?error=x&next=%2Fnew".to_owned(), String::new())
        .await
        .unwrap();
    assert_eq!(header(&led, "location"), "/login?next=%2Fnew");
}

#[tokio::test]
async fn entries_of_an_index_are_told_apart_however_they_are_called() {
    let (app, _) = app().await;
    let image = async |name: &str, os: &str, version: Option<&str>| {
        let mut config = json!({"os": os, "architecture": "amd64"});
        if let Some(version) = version {
            config["os.version"] = version.into();
        }
        let config = config.to_string();
        app.push_blob("alice", "alice/app", config.as_bytes()).await;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": crate::app::MANIFEST, "layers": [],
            "config": crate::app::descriptor("application/vnd.oci.image.config.v1+json", config.as_bytes()),
            "annotations": {"name": name},
        })
        .to_string();
        let own = digest(manifest.as_bytes());
        app.put_manifest("alice", "alice/app", &own, crate::app::MANIFEST, &manifest)
            .await;
        crate::app::descriptor(crate::app::MANIFEST, manifest.as_bytes())
    };
    let platform = |mut entry: serde_json::Value, platform: serde_json::Value| {
        entry["platform"] = platform;
        entry
    };
    let windows =
        |version: &str| json!({"os": "windows", "architecture": "amd64", "os.version": version});
    let unknown = json!({"os": "unknown", "architecture": "unknown"});
    let linux = image("linux", "linux", None).await;
    let mut attested = image("attestation", "unknown", None).await;
    attested["annotations"] = json!({"vnd.docker.reference.digest": linux["digest"]});
    let entries = [
        platform(
            image("old", "windows", Some("10.0.1")).await,
            windows("10.0.1"),
        ),
        platform(
            image("new", "windows", Some("10.0.2")).await,
            windows("10.0.2"),
        ),
        platform(linux, json!({"os": "linux", "architecture": "amd64"})),
        platform(attested, unknown.clone()),
        platform(image("one", "unknown", None).await, unknown.clone()),
        platform(image("two", "unknown", None).await, unknown),
        platform(
            image("none", "", None).await,
            json!({"os": "", "architecture": ""}),
        ),
    ];
    let index = json!({"schemaVersion": 2, "mediaType": crate::app::INDEX, "manifests": entries})
        .to_string();
    app.put_manifest("alice", "alice/app", "all", crate::app::INDEX, &index)
        .await;
    let (_, page) = text(&app, None, "/r/alice/app/-/tags/all").await;
    let page = page.replace("<!>", "");
    for name in [
        "windows/amd64 10.0.1",
        "windows/amd64 10.0.2",
        "attestation for linux/amd64",
        "no platform named",
    ] {
        assert!(page.contains(&format!(">{name}<")), "{name}");
    }
    let links: Vec<&str> = page
        .split("href=\"")
        .filter(|link| link.contains("?platform="))
        .collect();
    assert_eq!(links.len(), entries.len());
    for (link, entry) in links.iter().zip(&entries) {
        let path = link.split('"').next().unwrap().replace("&amp;", "&");
        let (_, shown) = text(&app, None, &path).await;
        let inside = shown
            .split("<h2>Inside ")
            .nth(1)
            .unwrap_or_else(|| panic!("{path}"));
        assert!(inside.contains(entry["digest"].as_str().unwrap()), "{path}");
    }
}
