//! What is recorded beside the images: pulls, stars, moves of tags, former names, bytes, platforms.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{MANIFEST, PASSWORD, TestApp, digest, header};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

async fn facts(app: &TestApp, repository: &str) -> Value {
    let path = format!("/api/v1/repositories/{repository}");
    let answer = app.ask("alice", Method::GET, &path).await;
    answer.json().await.unwrap()
}

async fn pull(app: &TestApp, reference: &str, agent: &str) {
    let path = format!("/v2/alice/app/manifests/{reference}");
    let request = app
        .anonymous(Method::GET, &path)
        .header("user-agent", agent);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
}

async fn app_with_image() -> (TestApp, String) {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let manifest = app.push_image("alice", "alice/app", "v1", b"layer").await;
    (app, manifest)
}

#[tokio::test]
async fn a_get_of_a_manifest_is_a_pull_and_nothing_else_is() {
    let (app, manifest) = app_with_image().await;
    pull(&app, "v1", "a").await;
    pull(&app, &digest(manifest.as_bytes()), "a").await;
    let head = app.anonymous(Method::HEAD, "/v2/alice/app/manifests/v1");
    head.send().await.unwrap();
    for page in [
        "/r/alice/app",
        "/r/alice/app/-/tags",
        "/r/alice/app/-/tags/v1",
    ] {
        let answer = app.anonymous(Method::GET, page).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{page}");
    }
    app.hub.pulls.write().await.unwrap();
    let facts = facts(&app, "alice/app").await;
    assert_eq!(facts["pulls"], 2);
    assert!(facts["pulled_ms"].is_i64());
}

#[tokio::test]
async fn an_index_and_its_image_pulled_together_count_once() {
    let (app, manifest) = app_with_image().await;
    let child = digest(manifest.as_bytes());
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": MANIFEST, "digest": child, "size": manifest.len(),
         "platform": {"os": "linux", "architecture": "arm64"}},
    ]})
    .to_string();
    app.put_manifest("alice", "alice/app", "multi", INDEX, &index)
        .await;
    pull(&app, "multi", "a").await;
    pull(&app, &child, "a").await;
    pull(&app, &child, "a").await; // a pull of its own
    pull(&app, &child, "b").await; // another client's
    app.hub.pulls.write().await.unwrap();
    assert_eq!(facts(&app, "alice/app").await["pulls"], 3);
    let tags: Value = app
        .ask(
            "alice",
            Method::GET,
            "/api/v1/repositories/alice/app/-/tags",
        )
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(tags["tags"][0]["platforms"], json!(["linux/arm64"]));
    assert_eq!(tags["tags"][1]["platforms"], json!(["linux/amd64"]));
    // An image is no artifact, though its configuration's type is what its referrers are filtered by.
    assert_eq!(tags["tags"][1]["artifact_type"], Value::Null);
    assert!(tags["tags"][1]["pulled_ms"].is_i64());
}

#[tokio::test]
async fn counts_survive_a_restart() {
    let (app, _) = app_with_image().await;
    pull(&app, "v1", "a").await;
    let app = app.restart().await;
    pull(&app, "v1", "a").await;
    app.hub.pulls.write().await.unwrap();
    assert_eq!(facts(&app, "alice/app").await["pulls"], 2);
}

#[tokio::test]
async fn stars_count_once_a_person_and_only_where_one_may_look() {
    let (app, _) = app_with_image().await;
    app.sign_up("bob").await;
    let path = "/api/v1/repositories/alice/app/-/star";
    for _ in 0..2 {
        assert_eq!(
            app.ask("bob", Method::PUT, path).await.status(),
            StatusCode::NO_CONTENT
        );
    }
    assert_eq!(facts(&app, "alice/app").await["stars"], 1);
    for _ in 0..2 {
        let answer = app.ask("bob", Method::DELETE, path).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(facts(&app, "alice/app").await["stars"], 0);
    app.create("alice", "secret", "private").await;
    let hidden = "/api/v1/repositories/alice/secret/-/star";
    assert_eq!(
        app.ask("bob", Method::PUT, hidden).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn bytes_and_tags_are_counted_as_they_come_and_go() {
    let (app, first) = app_with_image().await;
    let before = facts(&app, "alice/app").await;
    assert_eq!(before["stored_bytes"], 37 + 5);
    assert_eq!(before["platforms"], json!(["linux/amd64"]));
    app.push_image("alice", "alice/app", "v1", b"another layer")
        .await;
    app.push_image("alice", "alice/app", "v2", b"another layer")
        .await;
    let after = facts(&app, "alice/app").await;
    assert_eq!(after["stored_bytes"], 37 + 5 + 13);
    assert_eq!(after["tag_count"], 2);
    let path = format!("/v2/alice/app/manifests/{}", digest(first.as_bytes()));
    assert_eq!(
        app.ask("alice", Method::DELETE, &path).await.status(),
        StatusCode::ACCEPTED
    );
    assert_eq!(facts(&app, "alice/app").await["tag_count"], 2);
    let path = "/v2/alice/app/manifests/v1";
    assert_eq!(
        app.ask("alice", Method::DELETE, path).await.status(),
        StatusCode::ACCEPTED
    );
    assert_eq!(facts(&app, "alice/app").await["tag_count"], 1);
}

#[tokio::test]
async fn a_tag_is_put_back_to_what_it_pointed_to() {
    let app = TestApp::start_on_a_fixed_clock().await;
    app.sign_up("alice").await;
    // All of it within a millisecond.
    let old = app.push_image("alice", "alice/app", "v1", b"old").await;
    let new = app.push_image("alice", "alice/app", "v1", b"new").await;
    let history = "/api/v1/repositories/alice/app/-/tags/v1/history";
    let restore = |digest: String| {
        let request = app.by("alice", Method::POST, history);
        request.json(&json!({"digest": digest})).send()
    };
    let unknown = restore(digest(b"never")).await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    let restored = restore(digest(old.as_bytes())).await.unwrap();
    assert_eq!(restored.status(), StatusCode::NO_CONTENT);
    let moves: Value = app
        .ask("alice", Method::GET, history)
        .await
        .json()
        .await
        .unwrap();
    let moves: Vec<_> = moves["moves"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["kind"].as_str().unwrap(),
                one["digest"].as_str().unwrap(),
            )
        })
        .collect();
    let (old, new) = (digest(old.as_bytes()), digest(new.as_bytes()));
    assert_eq!(
        moves,
        [("restore", &*old), ("push", &*new), ("push", &*old)]
    );
    let answer = app
        .ask("alice", Method::GET, "/v2/alice/app/manifests/v1")
        .await;
    assert_eq!(header(&answer, "docker-content-digest"), old);
}

#[tokio::test]
async fn a_former_name_leads_pulls_on_and_refuses_pushes() {
    let (app, _) = app_with_image().await;
    app.sign_up("bob").await;
    let rename = app
        .by("alice", Method::PATCH, "/api/v1/repositories/alice/app")
        .json(&json!({"name": "web"}));
    assert_eq!(rename.send().await.unwrap().status(), StatusCode::OK);
    pull(&app, "v1", "a").await;
    let token = app.registry_token(None, "repository:alice/app:pull").await;
    let bearer = app.bearer(Method::GET, "/v2/alice/app/tags/list", &token);
    assert_eq!(bearer.send().await.unwrap().status(), StatusCode::OK);
    let page = app
        .anonymous(Method::GET, "/r/alice/app")
        .header("accept", "text/html")
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), StatusCode::FOUND);
    assert_eq!(header(&page, "location"), "/r/alice/web");
    let push = app
        .ask("alice", Method::POST, "/v2/alice/app/blobs/uploads/")
        .await;
    assert_eq!(push.status(), StatusCode::FORBIDDEN);
    assert!(push.text().await.unwrap().contains("alice/web"));
    // Hidden, the name leads strangers nowhere.
    let hide = app
        .by("alice", Method::PATCH, "/api/v1/repositories/alice/web")
        .json(&json!({"visibility": "private"}));
    hide.send().await.unwrap();
    let answer = app.ask("bob", Method::GET, "/v2/alice/app/tags/list").await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    // Somebody takes the name: from then on it is that repository's.
    app.create("alice", "app", "public").await;
    let answer = app
        .ask("alice", Method::GET, "/v2/alice/app/manifests/v1")
        .await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_personal_token_reaches_as_far_as_it_says_and_ends() {
    let app = TestApp::start_on_a_fixed_clock().await;
    app.sign_up("alice").await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    let make = |body: Value| {
        let request = app.by("alice", Method::POST, "/api/v1/tokens");
        request.json(&body).send()
    };
    let odd = make(json!({"name": "x", "reach": "root"})).await.unwrap();
    assert_eq!(odd.status(), StatusCode::BAD_REQUEST);
    let answer = make(json!({"name": "ci", "reach": "read", "days": 7}))
        .await
        .unwrap();
    let token: Value = answer.json().await.unwrap();
    let token = token["token"].as_str().unwrap();
    let ask = |method: Method, path: &'static str| app.bearer(method, path, token).send();
    let status = |answer: Result<reqwest::Response, _>| answer.unwrap().status().as_u16();
    assert_eq!(
        status(ask(Method::GET, "/v2/alice/app/tags/list").await),
        200
    );
    assert_eq!(
        status(ask(Method::POST, "/v2/alice/app/blobs/uploads/").await),
        401
    );
    assert_eq!(
        status(ask(Method::DELETE, "/v2/alice/app/manifests/v1").await),
        401
    );
    assert_eq!(status(ask(Method::POST, "/api/v1/tokens").await), 415);
    assert_eq!(status(ask(Method::GET, "/api/v1/tokens").await), 401);
    assert_eq!(
        status(ask(Method::PUT, "/api/v1/repositories/alice/app/-/star").await),
        401
    );
    app.clock.advance(7 * 24 * 3600 * 1000);
    assert_eq!(
        status(ask(Method::GET, "/v2/alice/app/tags/list").await),
        401
    );
}

#[tokio::test]
async fn says_exactly_what_deleting_tags_gives_back() {
    let (app, _) = app_with_image().await;
    app.push_image("alice", "alice/app", "v2", b"layer two")
        .await;
    let shared = app.push_image("alice", "alice/app", "v3", b"shared").await;
    app.put_manifest("alice", "alice/app", "again", MANIFEST, &shared)
        .await;
    let password = dockyard_hub::Secret::new(PASSWORD.to_owned());
    let here = std::net::Ipv4Addr::LOCALHOST.into();
    let log_in = app.hub.accounts.log_in("alice", &password, here);
    let user = log_in.await.unwrap();
    let caller = dockyard_hub::accounts::Caller::user_in_person(user);
    let name = "alice/app".parse().unwrap();
    let grant = app.hub.access.authorize(&caller, &name).await.unwrap();
    let ask = |tags: &[&str]| {
        let tags: Vec<_> = tags.iter().map(|tag| tag.parse().unwrap()).collect();
        let (app, grant) = (&app, &grant);
        async move { app.hub.blobs.reclaimed_by_tags(grant, &tags).await.unwrap() }
    };
    // The config is shared by all of them.
    assert_eq!(ask(&["v1"]).await.bytes, 5);
    assert_eq!(ask(&["v1", "v2"]).await.bytes, 5 + 9);
    assert_eq!(ask(&["v3"]).await.bytes, 0);
    assert_eq!(ask(&["v3", "again"]).await.bytes, 6);
    let all = ask(&["v1", "v2", "v3", "again", "missing"]).await;
    assert_eq!(
        (all.bytes, all.manifests, all.tags.len()),
        (37 + 5 + 9 + 6, 3, 4)
    );
    // A layer that a public repository of somebody else holds stays.
    app.sign_up("bob").await;
    app.push_image("bob", "bob/copy", "v1", b"layer two").await;
    assert_eq!(ask(&["v1", "v2"]).await.bytes, 5);
    // What others keep in private is not told.
    let hide = app
        .by("bob", Method::PATCH, "/api/v1/repositories/bob/copy")
        .json(&json!({"visibility": "private"}));
    hide.send().await.unwrap();
    assert_eq!(ask(&["v1", "v2"]).await.bytes, 5 + 9);
}
