use dockyard_hub::accounts::PasswordCost;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{PASSWORD, TestApp, error, header};

#[tokio::test]
async fn a_name_can_be_taken_once() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    for (body, status, code) in [
        (
            json!({"username": "alice", "password": PASSWORD}),
            409,
            "USERNAME_TAKEN",
        ),
        (
            json!({"username": "Alice", "password": PASSWORD}),
            400,
            "USERNAME_INVALID",
        ),
        (
            json!({"username": "bob", "password": "short"}),
            400,
            "PASSWORD_WEAK",
        ),
        (
            json!({"username": "bob", "password": PASSWORD, "email": "x"}),
            400,
            "EMAIL_INVALID",
        ),
        (json!({"username": "bob"}), 400, "BODY_INVALID"),
    ] {
        let sent = app
            .anonymous(Method::POST, "/api/v1/users")
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(error(sent).await, (status, code.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn a_personal_token_works_until_it_is_revoked() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let request = app
        .by("alice", Method::POST, "/api/v1/tokens")
        .json(&json!({"name": "ci"}));
    let made: Value = request.send().await.unwrap().json().await.unwrap();
    let token = made["token"].as_str().unwrap();

    let who = app
        .anonymous(Method::GET, "/api/v1/user")
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    let who: Value = who.json().await.unwrap();
    assert_eq!(who, json!({"username": "alice", "is_admin": false}));

    let as_password = app
        .anonymous(Method::GET, "/api/v1/user")
        .basic_auth("bob", Some(token));
    assert_eq!(
        as_password.send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );

    let revoke = app
        .anonymous(Method::DELETE, "/api/v1/tokens/current")
        .bearer_auth(token);
    assert_eq!(
        revoke.send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    let who = app
        .anonymous(Method::GET, "/api/v1/user")
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    assert_eq!(error(who).await, (401, "UNAUTHORIZED".to_owned()));
}

#[tokio::test]
async fn the_base_address_challenges_and_tokens_answer_it() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let base = app.anonymous(Method::GET, "/v2/").send().await.unwrap();
    let challenge = header(&base, "www-authenticate").to_owned();
    let realm = format!("Bearer realm=\"{}\",service=", app.url("/token"));
    assert!(challenge.starts_with(&realm), "{challenge}");
    assert_eq!(error(base).await.0, 401);

    let scope = "/token?service=x&scope=repository:alice/app:pull,push";
    let asked = app
        .anonymous(Method::GET, scope)
        .basic_auth("alice", Some(PASSWORD));
    let body: Value = asked.send().await.unwrap().json().await.unwrap();
    let token = body["token"].as_str().unwrap();
    let base = app
        .anonymous(Method::GET, "/v2/")
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    assert_eq!(base.status(), StatusCode::OK);

    // The token reaches alice/app and no further.
    let elsewhere = app.anonymous(Method::POST, "/v2/alice/other/blobs/uploads/");
    let refused = elsewhere.bearer_auth(token).send().await.unwrap();
    assert!(header(&refused, "www-authenticate").contains("insufficient_scope"));
    assert_eq!(error(refused).await, (401, "UNAUTHORIZED".to_owned()));
    let here = app
        .anonymous(Method::POST, "/v2/alice/app/blobs/uploads/")
        .bearer_auth(token);
    assert_eq!(here.send().await.unwrap().status(), StatusCode::ACCEPTED);
    let delete = app
        .anonymous(Method::DELETE, "/v2/alice/app/manifests/v1")
        .bearer_auth(token);
    assert_eq!(
        delete.send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn wrong_credentials_get_no_token() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    for (name, password) in [("alice", "wrong"), ("nobody", PASSWORD), ("", "")] {
        let request = app
            .anonymous(Method::GET, "/token")
            .basic_auth(name, Some(password));
        assert_eq!(
            error(request.send().await.unwrap()).await,
            (401, "UNAUTHORIZED".to_owned())
        );
    }
    let form = [
        ("grant_type", "password"),
        ("username", "alice"),
        ("password", PASSWORD),
    ];
    let posted = app
        .anonymous(Method::POST, "/token")
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status(), StatusCode::OK);
}

/// A server whose passwords cost what they cost in use.
async fn with_costly_passwords() -> TestApp {
    TestApp::start_behind(|options| options.passwords = PasswordCost::default()).await
}

#[tokio::test]
async fn right_passwords_at_the_same_moment_all_pass() {
    let app = with_costly_passwords().await;
    app.sign_up("alice").await;
    let log_in = || {
        let request = app.anonymous(Method::GET, "/token");
        request.basic_auth("alice", Some(PASSWORD)).send()
    };
    let all = futures::future::join_all((0..100).map(|_| log_in())).await;
    assert!(
        all.into_iter()
            .all(|answer| answer.unwrap().status() == 200)
    );
}

#[tokio::test]
async fn a_flood_of_guesses_ends_in_503_and_leaves_those_who_are_known() {
    let app = with_costly_passwords().await;
    app.sign_up("alice").await;
    let log_in = |name: String, password: &'static str| {
        let request = app.anonymous(Method::GET, "/token");
        request.basic_auth(name, Some(password)).send()
    };
    let known = log_in("alice".to_owned(), PASSWORD).await.unwrap();
    assert_eq!(known.status(), 200);
    let flood =
        futures::future::join_all((0..400).map(|n| log_in(format!("user{n}"), "wrong horse")));
    let honest = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        log_in("alice".to_owned(), PASSWORD).await.unwrap()
    };
    let (flood, honest) = futures::join!(flood, honest);
    assert_eq!(honest.status(), 200);
    let mut busy = 0;
    for answer in flood {
        let answer = answer.unwrap();
        let is_busy = answer.status() == 503;
        assert!(is_busy || answer.status() == 401, "{}", answer.status());
        assert!(!is_busy || answer.headers().contains_key("retry-after"));
        busy += usize::from(is_busy);
    }
    assert!(busy > 0, "nobody was refused");
}

async fn sign_up(app: &TestApp, name: &str) -> reqwest::Response {
    let body = json!({"username": name, "password": PASSWORD});
    let request = app.anonymous(Method::POST, "/api/v1/users").json(&body);
    request.send().await.unwrap()
}

#[tokio::test]
async fn names_that_pass_for_the_server_and_names_of_former_users_are_not_given() {
    let app = TestApp::start().await;
    for name in [
        "library",
        "admin",
        "v2",
        "docker.io",
        "registry.example.org",
    ] {
        let refused = sign_up(&app, name).await;
        let expected = (409, "USERNAME_RESERVED".to_owned());
        assert_eq!(error(refused).await, expected, "{name}");
    }
    // Whoever runs the server may.
    app.sign_up_administrator("admin").await;

    app.sign_up("alice").await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    let cookie = app.log_in("alice").await;
    let form = [("username", "alice"), ("current", PASSWORD)];
    let request = app.anonymous(Method::POST, "/api/web/delete-account");
    let request = request.header("cookie", cookie).form(&form);
    request.send().await.unwrap();
    let refused = sign_up(&app, "alice").await;
    assert_eq!(error(refused).await, (409, "USERNAME_RESERVED".to_owned()));
}

#[tokio::test]
async fn a_closed_server_takes_no_sign_ups_but_the_first_administrators() {
    let app = TestApp::start_behind(|options| options.sign_ups.is_open = false).await;
    let refused = sign_up(&app, "alice").await;
    assert_eq!(error(refused).await, (403, "SIGNUP_CLOSED".to_owned()));
    let form = [("username", "alice"), ("password", PASSWORD)];
    let request = app.anonymous(Method::POST, "/api/web/sign-up").form(&form);
    let refused = request.header("accept", "application/json").send().await;
    assert_eq!(refused.unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
    for (path, leads_on) in [("/", false), ("/login", false), ("/signup", false)] {
        let page = app.anonymous(Method::GET, path).send().await.unwrap();
        let page = page.text().await.unwrap();
        assert_eq!(page.contains("href=\"/signup"), leads_on, "{path}");
    }
    let page = app.anonymous(Method::GET, "/signup").send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("takes no new accounts") && !page.contains("name=\"password\""));
    app.sign_up_administrator("root").await;
    assert_eq!(
        app.ask("root", Method::GET, "/api/v1/user").await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn one_network_makes_so_many_accounts_an_hour() {
    let app = TestApp::start_behind(|options| options.sign_ups.an_hour = 2).await;
    app.sign_up("alice").await;
    // What was refused for another reason does not count.
    assert_eq!(sign_up(&app, "alice").await.status(), StatusCode::CONFLICT);
    app.sign_up("bob").await;
    let refused = sign_up(&app, "carol").await;
    let wait: u64 = header(&refused, "retry-after").parse().unwrap();
    assert!((3500..=3601).contains(&wait), "{wait}");
    let expected = (429, "TOOMANYREQUESTS".to_owned());
    assert_eq!(error(refused).await, expected);
}

#[tokio::test]
async fn texts_that_drive_a_terminal_or_turn_others_are_refused() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let cookie = app.cookie("alice").await;
    for (n, odd) in [
        "\u{1b}]0;owned\u{7}",
        "a\u{202e}b",
        "\u{2066}a",
        "a\u{9b}31m",
    ]
    .into_iter()
    .enumerate()
    {
        let new = json!({"name": format!("alice/app-{n}"), "description": odd});
        let request = app
            .by("alice", Method::POST, "/api/v1/repositories")
            .json(&new);
        let expected = (400, "DESCRIPTION_INVALID".to_owned());
        assert_eq!(error(request.send().await.unwrap()).await, expected);
        let token = json!({"name": odd});
        let request = app.by("alice", Method::POST, "/api/v1/tokens").json(&token);
        let expected = (400, "TOKEN_NAME_INVALID".to_owned());
        assert_eq!(error(request.send().await.unwrap()).await, expected);
        for form in [
            [("display_name", odd), ("about", ""), ("email", "")],
            [("display_name", ""), ("about", odd), ("email", "")],
        ] {
            let request = app.anonymous(Method::POST, "/api/web/save-profile");
            let request = request.header("cookie", &cookie).form(&form);
            let answer = request.header("accept", "application/json").send().await;
            assert_eq!(answer.unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
        }
    }
}
