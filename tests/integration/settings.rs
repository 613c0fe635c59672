//! A person's own account, as its forms send it without JavaScript.

use reqwest::{Method, Response, StatusCode};

use crate::app::{PASSWORD, TestApp, header};

/// Sends a form as a browser without JavaScript does.
async fn send(app: &TestApp, cookie: &str, call: &str, fields: &[(&str, &str)]) -> Response {
    let request = app
        .anonymous(Method::POST, &format!("/api/web/{call}"))
        .header("accept", "text/html")
        .header("referer", app.url("/came/from"))
        .header("cookie", cookie)
        .form(fields);
    request.send().await.unwrap()
}

async fn page(app: &TestApp, cookie: &str, path: &str) -> Response {
    let request = app.anonymous(Method::GET, path).header("cookie", cookie);
    request.send().await.unwrap()
}

#[tokio::test]
async fn the_secret_of_a_token_is_shown_once() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let cookie = app.cookie("alice").await;
    let fields = [("name", "ci"), ("reach", "read"), ("days", "7")];
    let made = send(&app, &cookie, "create-token", &fields).await;
    assert_eq!(made.status(), StatusCode::FOUND);
    assert_eq!(header(&made, "location"), "/settings/tokens?done=token");
    let set = header(&made, "set-cookie").to_owned();
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Strict"),
        "{set}"
    );
    let fresh = set.split(';').next().unwrap();
    let secret = fresh.split_once('=').unwrap().1;

    let both = format!("{cookie}; {fresh}");
    let shown = page(&app, &both, "/settings/tokens").await;
    let forgets = shown.headers().get_all("set-cookie").iter();
    let forgets: Vec<_> = forgets.map(|value| value.to_str().unwrap()).collect();
    assert!(
        forgets.iter().any(|value| value.contains("Max-Age=0")),
        "{forgets:?}"
    );
    assert!(shown.text().await.unwrap().contains(secret));
    let again = page(&app, &cookie, "/settings/tokens").await;
    let again = again.text().await.unwrap();
    assert!(again.contains("Read: pull and look") && !again.contains(secret));

    let who = app.bearer(Method::GET, "/api/v1/user", secret);
    assert_eq!(who.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let (here, there) = (app.log_in("alice").await, app.log_in("alice").await);
    let wrong = [
        ("current", "not this one"),
        ("password", "a better password"),
    ];
    let refused = send(&app, &here, "change-password", &wrong).await;
    assert!(header(&refused, "location").contains("__err"));
    let right = [("current", PASSWORD), ("password", "a better password")];
    let changed = send(&app, &here, "change-password", &right).await;
    assert_eq!(
        header(&changed, "location"),
        "/settings/password?done=password"
    );
    // The session goes on under another id.
    let new = header(&changed, "set-cookie").split(';').next().unwrap();
    let before = page(&app, &here, "/settings/sessions").await;
    assert_eq!(before.status(), StatusCode::FOUND);
    let here = new.to_owned();
    let mine = page(&app, &here, "/settings/sessions").await;
    assert_eq!(mine.status(), StatusCode::OK);
    assert_eq!(
        mine.text().await.unwrap().matches("class=\"item\"").count(),
        1
    );
    let theirs = page(&app, &there, "/settings/sessions").await;
    assert_eq!(theirs.status(), StatusCode::FOUND);
}

#[tokio::test]
async fn a_session_is_ended_by_its_handle_and_its_secret_is_not_on_the_page() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.sign_up("bob").await;
    let (here, there) = (app.log_in("alice").await, app.log_in("alice").await);
    let listed = page(&app, &here, "/settings/sessions").await;
    let listed = listed.text().await.unwrap();
    for cookie in [&here, &there] {
        let secret = cookie.split_once('=').unwrap().1;
        assert!(!listed.contains(secret));
    }
    let handle = listed.split("name=\"handle\" value=\"").nth(1).unwrap();
    let handle = handle.split('"').next().unwrap();
    let bob = app.cookie("bob").await;
    send(&app, &bob, "end-session", &[("handle", handle)]).await;
    let still = page(&app, &there, "/settings/profile").await;
    assert_eq!(still.status(), StatusCode::OK);
    send(&app, &here, "end-session", &[("handle", handle)]).await;
    let ended = page(&app, &there, "/settings/profile").await;
    assert_eq!(ended.status(), StatusCode::FOUND);
    assert_eq!(header(&ended, "location"), "/login?next=/settings/profile");
}

#[tokio::test]
async fn an_account_goes_with_all_that_is_its_own() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    let cookie = app.cookie("alice").await;
    let typed_wrong = [("username", "bob"), ("current", PASSWORD)];
    let refused = send(&app, &cookie, "delete-account", &typed_wrong).await;
    assert!(header(&refused, "location").contains("__err"));
    let typed = [("username", "alice"), ("current", PASSWORD)];
    let gone = send(&app, &cookie, "delete-account", &typed).await;
    assert_eq!(header(&gone, "location"), "/");
    for path in ["/u/alice", "/r/alice/app"] {
        let answer = app.anonymous(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn passwords_cannot_be_tried_without_end_at_any_door() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let guess = |password: &'static str| {
        app.anonymous(Method::GET, "/token?service=x")
            .basic_auth("alice", Some(password))
            .send()
    };
    // The right one takes no place.
    for _ in 0..3 {
        assert_eq!(guess(PASSWORD).await.unwrap().status(), StatusCode::OK);
    }
    for _ in 0..20 {
        assert_eq!(
            guess("wrong").await.unwrap().status(),
            StatusCode::UNAUTHORIZED
        );
    }
    let refused = guess(PASSWORD).await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(header(&refused, "retry-after").parse::<u64>().unwrap() > 0);
    let api = app
        .anonymous(Method::GET, "/api/v1/user")
        .basic_auth("alice", Some(PASSWORD));
    assert_eq!(
        api.send().await.unwrap().status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    let form = app
        .anonymous(Method::POST, "/api/web/log-in")
        .header("accept", "application/json")
        .form(&[("username", "alice"), ("password", PASSWORD)]);
    let form = form.send().await.unwrap().text().await.unwrap();
    assert!(form.contains("oo many wrong passwords"), "{form}");
    // Names that do not exist answer alike, and others go on.
    for _ in 0..20 {
        let nobody = app.anonymous(Method::GET, "/token?service=x");
        let nobody = nobody.basic_auth("nobody", Some("wrong")).send().await;
        assert_eq!(nobody.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
    let nobody = app.anonymous(Method::GET, "/token?service=x");
    let nobody = nobody.basic_auth("nobody", Some("wrong")).send().await;
    assert_eq!(nobody.unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
}
