use reqwest::{Method, StatusCode};

use crate::app::{TestApp, digest, error, header};

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app
}

async fn start(app: &TestApp) -> String {
    let path = "/v2/alice/app/blobs/uploads/";
    let response = app.by("alice", Method::POST, path).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    header(&response, "location").to_owned()
}

#[tokio::test]
async fn a_blob_goes_in_by_chunks_and_comes_out_whole() {
    let app = app().await;
    let location = start(&app).await;
    let first = app
        .by("alice", Method::PATCH, &location)
        .header("content-range", "0-5");
    let response = first.body("hello ").send().await.unwrap();
    assert_eq!(
        (response.status(), header(&response, "range")),
        (StatusCode::ACCEPTED, "0-5")
    );

    let early = app
        .by("alice", Method::PATCH, &location)
        .header("content-range", "9-10");
    let response = early.body("xx").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&response, "range"), "0-5");
    let status = app
        .by("alice", Method::GET, &location)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (status.status(), header(&status, "range")),
        (StatusCode::NO_CONTENT, "0-5")
    );

    let digest = digest(b"hello world");
    let finish = app.by("alice", Method::PUT, &format!("{location}?digest={digest}"));
    let response = finish.body("world").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(
        header(&response, "location"),
        format!("/v2/alice/app/blobs/{digest}")
    );

    let blob = app.anonymous(Method::GET, &format!("/v2/alice/app/blobs/{digest}"));
    let response = blob.send().await.unwrap();
    assert_eq!(header(&response, "docker-content-digest"), digest);
    assert_eq!(response.text().await.unwrap(), "hello world");
    let again = app
        .by("alice", Method::GET, &location)
        .send()
        .await
        .unwrap();
    assert_eq!(error(again).await, (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn a_wrong_digest_is_refused_on_every_path_and_leaves_nothing() {
    let app = app().await;
    let wrong = digest(b"something else");
    let location = start(&app).await;
    let put = app
        .by("alice", Method::PUT, &format!("{location}?digest={wrong}"))
        .body("abc");
    assert_eq!(
        error(put.send().await.unwrap()).await,
        (400, "DIGEST_INVALID".to_owned())
    );
    let path = format!("/v2/alice/app/blobs/uploads/?digest={wrong}");
    let post = app.by("alice", Method::POST, &path).body("abc");
    assert_eq!(
        error(post.send().await.unwrap()).await,
        (400, "DIGEST_INVALID".to_owned())
    );
    let head = app.by(
        "alice",
        Method::HEAD,
        &format!("/v2/alice/app/blobs/{wrong}"),
    );
    assert_eq!(head.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(app.objects().await, 0);
}

#[tokio::test]
async fn an_upload_belongs_to_who_started_it_and_where() {
    let app = app().await;
    app.sign_up("bob").await;
    let location = start(&app).await;
    for (user, path) in [
        ("bob", location.clone()),
        ("bob", location.replace("alice/", "bob/")),
        ("alice", location.replace("/app/", "/other/")),
    ] {
        let status = app
            .by(user, Method::GET, &path)
            .send()
            .await
            .unwrap()
            .status();
        assert!(
            status == StatusCode::NOT_FOUND || status == StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    let cancel = app
        .by("alice", Method::DELETE, &location)
        .send()
        .await
        .unwrap();
    assert_eq!(cancel.status(), StatusCode::NO_CONTENT);
    let status = app
        .by("alice", Method::GET, &location)
        .send()
        .await
        .unwrap();
    assert_eq!(status.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_same_content_is_stored_once_and_mounts_only_from_what_may_be_read() {
    let app = app().await;
    app.sign_up("bob").await;
    app.create("alice", "alice/secret", "private").await;
    let digest = app.push_blob("alice", "alice/secret", b"layer").await;
    app.push_blob("alice", "alice/app", b"layer").await;
    assert_eq!(app.objects().await, 1);

    let mount = |user: &'static str, to: &str, from: &str| {
        let path = format!("/v2/{to}/blobs/uploads/?mount={digest}&from={from}");
        app.by(user, Method::POST, &path).send()
    };
    let own = mount("alice", "alice/copy", "alice/secret").await.unwrap();
    assert_eq!(own.status(), StatusCode::CREATED);
    let public = mount("bob", "bob/copy", "alice/app").await.unwrap();
    assert_eq!(public.status(), StatusCode::CREATED);
    // Someone else's private repository is no source: an upload starts, as for any unknown blob.
    let private = mount("bob", "bob/other", "alice/secret").await.unwrap();
    assert_eq!(private.status(), StatusCode::ACCEPTED);
    let head = app.by(
        "bob",
        Method::HEAD,
        &format!("/v2/bob/other/blobs/{digest}"),
    );
    assert_eq!(head.send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn sha512_and_empty_blobs_are_blobs_too() {
    let app = app().await;
    let empty = app.push_blob("alice", "alice/app", b"").await;
    let get = app.anonymous(Method::GET, &format!("/v2/alice/app/blobs/{empty}"));
    assert_eq!(get.send().await.unwrap().bytes().await.unwrap().len(), 0);

    let digest = format!(
        "sha512:{}",
        hex::encode(<sha2::Sha512 as sha2::Digest>::digest(b"abc"))
    );
    let location = start(&app).await;
    let put = app
        .by("alice", Method::PUT, &format!("{location}?digest={digest}"))
        .body("abc");
    assert_eq!(put.send().await.unwrap().status(), StatusCode::CREATED);
}

#[tokio::test]
async fn what_one_user_leaves_unfinished_is_bounded() {
    let app = TestApp::start_behind(|options| {
        options.uploads.of_one = 3;
        options.uploads.bytes_of_one = 1000;
    })
    .await;
    app.sign_up("alice").await;
    app.sign_up("bob").await;
    let start = async |user: &str| {
        let path = format!("/v2/{user}/app/blobs/uploads/");
        app.ask(user, Method::POST, &path).await
    };
    let first = start("alice").await;
    for _ in 0..2 {
        assert_eq!(start("alice").await.status(), StatusCode::ACCEPTED);
    }
    let refused = start("alice").await;
    assert!(!header(&refused, "retry-after").is_empty());
    assert_eq!(error(refused).await, (429, "TOOMANYREQUESTS".to_owned()));
    assert_eq!(start("bob").await.status(), StatusCode::ACCEPTED);

    // One that is given up makes room, and one that is too long is given up.
    let at = header(&first, "location").to_owned();
    let cancelled = app.ask("alice", Method::DELETE, &at).await;
    assert_eq!(cancelled.status(), StatusCode::NO_CONTENT);
    let new = start("alice").await;
    let at = header(&new, "location").to_owned();
    let request = app.by("alice", Method::PATCH, &at).body(vec![1; 600]);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::ACCEPTED);
    let request = app.by("alice", Method::PATCH, &at).body(vec![1; 600]);
    let refused = request.send().await.unwrap();
    assert_eq!(error(refused).await, (413, "SIZE_INVALID".to_owned()));
    let gone = app.ask("alice", Method::GET, &at).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);

    // Bytes count as well as numbers.
    let cancel = start("bob").await;
    let at = header(&cancel, "location").to_owned();
    let request = app.by("bob", Method::PATCH, &at).body(vec![1; 1000]);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::ACCEPTED);
    assert_eq!(error(start("bob").await).await.0, 429);
}
