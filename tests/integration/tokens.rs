//! The token service, and how far its tokens reach.

use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::app::{PASSWORD, TestApp, error, header};

const UPLOADS: &str = "/v2/alice/app/blobs/uploads/";

/// A server with two users, and a public and a private repository of one of them.
async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.sign_up("bob").await;
    app.create("alice", "alice/secret", "private").await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    app
}

/// Asks for a token as a user, or as nobody.
async fn get(app: &TestApp, user: Option<&str>, query: &str) -> Value {
    let mut request = app.anonymous(Method::GET, &format!("/token?{query}"));
    if let Some(user) = user {
        request = request.basic_auth(user, Some(app.token(user)));
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{query}");
    assert_eq!(header(&response, "cache-control"), "no-store");
    response.json().await.unwrap()
}

/// Asks for a token with a form.
async fn post(app: &TestApp, form: &[(&str, &str)]) -> Response {
    let request = app.anonymous(Method::POST, "/token").form(form);
    request.send().await.unwrap()
}

async fn status(app: &TestApp, method: Method, path: &str, token: &str) -> u16 {
    let request = app.bearer(method, path, token);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_challenge_names_the_scope_that_would_do() {
    let app = app().await;
    let manifest = "/v2/alice/app/manifests/v1";
    let secret = "/v2/alice/secret/manifests/v1";
    let upload = format!("{UPLOADS}01900000-0000-7000-8000-000000000000");
    for (method, path, scope) in [
        (Method::GET, secret, "repository:alice/secret:pull"),
        (Method::POST, UPLOADS, "repository:alice/app:pull,push"),
        (
            Method::PATCH,
            upload.as_str(),
            "repository:alice/app:pull,push",
        ),
        (Method::PUT, manifest, "repository:alice/app:pull,push"),
        (Method::DELETE, manifest, "repository:alice/app:delete"),
    ] {
        let refused = app.anonymous(method, path).send().await.unwrap();
        let challenge = header(&refused, "www-authenticate");
        let realm = format!("Bearer realm=\"{}\",", app.url("/token"));
        let hint = format!(",scope=\"{scope}\"");
        let is_right = challenge.starts_with(&realm) && challenge.ends_with(&hint);
        assert!(is_right, "{path}: {challenge}");
        assert_eq!(error(refused).await, (401, "UNAUTHORIZED".to_owned()));
    }
}

#[tokio::test]
async fn nobody_gets_a_token_for_what_is_public() {
    let app = app().await;
    let body = get(&app, None, "scope=repository:alice/app:pull,push").await;
    assert_eq!(body["scope"], "repository:alice/app:pull");
    let token = body["token"].as_str().unwrap();
    for (method, path, expected) in [
        (Method::GET, "/v2/", 200),
        (Method::GET, "/v2/alice/app/manifests/v1", 200),
        (Method::GET, "/v2/alice/secret/tags/list", 401),
        (Method::POST, UPLOADS, 401),
    ] {
        let status = status(&app, method, path, token).await;
        assert_eq!(status, expected, "{path}");
    }
}

#[tokio::test]
async fn several_scopes_come_as_several_parameters_or_as_one() {
    let app = app().await;
    let one = "repository:alice/one:pull,push";
    let two = "repository:alice/two:pull,push";
    for query in [
        format!("scope={one}&scope={two}"),
        format!("scope={one}%20{two}"),
    ] {
        let body = get(&app, Some("alice"), &query).await;
        assert_eq!(body["scope"], format!("{one} {two}"), "{query}");
        let token = body["token"].as_str().unwrap();
        for repository in ["alice/one", "alice/two"] {
            let path = format!("/v2/{repository}/blobs/uploads/");
            let status = status(&app, Method::POST, &path, token).await;
            assert_eq!(status, 202, "{query} {path}");
        }
    }
}

#[tokio::test]
async fn a_token_carries_what_may_be_given_and_no_more() {
    let app = app().await;
    let pull = "repository:alice/app:pull";
    let push = "repository:alice/app:pull,push";
    let all = "repository:alice/app:pull,push,delete";
    let new = "repository:alice/new:pull,push";
    let plugin = "repository(plugin):alice/app:pull,push";
    for (user, asked, granted) in [
        ("bob", all, pull),
        ("bob", "repository:alice/app:*", pull),
        ("alice", "repository:alice/app:*", all),
        ("alice", "repository:alice/app:pull,admin", pull),
        ("alice", plugin, push),
        ("alice", new, new),
        ("alice", "registry:catalog:*", "registry:catalog:*"),
        ("alice", "repository:Alice/app:pull", ""),
        ("alice", "something:alice/app:pull", ""),
        ("alice", "", ""),
    ] {
        let body = get(&app, Some(user), &format!("scope={asked}")).await;
        assert_eq!(body["scope"], granted, "{user} {asked}");
        assert_eq!(body["token"], body["access_token"]);
        let secs = body["expires_in"].as_u64().unwrap();
        assert!(secs >= 60, "{secs}");
    }
    let token = app.registry_token(Some("bob"), push).await;
    let path = "/v2/alice/app/manifests/v1";
    assert_eq!(status(&app, Method::GET, path, &token).await, 200);
    let refused = app.bearer(Method::POST, UPLOADS, &token);
    let refused = refused.send().await.unwrap();
    let challenge = header(&refused, "www-authenticate");
    let hint = format!(",scope=\"{push}\",error=\"insufficient_scope\"");
    assert!(challenge.ends_with(&hint), "{challenge}");
    assert_eq!(error(refused).await, (401, "UNAUTHORIZED".to_owned()));
}

#[tokio::test]
async fn a_token_that_was_given_nothing_is_told_to_ask_for_more() {
    let app = app().await;
    // The same for what may not be seen and for what does not exist.
    for repository in ["alice/secret", "alice/none"] {
        let scope = format!("repository:{repository}:pull");
        let token = app.registry_token(Some("bob"), &scope).await;
        let path = format!("/v2/{repository}/tags/list");
        let request = app.bearer(Method::GET, &path, &token);
        let refused = request.send().await.unwrap();
        let challenge = header(&refused, "www-authenticate");
        let hint = format!(",scope=\"{scope}\",error=\"insufficient_scope\"");
        assert!(challenge.ends_with(&hint), "{challenge}");
        assert_eq!(error(refused).await, (401, "UNAUTHORIZED".to_owned()));
    }
    // Whose namespace it is may know what is missing there.
    let scope = "repository:alice/none:pull";
    let token = app.registry_token(Some("alice"), scope).await;
    let request = app.bearer(Method::GET, "/v2/alice/none/tags/list", &token);
    let missing = request.send().await.unwrap();
    assert_eq!(error(missing).await, (404, "NAME_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn a_forged_token_is_refused_with_a_challenge() {
    let app = app().await;
    let scope = "repository:alice/app:pull";
    let token = app.registry_token(Some("alice"), scope).await;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    for forged in [
        format!("{signed}."),
        format!("{signed}x.{signature}"),
        "a.b.c".to_owned(),
        "dyp_0".to_owned(),
        "dyr_0".to_owned(),
    ] {
        // Not even what nobody needs a token for.
        for path in ["/v2/", "/v2/alice/app/manifests/v1"] {
            let request = app.bearer(Method::GET, path, &forged);
            let refused = request.send().await.unwrap();
            let challenge = header(&refused, "www-authenticate");
            assert!(challenge.starts_with("Bearer realm="), "{challenge}");
            let expected = (401, "UNAUTHORIZED".to_owned());
            assert_eq!(error(refused).await, expected, "{forged}");
        }
    }
}

/// Asks for a token in place of a password.
fn offline(password: &str) -> [(&'static str, &str); 5] {
    [
        ("grant_type", "password"),
        ("username", "alice"),
        ("password", password),
        ("access_type", "offline"),
        ("client_id", "docker"),
    ]
}

#[tokio::test]
async fn a_refresh_token_stands_in_for_the_password() {
    let app = app().await;
    let log_in = |query: &'static str| {
        let request = app.anonymous(Method::GET, query);
        request.basic_auth("alice", Some(PASSWORD)).send()
    };
    let plain = log_in("/token?service=x").await.unwrap();
    let plain: Value = plain.json().await.unwrap();
    assert_eq!(plain["refresh_token"], Value::Null);
    // Not where docker asks for one: it would keep nothing that its other readers can use.
    let docker = log_in("/token?offline_token=true&client_id=docker");
    let docker: Value = docker.await.unwrap().json().await.unwrap();
    assert_eq!(docker["refresh_token"], Value::Null);
    let offline = post(&app, &offline(PASSWORD)).await;
    let offline: Value = offline.json().await.unwrap();
    let refresh = offline["refresh_token"].as_str().unwrap();

    let scope = "repository:alice/app:pull,push";
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh),
        ("service", "x"),
        ("client_id", "docker"),
        ("scope", scope),
    ];
    let answer = post(&app, &form).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["scope"], scope);
    assert!(body["expires_in"].as_u64().unwrap() >= 60);
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(status(&app, Method::POST, UPLOADS, token).await, 202);

    // It is good at the token service alone, and not as a password there.
    assert_eq!(status(&app, Method::GET, "/v2/", refresh).await, 401);
    assert_eq!(
        status(&app, Method::GET, "/api/v1/user", refresh).await,
        401
    );
    let request = app.anonymous(Method::GET, "/token");
    let refused = request.basic_auth("alice", Some(refresh)).send().await;
    assert_eq!(error(refused.unwrap()).await.0, 401);
}

#[tokio::test]
async fn a_form_with_a_password_gets_a_refresh_token_when_it_asks() {
    let app = app().await;
    let personal = app.token("alice");
    for (password, access_type, prefix) in [
        (PASSWORD, "online", None),
        (PASSWORD, "offline", Some("dyr_")),
        // A personal token is one already.
        (personal.as_str(), "offline", Some(personal.as_str())),
    ] {
        let form = [
            ("grant_type", "password"),
            ("username", "alice"),
            ("password", password),
            ("access_type", access_type),
        ];
        let answer = post(&app, &form).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let body: Value = answer.json().await.unwrap();
        let refresh = body["refresh_token"].as_str();
        assert_eq!(refresh.is_some(), prefix.is_some(), "{access_type}");
        let (refresh, prefix) = (refresh.unwrap_or_default(), prefix.unwrap_or_default());
        assert!(refresh.starts_with(prefix));
    }
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", personal.as_str()),
    ];
    let answer = post(&app, &form).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_form_that_is_wrong_gets_no_token() {
    let app = app().await;
    for (grant, secret, status, code) in [
        ("refresh_token", "dyr_0", 401, "UNAUTHORIZED"),
        ("refresh_token", "dyp_0", 401, "UNAUTHORIZED"),
        ("refresh_token", PASSWORD, 401, "UNAUTHORIZED"),
        ("refresh_token", "", 401, "UNAUTHORIZED"),
        ("password", "wrong", 401, "UNAUTHORIZED"),
        ("password", "", 401, "UNAUTHORIZED"),
        ("authorization_code", PASSWORD, 400, "UNSUPPORTED"),
        ("", PASSWORD, 400, "UNSUPPORTED"),
    ] {
        let form = [
            ("grant_type", grant),
            ("username", "alice"),
            ("password", secret),
            ("refresh_token", secret),
        ];
        let refused = post(&app, &form).await;
        let expected = (status, code.to_owned());
        assert_eq!(error(refused).await, expected, "{grant} {secret}");
    }
    let refused = post(&app, &[]).await;
    assert_eq!(error(refused).await, (400, "UNSUPPORTED".to_owned()));
}

#[tokio::test]
async fn wrong_credentials_are_challenged() {
    let app = app().await;
    let token = app.registry_token(Some("alice"), "").await;
    let ask = || app.anonymous(Method::GET, "/token");
    for request in [
        ask().basic_auth("alice", Some("wrong")),
        ask().basic_auth("alice", Some("dyp_0")),
        ask().bearer_auth(token),
        ask().header("authorization", "Negotiate x"),
    ] {
        let refused = request.send().await.unwrap();
        let challenge = header(&refused, "www-authenticate");
        assert!(challenge.starts_with("Basic realm="), "{challenge}");
        assert_eq!(error(refused).await, (401, "UNAUTHORIZED".to_owned()));
    }
}

#[tokio::test]
async fn a_token_that_no_other_would_better_is_told_so() {
    let app = app().await;
    // containerd asks for the same token again and again without this word.
    let token = app.registry_token(None, "repository:alice/app:push").await;
    let refused = app.bearer(Method::POST, UPLOADS, &token);
    let refused = refused.send().await.unwrap();
    let challenge = header(&refused, "www-authenticate");
    assert!(
        challenge.ends_with(",error=\"insufficient_scope\""),
        "{challenge}"
    );

    let forged = app
        .bearer(Method::POST, UPLOADS, "a.b.c")
        .send()
        .await
        .unwrap();
    let challenge = header(&forged, "www-authenticate");
    assert!(
        challenge.ends_with(",error=\"invalid_token\""),
        "{challenge}"
    );

    let first = app.anonymous(Method::POST, UPLOADS).send().await.unwrap();
    let challenge = header(&first, "www-authenticate");
    assert!(!challenge.contains("error"), "{challenge}");
}

#[tokio::test]
async fn a_token_in_place_of_the_password_can_be_revoked() {
    let app = app().await;
    let refresh = |token: &str| {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("scope", "repository:alice/app:pull,push"),
        ];
        app.anonymous(Method::POST, "/token").form(&form).send()
    };
    let body = post(&app, &offline(PASSWORD)).await;
    let body: Value = body.json().await.unwrap();
    let token = body["refresh_token"].as_str().unwrap().to_owned();
    let body: Value = refresh(&token).await.unwrap().json().await.unwrap();
    assert_eq!(body["scope"], "repository:alice/app:pull,push");
    let list = app.ask("alice", Method::GET, "/api/v1/tokens").await;
    let list: Value = list.json().await.unwrap();
    let listed = &list["tokens"][0];
    assert_eq!(
        (&listed["name"], &listed["kind"]),
        (&"login of docker".into(), &"refresh".into())
    );
    // It opens nothing but the token service.
    let path = "/v2/alice/secret/tags/list";
    let direct = app.bearer(Method::GET, path, &token).send().await.unwrap();
    assert_eq!(direct.status().as_u16(), 401);
    let as_password = post(&app, &offline(&token)).await;
    assert_eq!(as_password.status().as_u16(), 401);

    let path = format!("/api/v1/tokens/{}", listed["id"].as_str().unwrap());
    assert_eq!(
        app.ask("alice", Method::DELETE, &path)
            .await
            .status()
            .as_u16(),
        204
    );
    assert_eq!(refresh(&token).await.unwrap().status().as_u16(), 401);

    // With a personal token as the password, it is that token, so that revoking one is enough.
    let personal = app.token("alice");
    let body = post(&app, &offline(&personal)).await;
    let body: Value = body.json().await.unwrap();
    assert_eq!(body["refresh_token"], personal);
    assert_eq!(refresh(&personal).await.unwrap().status().as_u16(), 200);
    let revoke = app.by("alice", Method::DELETE, "/api/v1/tokens/current");
    assert_eq!(revoke.send().await.unwrap().status().as_u16(), 204);
    assert_eq!(refresh(&personal).await.unwrap().status().as_u16(), 401);
}

#[tokio::test]
async fn a_token_of_the_protocol_does_not_change_the_repository_itself() {
    let app = app().await;
    let token = app
        .registry_token(Some("alice"), "repository:alice/app:*")
        .await;
    let path = "/api/v1/repositories/alice/app";
    assert_eq!(status(&app, Method::DELETE, path, &token).await, 401);
    let change = app.bearer(Method::PATCH, path, &token);
    let change = change.json(&serde_json::json!({"visibility": "private"}));
    assert_eq!(change.send().await.unwrap().status().as_u16(), 401);
}

#[tokio::test]
async fn a_personal_token_never_turns_into_more_than_its_reach() {
    let app = app().await;
    for (reach, granted) in [
        ("read", "pull"),
        ("write", "pull,push"),
        ("all", "pull,push,delete"),
    ] {
        let wish = serde_json::json!({"name": reach, "reach": reach});
        let made = app.by("alice", Method::POST, "/api/v1/tokens").json(&wish);
        let made: Value = made.send().await.unwrap().json().await.unwrap();
        let secret = made["token"].as_str().unwrap().to_owned();
        // A public and a private repository, and a name that nobody has taken yet.
        for name in ["alice/app", "alice/secret", "alice/fresh"] {
            let scope = format!("repository:{name}:pull,push,delete");
            let expected = format!("repository:{name}:{granted}");
            let by_basic = app
                .anonymous(Method::GET, &format!("/token?scope={scope}"))
                .basic_auth("alice", Some(&secret));
            let body: Value = by_basic.send().await.unwrap().json().await.unwrap();
            assert_eq!(body["scope"], expected, "{reach} {name}");
            let form = [
                ("grant_type", "refresh_token"),
                ("refresh_token", secret.as_str()),
                ("scope", scope.as_str()),
            ];
            let body: Value = post(&app, &form).await.json().await.unwrap();
            assert_eq!(body["scope"], expected, "{reach} {name}");
        }
    }
}
