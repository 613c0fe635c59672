//! Who may do what with whose repository, over every door.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::{PASSWORD, TestApp};

const ROLES: [Option<&str>; 3] = [None, Some("bob"), Some("alice")];

/// Method, address, and what each role gets on each repository.
type Row = (&'static str, &'static str, [u16; 3], [u16; 3], [u16; 3]);

/// Method and address (`{r}` is the repository), and the status for nobody, a stranger and the owner
/// on a public repository, a private one, and one that does not exist.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("GET", "/v2/{r}/tags/list", [200, 200, 200], [401, 404, 200], [401, 404, 404]),
    ("GET", "/v2/{r}/manifests/v1", [200, 200, 200], [401, 404, 200], [401, 404, 404]),
    ("POST", "/v2/{r}/blobs/uploads/", [401, 403, 202], [401, 403, 202], [401, 403, 202]),
    ("DELETE", "/v2/{r}/manifests/none", [401, 403, 404], [401, 404, 404], [401, 404, 404]),
    ("GET", "/api/v1/repositories/{r}", [200, 200, 200], [401, 404, 200], [401, 404, 404]),
    ("GET", "/api/v1/repositories/{r}/-/tags", [200, 200, 200], [401, 404, 200], [401, 404, 404]),
    ("GET", "/api/v1/images/{r}:v1", [200, 200, 200], [401, 404, 200], [401, 404, 404]),
    ("PUT", "/api/v1/images/{r}:v2", [401, 403, 400], [401, 403, 400], [401, 403, 400]),
    ("PATCH", "/api/v1/repositories/{r}", [401, 403, 200], [401, 404, 200], [401, 404, 404]),
    ("GET", "/r/{r}", [200, 200, 200], [404, 404, 200], [404, 404, 404]),
];

#[tokio::test]
async fn a_private_repository_answers_like_one_that_does_not_exist() {
    for (method, path, public, private, missing) in TABLE {
        let app = TestApp::start().await;
        app.sign_up("alice").await;
        app.sign_up("bob").await;
        app.create("alice", "alice/open", "public").await;
        app.create("alice", "alice/secret", "private").await;
        app.push_image("alice", "alice/open", "v1", b"layer").await;
        app.push_image("alice", "alice/secret", "v1", b"layer")
            .await;
        for (repository, expected) in [
            ("alice/open", public),
            ("alice/secret", private),
            ("alice/none", missing),
        ] {
            for (role, expected) in ROLES.iter().zip(expected) {
                let path = path.replace("{r}", repository);
                let status = send(&app, *role, method, &path).await;
                assert_eq!(status.as_u16(), *expected, "{role:?} {method} {path}");
            }
        }
    }
}

async fn send(app: &TestApp, role: Option<&str>, method: &str, path: &str) -> StatusCode {
    let method: Method = method.parse().unwrap();
    if path.starts_with("/r/") {
        return page(app, role, path).await;
    }
    let request = match role {
        Some(user) => app.by(user, method.clone(), path),
        None => app.anonymous(method.clone(), path),
    };
    let request = match method {
        Method::PATCH => request.json(&json!({"description": "x"})),
        Method::PUT => request.body("not a tarball"),
        _ => request,
    };
    request.send().await.unwrap().status()
}

/// Pages know their visitor by the session's cookie.
async fn page(app: &TestApp, role: Option<&str>, path: &str) -> StatusCode {
    let mut request = app.anonymous(Method::GET, path);
    if let Some(user) = role {
        let form = [("username", user), ("password", PASSWORD), ("next", "/")];
        let login = app.anonymous(Method::POST, "/api/web/log-in").form(&form);
        let response = login.send().await.unwrap();
        let cookie = response
            .headers()
            .get("set-cookie")
            .unwrap()
            .to_str()
            .unwrap();
        request = request.header("cookie", cookie.split(';').next().unwrap());
    }
    request.send().await.unwrap().status()
}
