//! Mounting blobs from other repositories.

use reqwest::{Method, Response, StatusCode};

use crate::app::{TestApp, digest, error, header, sha512};

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.sign_up("bob").await;
    app
}

/// Is the address of a mount; `query` is the digest, and perhaps where it is from.
fn mount(to: &str, query: &str) -> String {
    format!("/v2/{to}/blobs/uploads/?mount={query}")
}

async fn head(app: &TestApp, repository: &str, blob: &str) -> StatusCode {
    let path = format!("/v2/{repository}/blobs/{blob}");
    app.ask("alice", Method::HEAD, &path).await.status()
}

/// Mounts with a registry token for some scopes.
async fn mount_with(app: &TestApp, scopes: &str, to: &str, query: &str) -> Response {
    let token = app.registry_token(Some("alice"), scopes).await;
    let request = app.bearer(Method::POST, &mount(to, query), &token);
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_mounted_blob_lives_in_both_repositories() {
    let app = app().await;
    let blob = app.push_blob("alice", "alice/app", b"layer").await;
    let path = mount("alice/copy", &format!("{blob}&from=alice/app"));
    let mounted = app.ask("alice", Method::POST, &path).await;
    assert_eq!(mounted.status(), StatusCode::CREATED);
    assert_eq!(header(&mounted, "docker-content-digest"), blob);
    let location = header(&mounted, "location");
    assert_eq!(location, format!("/v2/alice/copy/blobs/{blob}"));
    let get = app.ask("alice", Method::GET, location).await;
    assert_eq!(get.text().await.unwrap(), "layer");
    assert_eq!(app.objects().await, 1);

    let delete = app.ask("alice", Method::DELETE, location).await;
    assert_eq!(delete.status(), StatusCode::ACCEPTED);
    let not_found = StatusCode::NOT_FOUND;
    assert_eq!(head(&app, "alice/copy", &blob).await, not_found);
    assert_eq!(head(&app, "alice/app", &blob).await, StatusCode::OK);
}

#[tokio::test]
async fn a_blob_that_the_source_does_not_have_is_uploaded_instead() {
    let app = app().await;
    app.create("alice", "alice/app", "public").await;
    let blob = digest(b"hello");
    for from in ["&from=alice/app", "&from=alice/none", "&from=Alice", ""] {
        let path = mount("alice/copy", &format!("{blob}{from}"));
        let started = app.ask("alice", Method::POST, &path).await;
        assert_eq!(started.status(), StatusCode::ACCEPTED, "{from}");
        let location = header(&started, "location");
        assert!(location.starts_with("/v2/alice/copy/blobs/uploads/"));
    }
    // It goes on like any upload, hashed as the digest asks for.
    let blob = sha512(b"hello");
    let path = mount("alice/copy", &format!("{blob}&from=alice/app"));
    let started = app.ask("alice", Method::POST, &path).await;
    let location = header(&started, "location").to_owned();
    let chunk = app.by("alice", Method::PATCH, &location).body("hel");
    let chunk = chunk.send().await.unwrap();
    assert_eq!(header(&chunk, "range"), "0-2");
    let path = format!("{location}?digest={blob}");
    let last = app.by("alice", Method::PUT, &path).body("lo");
    let done = last.send().await.unwrap();
    assert_eq!(done.status(), StatusCode::CREATED);
    assert_eq!(head(&app, "alice/copy", &blob).await, StatusCode::OK);
}

#[tokio::test]
async fn without_a_source_any_that_may_be_read_will_do() {
    let app = app().await;
    app.create("alice", "alice/secret", "private").await;
    app.create("alice", "alice/vault", "private").await;
    app.push_blob("alice", "alice/open", b"open").await;
    app.push_blob("alice", "alice/secret", b"secret").await;
    for (user, to, content, status) in [
        ("bob", "bob/app", "open", 201),
        ("bob", "bob/app", "secret", 202),
        ("bob", "bob/app", "never pushed", 202),
        ("alice", "alice/vault", "secret", 201),
    ] {
        let path = mount(to, &digest(content.as_bytes()));
        let answer = app.ask(user, Method::POST, &path).await;
        assert_eq!(answer.status().as_u16(), status, "{user} {content}");
    }
    let secret = digest(b"secret");
    let not_found = StatusCode::NOT_FOUND;
    assert_eq!(head(&app, "bob/app", &secret).await, not_found);

    // A registry token reaches the repository that it names, and what is public.
    let scope = "repository:alice/other:pull,push";
    for (content, status) in [("open", 201), ("secret", 202)] {
        let blob = digest(content.as_bytes());
        let answer = mount_with(&app, scope, "alice/other", &blob).await;
        assert_eq!(answer.status().as_u16(), status, "{content}");
    }
}

#[tokio::test]
async fn a_challenge_names_the_source_as_well() {
    let app = app().await;
    app.create("alice", "alice/secret", "private").await;
    app.push_blob("alice", "alice/open", b"open").await;
    let secret = app.push_blob("alice", "alice/secret", b"secret").await;
    let (target, source) = (
        "repository:alice/copy:pull,push",
        "repository:alice/secret:pull",
    );
    let both = format!("{target} {source}");
    let query = format!("{secret}&from=alice/secret");
    let path = mount("alice/copy", &query);

    let nobody = app.anonymous(Method::POST, &path).send().await.unwrap();
    let challenge = header(&nobody, "www-authenticate");
    let hint = format!(",scope=\"{both}\"");
    assert!(challenge.ends_with(&hint), "{challenge}");
    assert_eq!(error(nobody).await, (401, "UNAUTHORIZED".to_owned()));

    let short = mount_with(&app, target, "alice/copy", &query).await;
    let challenge = header(&short, "www-authenticate");
    let hint = format!(",scope=\"{both}\",error=\"insufficient_scope\"");
    assert!(challenge.ends_with(&hint), "{challenge}");
    assert_eq!(error(short).await, (401, "UNAUTHORIZED".to_owned()));

    let reaching = mount_with(&app, &both, "alice/copy", &query).await;
    assert_eq!(reaching.status(), StatusCode::CREATED);
    // What is public needs no scope.
    let query = format!("{}&from=alice/open", digest(b"open"));
    let public = mount_with(&app, target, "alice/copy", &query).await;
    assert_eq!(public.status(), StatusCode::CREATED);
}
