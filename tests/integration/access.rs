//! Who may do what with whose repository, over every door: each route that the server lists, for each
//! role, on a public repository, a private one, and one that does not exist.

use std::collections::HashSet;

use dockyard::server::{Route, routes};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::{MANIFEST, TestApp, digest, header};

/// Nobody, a stranger, the owner with a registry token that only pulls, the owner, an administrator.
const ROLES: [Role; 5] = [
    Role::Nobody,
    Role::User("bob"),
    Role::PullToken,
    Role::User("alice"),
    Role::User("root"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Nobody,
    User(&'static str),
    PullToken,
}

/// A route on a repository: method, address as the router has it, address as it is asked, and what
/// each role gets on a public repository, a private one, and one that does not exist.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    [u16; 5],
    [u16; 5],
    [u16; 5],
);

const V2: &str = "/v2/{repository}";
const API: &str = "/api/v1/repositories/{*path}";
const IMAGES: &str = "/api/v1/images/{*name}";

/// What the owner may push to is there from then on, so the administrator finds it made.
///
/// `{r}` is the repository, `{d}` a blob that is there, `{m}` the manifest that is there, `{z}` a
/// digest that is not, `{u}` an upload that is not.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("GET", "tags/list", "/v2/{r}/tags/list", [200; 5], [401, 404, 200, 200, 200], [401, 404, 404, 404, 404]),
    ("HEAD", "tags/list", "/v2/{r}/tags/list", [200; 5], [401, 404, 200, 200, 200], [401, 404, 404, 404, 404]),
    ("GET", "manifests/{reference}", "/v2/{r}/manifests/v1", [200; 5], [401, 404, 200, 200, 200], [401, 404, 404, 404, 404]),
    ("GET", "manifests/{reference}", "/v2/{r}/manifests/{m}", [200; 5], [401, 404, 200, 200, 200], [401, 404, 404, 404, 404]),
    ("HEAD", "manifests/{reference}", "/v2/{r}/manifests/v1", [200; 5], [401, 404, 200, 200, 200], [401, 404, 404, 404, 404]),
    ("PUT", "manifests/{reference}", "/v2/{r}/manifests/v2", [401, 403, 401, 400, 400], [401, 403, 401, 400, 400], [401, 403, 401, 400, 400]),
    ("DELETE", "manifests/{reference}", "/v2/{r}/manifests/v9", [401, 403, 401, 404, 404], [401, 404, 401, 404, 404], [401, 404, 401, 404, 404]),
    ("DELETE", "manifests/{reference}", "/v2/{r}/manifests/{m}", [401, 403, 401, 202, 404], [401, 404, 401, 202, 404], [401, 404, 401, 404, 404]),
    ("GET", "blobs/{digest}", "/v2/{r}/blobs/{d}", [200; 5], [401, 404, 200, 200, 200], [401, 404, 404, 404, 404]),
    ("HEAD", "blobs/{digest}", "/v2/{r}/blobs/{d}", [200; 5], [401, 404, 200, 200, 200], [401, 404, 404, 404, 404]),
    ("DELETE", "blobs/{digest}", "/v2/{r}/blobs/{z}", [401, 403, 401, 404, 404], [401, 404, 401, 404, 404], [401, 404, 401, 404, 404]),
    ("DELETE", "blobs/{digest}", "/v2/{r}/blobs/{d}", [401, 403, 401, 405, 405], [401, 404, 401, 405, 405], [401, 404, 401, 404, 404]),
    ("POST", "blobs/uploads/", "/v2/{r}/blobs/uploads/", [401, 403, 401, 202, 202], [401, 403, 401, 202, 202], [401, 403, 401, 202, 202]),
    ("POST", "blobs/uploads/", "/v2/{r}/blobs/uploads/?mount={d}&from={r}", [401, 403, 401, 201, 201], [401, 403, 401, 201, 201], [401, 403, 401, 202, 202]),
    ("GET", "blobs/uploads/{id}", "/v2/{r}/blobs/uploads/{u}", [401, 403, 401, 404, 404], [401, 403, 401, 404, 404], [401, 403, 401, 404, 403]),
    ("PATCH", "blobs/uploads/{id}", "/v2/{r}/blobs/uploads/{u}", [401, 403, 401, 404, 404], [401, 403, 401, 404, 404], [401, 403, 401, 404, 403]),
    ("PUT", "blobs/uploads/{id}", "/v2/{r}/blobs/uploads/{u}?digest={z}", [401, 403, 401, 404, 404], [401, 403, 401, 404, 404], [401, 403, 401, 404, 403]),
    ("DELETE", "blobs/uploads/{id}", "/v2/{r}/blobs/uploads/{u}", [401, 403, 401, 404, 404], [401, 403, 401, 404, 404], [401, 403, 401, 404, 403]),
    // The list of referrers is never "not found": it is empty, alike for private and missing.
    ("GET", "referrers/{digest}", "/v2/{r}/referrers/{m}", [200; 5], [401, 200, 200, 200, 200], [401, 200, 200, 200, 200]),
    ("HEAD", "referrers/{digest}", "/v2/{r}/referrers/{m}", [200; 5], [401, 200, 200, 200, 200], [401, 200, 200, 200, 200]),
    ("GET", API, "/api/v1/repositories/{r}", [200; 5], [401, 404, 200, 200, 200], [401, 404, 404, 404, 404]),
    ("GET", API, "/api/v1/repositories/{r}/-/tags", [200; 5], [401, 404, 200, 200, 200], [401, 404, 404, 404, 404]),
    ("GET", API, "/api/v1/repositories/{r}/-/tags/v1/history", [200; 5], [401, 404, 200, 200, 200], [401, 404, 404, 404, 404]),
    ("PUT", API, "/api/v1/repositories/{r}/-/star", [401, 204, 401, 204, 204], [401, 404, 401, 204, 204], [401, 404, 404, 404, 404]),
    ("DELETE", API, "/api/v1/repositories/{r}/-/star", [401, 204, 401, 204, 204], [401, 404, 401, 204, 204], [401, 404, 404, 404, 404]),
    ("POST", API, "/api/v1/repositories/{r}/-/tags/v1/history", [401, 403, 401, 400, 400], [401, 404, 401, 400, 400], [401, 404, 404, 404, 404]),
    ("PATCH", API, "/api/v1/repositories/{r}", [401, 403, 401, 200, 200], [401, 404, 401, 200, 200], [401, 404, 401, 404, 404]),
    ("DELETE", API, "/api/v1/repositories/{r}", [401, 403, 401, 204, 404], [401, 404, 401, 204, 404], [401, 404, 401, 404, 404]),
    ("GET", IMAGES, "/api/v1/images/{r}:v1", [200; 5], [401, 404, 200, 200, 200], [401, 404, 404, 404, 404]),
    ("PUT", IMAGES, "/api/v1/images/{r}:v2", [401, 403, 401, 400, 400], [401, 403, 401, 400, 400], [401, 403, 401, 400, 400]),
    ("POST", "/api/v1/imports", "/api/v1/imports", [401, 403, 401, 201, 201], [401, 403, 401, 201, 201], [401, 403, 401, 201, 201]),
    ("POST", "/api/v1/repositories", "/api/v1/repositories", [401, 403, 403, 409, 403], [401, 403, 403, 409, 403], [401, 403, 403, 201, 403]),
    ("GET", "/r/{*path}", "/r/{r}", [200; 5], [404, 404, 404, 200, 200], [404; 5]),
    ("GET", "/r/{*path}", "/r/{r}/-/tags", [200; 5], [404, 404, 404, 200, 200], [404; 5]),
    ("GET", "/r/{*path}", "/r/{r}/-/tags/v1", [200; 5], [404, 404, 404, 200, 200], [404; 5]),
    // Whoever unfolds a link has no cookie: a private repository has no card, for nobody.
    ("GET", "/r/{*path}", "/r/{r}/-/card.png", [200; 5], [404; 5], [404; 5]),
    ("GET", "/r/{*path}", "/r/{r}/-/feed.atom", [200; 5], [404, 404, 200, 200, 200], [404; 5]),
    ("POST", "/api/web/repository", "/api/web/repository", [200; 5], [404, 404, 404, 200, 200], [404; 5]),
    ("POST", "/api/web/tags", "/api/web/tags", [200; 5], [404, 404, 404, 200, 200], [404; 5]),
    ("POST", "/api/web/tag", "/api/web/tag", [200; 5], [404, 404, 404, 200, 200], [404; 5]),
    ("GET", API, "/api/v1/repositories/{r}/-/manifests/{m}", [200; 5], [401, 404, 200, 200, 200], [401, 404, 404, 404, 404]),
    ("GET", "/r/{*path}", "/r/{r}/-/activity", [200; 5], [404, 404, 404, 200, 200], [404; 5]),
    ("GET", "/r/{*path}", "/r/{r}/-/settings", [302, 403, 302, 200, 200], [404, 404, 404, 200, 200], [404; 5]),
    ("GET", "/r/{*path}", "/r/{r}/-/delete-tags?tag=v1", [302, 403, 302, 200, 200], [404, 404, 404, 200, 200], [404; 5]),
    ("POST", "/api/web/activity", "/api/web/activity", [200; 5], [404, 404, 404, 200, 200], [404; 5]),
    ("POST", "/api/web/repository-settings", "/api/web/repository-settings", [401, 403, 401, 200, 200], [404, 404, 404, 200, 200], [404; 5]),
    ("POST", "/api/web/star", "/api/web/star", [401, 200, 401, 200, 200], [401, 404, 401, 200, 200], [401, 404, 401, 404, 404]),
    ("POST", "/api/web/describe-repository", "/api/web/describe-repository", [401, 403, 401, 200, 200], [401, 404, 401, 200, 200], [401, 404, 401, 404, 404]),
    ("POST", "/api/web/set-visibility", "/api/web/set-visibility", [401, 403, 401, 200, 200], [401, 404, 401, 200, 200], [401, 404, 401, 404, 404]),
    // The administrator comes with a name that leads elsewhere by then.
    ("POST", "/api/web/rename-repository", "/api/web/rename-repository", [401, 403, 401, 200, 422], [401, 404, 401, 200, 422], [401, 404, 401, 404, 404]),
    ("POST", "/api/web/delete-repository", "/api/web/delete-repository", [401, 403, 401, 200, 404], [401, 404, 401, 200, 404], [401, 404, 401, 404, 404]),
    ("POST", "/api/web/ask-deletion", "/api/web/ask-deletion", [401, 403, 401, 200, 200], [404, 404, 404, 200, 200], [404; 5]),
    ("POST", "/api/web/delete-tags", "/api/web/delete-tags", [401, 403, 401, 200, 200], [401, 404, 401, 200, 200], [401, 404, 401, 404, 404]),
    ("POST", "/api/web/restore-tag", "/api/web/restore-tag", [401, 403, 401, 200, 200], [401, 404, 401, 200, 200], [401, 404, 401, 404, 404]),
    ("POST", "/api/web/create-repository", "/api/web/create-repository", [401, 200, 401, 422, 200], [401, 200, 401, 422, 200], [401, 200, 401, 200, 200]),
    // The form leads back to itself, and says there what was wrong.
    ("POST", "/upload", "/upload", [303; 5], [303; 5], [303; 5]),
];

/// Routes that are about no one repository. What the lists among them show is looked at below.
const OTHERS: &[(&str, &str)] = &[
    ("GET", "/v2/"),
    ("HEAD", "/v2/"),
    ("GET", "/v2/_catalog"),
    ("HEAD", "/v2/_catalog"),
    ("GET", "/token"),
    ("POST", "/token"),
    ("GET", "/v1/_ping"),
    ("GET", "/v1/search"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/assets/{name}"),
    ("GET", "/card.png"),
    ("GET", "/robots.txt"),
    ("GET", "/sitemap.xml"),
    ("GET", "/api/v1"),
    ("POST", "/api/v1/users"),
    ("GET", "/api/v1/user"),
    ("GET", "/api/v1/tokens"),
    ("POST", "/api/v1/tokens"),
    ("DELETE", "/api/v1/tokens/{id}"),
    ("GET", "/api/v1/search"),
    ("GET", "/api/v1/repositories"),
    ("POST", "/api/v1/layers"),
    ("GET", "/api/v1/imports/{id}"),
    ("PATCH", "/api/v1/imports/{id}"),
    ("DELETE", "/api/v1/imports/{id}"),
    ("GET", "/api/{*rest}"),
    ("POST", "/api/{*rest}"),
    ("PUT", "/api/{*rest}"),
    ("PATCH", "/api/{*rest}"),
    ("DELETE", "/api/{*rest}"),
    ("GET", "/"),
    ("GET", "/search"),
    ("GET", "/signup"),
    ("GET", "/login"),
    ("GET", "/setup"),
    ("GET", "/new"),
    ("GET", "/upload"),
    ("GET", "/u/{user}"),
    ("POST", "/preview"),
    ("POST", "/api/web/preview-readme"),
    ("GET", "/settings"),
    ("GET", "/settings/{part}"),
    ("POST", "/api/web/profile"),
    ("POST", "/api/web/save-profile"),
    ("POST", "/api/web/change-password"),
    ("POST", "/api/web/sessions"),
    ("POST", "/api/web/end-session"),
    ("POST", "/api/web/end-other-sessions"),
    ("POST", "/api/web/tokens"),
    ("POST", "/api/web/create-token"),
    ("POST", "/api/web/revoke-token"),
    ("POST", "/api/web/account"),
    ("POST", "/api/web/delete-account"),
    ("POST", "/api/web/suggest"),
    ("POST", "/api/web/viewer"),
    ("POST", "/api/web/sign-up"),
    ("POST", "/api/web/set-up"),
    ("POST", "/api/web/log-in"),
    ("POST", "/api/web/log-out"),
    ("POST", "/api/web/home"),
    ("POST", "/api/web/user"),
    ("POST", "/api/web/search"),
    ("POST", "/api/web/theme"),
];

/// Lists, and whether nobody, a stranger, the owner and an administrator find a private name there.
const LISTS: &[(&str, &str)] = &[
    ("GET", "/v2/_catalog"),
    ("GET", "/v1/search?q=secret"),
    ("GET", "/api/v1/search?q=secret"),
    ("GET", "/api/v1/repositories"),
    ("GET", "/"),
    ("GET", "/search?q=secret"),
    ("GET", "/u/alice"),
    ("GET", "/sitemap.xml"),
    ("POST", "/api/web/home"),
    ("POST", "/api/web/user"),
    ("POST", "/api/web/search"),
    ("POST", "/api/web/suggest"),
];

#[tokio::test]
async fn every_route_has_a_row_and_every_row_a_route() {
    let full = |path: &str| {
        if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("{V2}/{path}")
        }
    };
    let rows = TABLE.iter().map(|row| Route::new(row.0, full(row.1)));
    let others = OTHERS.iter().map(|(method, path)| Route::new(method, path));
    // Only builds for development show their components.
    let styleguide = ["/-/styleguide", "/-/styleguide.css"].map(|path| Route::new("GET", path));
    let styleguide = styleguide.into_iter().filter(|_| cfg!(debug_assertions));
    let known: HashSet<Route> = rows.chain(others).chain(styleguide).collect();
    let real: HashSet<Route> = routes().into_iter().collect();
    let missing: Vec<_> = real.difference(&known).collect();
    let gone: Vec<_> = known.difference(&real).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "no row: {missing:?}; no route: {gone:?}"
    );
}

#[tokio::test]
async fn a_private_repository_answers_like_one_that_does_not_exist() {
    let app = app().await;
    let mut wrong = Vec::new();
    for (i, (method, _, path, public, private, missing)) in TABLE.iter().enumerate() {
        let names = [
            format!("alice/open-{i}"),
            format!("alice/secret-{i}"),
            format!("alice/none-{i}"),
        ];
        app.create("alice", &names[0], "public").await;
        app.create("alice", &names[1], "private").await;
        for name in &names[..2] {
            app.push_image("alice", name, "v1", b"layer").await;
        }
        let mut texts: Vec<Vec<String>> = Vec::new();
        for (name, expected) in names.iter().zip([public, private, missing]) {
            texts.push(Vec::new());
            for (role, expected) in ROLES.iter().zip(expected) {
                let (status, text) = send(&app, *role, method, path, name).await;
                if status != *expected {
                    wrong.push(format!(
                        "{role:?} {method} {path} {name}: {status}, not {expected}"
                    ));
                }
                let short = name.split_once('/').unwrap().1;
                texts.last_mut().unwrap().push(text.replace(short, "NAME"));
            }
        }
        // Nobody and a stranger can't tell the two apart by what is said, either.
        for role in 0..2 {
            if texts[1][role] != texts[2][role] {
                let (private, missing) = (&texts[1][role], &texts[2][role]);
                wrong.push(format!(
                    "{:?} {method} {path}: {private} and {missing}",
                    ROLES[role]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn lists_show_private_names_only_to_those_who_may_read_them() {
    let app = app().await;
    app.create("alice", "alice/secret", "private").await;
    app.push_image("alice", "alice/secret", "v1", b"layer")
        .await;
    wait_for_search(&app).await;
    for (method, path) in LISTS {
        for role in [Role::Nobody, Role::User("bob")] {
            let text = text(&app, role, method, path).await;
            let leaks = text.contains("alice/secret") || text.contains("\"total\":1");
            assert!(!leaks, "{role:?} {method} {path}: {text}");
        }
        // Some show the newest public ones alone; nothing private is missing for that.
        if !matches!(*path, "/" | "/api/web/home" | "/sitemap.xml") {
            let text = text(&app, Role::User("alice"), method, path).await;
            assert!(text.contains("alice/secret"), "{method} {path}: {text}");
        }
    }
}

async fn app() -> TestApp {
    let app = TestApp::start().await;
    for user in ["alice", "bob"] {
        app.sign_up(user).await;
    }
    app.sign_up_administrator("root").await;
    app
}

/// The index follows within a second.
async fn wait_for_search(app: &TestApp) {
    for _ in 0..100 {
        let path = "/api/v1/search?q=secret";
        if text(app, Role::User("alice"), "GET", path)
            .await
            .contains("alice/secret")
        {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the search does not find what its owner may see");
}

async fn text(app: &TestApp, role: Role, method: &str, path: &str) -> String {
    let request = request(app, role, method.parse().unwrap(), path, "alice/secret").await;
    let request = match path {
        "/api/web/user" => request.form(&[("name", "alice")]),
        "/api/web/search" => request.form(&[("text", "secret"), ("page", "1")]),
        "/api/web/suggest" => request.form(&[("text", "secr")]),
        "/api/web/home" => request.form(&[("", "")]),
        _ => request,
    };
    let response = request.send().await.unwrap();
    let status = response.status();
    let is_closed = role == Role::Nobody && status == StatusCode::UNAUTHORIZED;
    assert!(
        status == StatusCode::OK || is_closed,
        "{role:?} {path}: {status}"
    );
    response.text().await.unwrap()
}

/// Returns the status, and what is said: where it leads, and the body unless it is a page.
async fn send(app: &TestApp, role: Role, method: &str, path: &str, name: &str) -> (u16, String) {
    let config = br#"{"architecture":"amd64","os":"linux"}"#;
    let manifest = crate::app::manifest(&digest(config), config.len(), &digest(b"layer"), 5);
    let m = digest(manifest.as_bytes());
    let filled = path
        .replace("{r}", name)
        .replace("{d}", &digest(b"layer"))
        .replace("{m}", &m)
        .replace("{z}", &digest(b"never pushed"))
        .replace("{u}", "01900000-0000-7000-8000-000000000000");
    let request = request(app, role, method.parse().unwrap(), &filled, name).await;
    let request = match (method, path) {
        ("PATCH", "/api/v1/repositories/{r}") => request.json(&json!({"description": "x"})),
        ("POST", "/api/v1/repositories") => request.json(&json!({"name": name})),
        ("POST", "/api/v1/imports") => {
            request.json(&json!({"name": format!("{name}:v2"), "size_bytes": 1}))
        }
        ("POST", "/api/v1/repositories/{r}/-/tags/v1/history") => request.json(&json!({})),
        ("PUT", "/v2/{r}/manifests/v2") => request.header("content-type", MANIFEST).body("{}"),
        ("PUT" | "PATCH", _) => request.body("neither a tarball nor a layer"),
        ("POST", "/api/web/create-repository") => {
            let short = name.split_once('/').unwrap().1;
            request.form(&[
                ("name", short),
                ("visibility", "public"),
                ("description", ""),
            ])
        }
        ("POST", "/api/web/tag") => request.form(&[("name", name), ("tag", "v1")]),
        ("POST", path) if path.starts_with("/api/web/") => {
            let mut form = vec![("name", name)];
            form.extend(fields(path, name, &m));
            request.form(&form)
        }
        ("POST", "/upload") => {
            let part = reqwest::multipart::Part::text("not a tarball").file_name("x.tar");
            let form = reqwest::multipart::Form::new().text("image", format!("{name}:v2"));
            request.multipart(form.part("file", part))
        }
        _ => request,
    };
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let location = header(&response, "location")
        .replace("%2F", "/")
        .replace("%2D", "-");
    let kind = header(&response, "content-type");
    let is_page = kind.starts_with("text/html") || kind.starts_with("image/");
    let text = response.text().await.unwrap();
    (status, if is_page { location } else { location + &text })
}

/// What a form sends beside the name; `m` is the digest of the manifest that is there.
fn fields<'a>(path: &str, name: &'a str, m: &'a str) -> Vec<(&'static str, &'a str)> {
    match path {
        "/api/web/tags" => vec![("part", ""), ("sort", "version")],
        "/api/web/star" => vec![("starred", "true")],
        "/api/web/describe-repository" => vec![("description", "x"), ("readme", "y")],
        "/api/web/set-visibility" if name.contains("open") => vec![("visibility", "public")],
        "/api/web/set-visibility" => vec![("visibility", "private")],
        "/api/web/rename-repository" => vec![("to", other_name(name))],
        "/api/web/delete-repository" => vec![("confirmation", name)],
        "/api/web/ask-deletion" | "/api/web/delete-tags" => vec![("tags", "v1")],
        "/api/web/restore-tag" => vec![("tag", "v1"), ("digest", m)],
        _ => Vec::new(),
    }
}

fn other_name(name: &str) -> &'static str {
    if name.contains("open") {
        "renamed-open"
    } else {
        "renamed-secret"
    }
}

/// A request with what the role has: pages and what they call know a visitor by the cookie.
async fn request(
    app: &TestApp,
    role: Role,
    method: Method,
    path: &str,
    name: &str,
) -> reqwest::RequestBuilder {
    let request = app
        .anonymous(method, path)
        .header("accept", "application/json");
    let by_cookie =
        !path.starts_with("/v2/") && !path.starts_with("/v1/") && !path.starts_with("/api/v1/");
    match role {
        Role::Nobody => request,
        Role::User(user) if by_cookie => request.header("cookie", app.cookie(user).await),
        Role::User(user) => request.bearer_auth(app.token(user)),
        Role::PullToken => {
            let scope = format!("repository:{name}:pull");
            request.bearer_auth(app.registry_token(Some("alice"), &scope).await)
        }
    }
}
