//! Blobs on their way in: what each request is answered with, and what it leaves behind.

use std::io;
use std::time::Duration;

use futures::{StreamExt, stream};
use reqwest::{Body, Method, Response, StatusCode};

use crate::app::{TestApp, digest, error, header, sha512};

const UPLOADS: &str = "/v2/alice/app/blobs/uploads/";
/// An id that no upload has.
const UNKNOWN: &str = "01900000-0000-7000-8000-000000000000";
/// More bytes than a connection takes while nobody reads from it.
const LARGE_BYTES: usize = 16 * 1024 * 1024;

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app
}

/// Starts an upload and returns its address.
async fn start(app: &TestApp, query: &str) -> String {
    let path = format!("{UPLOADS}{query}");
    let response = app.ask("alice", Method::POST, &path).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    header(&response, "location").to_owned()
}

/// Sends a chunk, with a range unless that is empty.
async fn patch(app: &TestApp, location: &str, range: &str, chunk: &'static str) -> Response {
    let mut request = app.by("alice", Method::PATCH, location).body(chunk);
    if !range.is_empty() {
        request = request.header("content-range", range);
    }
    request.send().await.unwrap()
}

/// Sends the last chunk, which may be empty.
async fn finish(app: &TestApp, location: &str, expected: &str, chunk: &'static str) -> Response {
    let path = format!("{location}?digest={expected}");
    let request = app.by("alice", Method::PUT, &path).body(chunk);
    request.send().await.unwrap()
}

/// Asks how far an upload is: the status, and the range.
async fn progress(app: &TestApp, location: &str) -> (u16, String) {
    let response = app.ask("alice", Method::GET, location).await;
    let range = header(&response, "range").to_owned();
    (response.status().as_u16(), range)
}

/// Pulls a blob as text.
async fn pull(app: &TestApp, blob: &str) -> String {
    let path = format!("/v2/alice/app/blobs/{blob}");
    let response = app.ask("alice", Method::GET, &path).await;
    assert_eq!(header(&response, "docker-content-digest"), blob);
    response.text().await.unwrap()
}

#[tokio::test]
async fn a_blob_in_one_post_is_answered_with_its_address() {
    let app = app().await;
    let blob = digest(b"hello world");
    let path = format!("{UPLOADS}?digest={blob}");
    let post = app.by("alice", Method::POST, &path).body("hello world");
    let done = post.send().await.unwrap();
    assert_eq!(done.status(), StatusCode::CREATED);
    assert_eq!(header(&done, "docker-content-digest"), blob);
    let location = format!("/v2/alice/app/blobs/{blob}");
    assert_eq!(header(&done, "location"), location);
    assert_eq!(pull(&app, &blob).await, "hello world");
}

#[tokio::test]
async fn every_answer_leads_to_the_next_step() {
    let app = app().await;
    let started = app.ask("alice", Method::POST, UPLOADS).await;
    let location = header(&started, "location");
    let id = header(&started, "docker-upload-uuid");
    assert_eq!(location, format!("{UPLOADS}{id}"));
    let fresh = app.ask("alice", Method::GET, location).await;
    assert_eq!(fresh.status(), StatusCode::NO_CONTENT);
    assert_eq!(header(&fresh, "range"), "0-0");
    let chunk = patch(&app, header(&fresh, "location"), "", "hello ").await;
    assert_eq!(chunk.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&chunk, "range"), "0-5");
    let chunk = patch(&app, header(&chunk, "location"), "6-10", "world").await;
    assert_eq!(chunk.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&chunk, "range"), "0-10");
    // Everything is there already: the last request has no body.
    let blob = digest(b"hello world");
    let path = format!("{}?digest={blob}", header(&chunk, "location"));
    let done = app.ask("alice", Method::PUT, &path).await;
    assert_eq!(done.status(), StatusCode::CREATED);
    assert_eq!(header(&done, "docker-content-digest"), blob);
    assert_eq!(pull(&app, &blob).await, "hello world");
}

#[tokio::test]
async fn a_chunk_of_unknown_length_is_taken_as_it_comes() {
    let app = app().await;
    let location = start(&app, "").await;
    let parts = stream::iter(["hello ", "world"].map(Ok::<_, io::Error>));
    let request = app.by("alice", Method::PATCH, &location);
    let request = request.body(Body::wrap_stream(parts));
    let chunk = request.send().await.unwrap();
    assert_eq!(chunk.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&chunk, "range"), "0-10");
    let done = finish(&app, &location, &digest(b"hello world"), "").await;
    assert_eq!(done.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_chunk_out_of_order_is_refused_and_the_right_one_is_taken() {
    let app = app().await;
    let location = start(&app, "").await;
    let chunk = patch(&app, &location, "0-4", "hello").await;
    assert_eq!(chunk.status(), StatusCode::ACCEPTED);
    let again = patch(&app, &location, "0-4", "hello").await;
    assert_eq!(again.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&again, "range"), "0-4");
    assert_eq!(header(&again, "location"), location);

    let blob = digest(b"hello world");
    let path = format!("{location}?digest={blob}");
    let put = |range: &'static str| {
        let request = app.by("alice", Method::PUT, &path).body(" world");
        request.header("content-range", range).send()
    };
    let early = put("9-14").await.unwrap();
    assert_eq!(early.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&early, "range"), "0-4");
    assert_eq!(progress(&app, &location).await, (204, "0-4".to_owned()));
    let done = put("5-10").await.unwrap();
    assert_eq!(done.status(), StatusCode::CREATED);
    assert_eq!(pull(&app, &blob).await, "hello world");
}

#[tokio::test]
async fn a_range_that_is_not_the_chunks_is_refused_and_changes_nothing() {
    let app = app().await;
    let location = start(&app, "").await;
    for (range, status, code) in [
        ("x-y", 400, "BLOB_UPLOAD_INVALID"),
        ("5-", 400, "BLOB_UPLOAD_INVALID"),
        ("4-0", 400, "BLOB_UPLOAD_INVALID"),
        ("0-18446744073709551615", 400, "BLOB_UPLOAD_INVALID"),
        ("0-9", 400, "SIZE_INVALID"),
        ("0-3", 400, "SIZE_INVALID"),
        ("5-9", 416, "BLOB_UPLOAD_INVALID"),
    ] {
        let refused = patch(&app, &location, range, "hello").await;
        let expected = (status, code.to_owned());
        assert_eq!(error(refused).await, expected, "{range}");
        let unchanged = (204, "0-0".to_owned());
        assert_eq!(progress(&app, &location).await, unchanged, "{range}");
    }
    let chunk = patch(&app, &location, "0-4", "hello").await;
    assert_eq!(chunk.status(), StatusCode::ACCEPTED);

    // A body of unknown length is measured as it comes.
    let longer = stream::iter([Ok::<_, io::Error>(" world")]);
    let request = app.by("alice", Method::PATCH, &location);
    let request = request.header("content-range", "5-7");
    let request = request.body(Body::wrap_stream(longer));
    let refused = request.send().await.unwrap();
    assert_eq!(error(refused).await.0, 400);
}

#[tokio::test]
async fn a_large_body_that_is_refused_is_refused_in_words() {
    let app = app().await;
    app.sign_up("bob").await;
    let location = start(&app, "").await;
    let range = format!("5-{}", LARGE_BYTES + 4);
    let unknown = format!("{UPLOADS}{UNKNOWN}");
    let no_digest = format!("{UPLOADS}?digest=sha256:0");
    let manifest = "/v2/alice/app/manifests/v1".to_owned();
    #[rustfmt::skip]
    let rows = [
        ("alice", Method::PATCH, &location, 416, "BLOB_UPLOAD_INVALID"),
        ("bob", Method::PATCH, &location, 403, "DENIED"),
        ("alice", Method::PATCH, &unknown, 404, "BLOB_UPLOAD_UNKNOWN"),
        ("alice", Method::POST, &no_digest, 400, "DIGEST_INVALID"),
        ("alice", Method::PUT, &manifest, 413, "MANIFEST_INVALID"),
    ];
    for (user, method, path, status, code) in rows {
        let request = app.by(user, method, path).body(vec![7u8; LARGE_BYTES]);
        let request = request.header("content-range", range.as_str());
        let refused = request.send().await.unwrap();
        assert_eq!(error(refused).await, (status, code.to_owned()), "{path}");
    }
    assert_eq!(progress(&app, &location).await, (204, "0-0".to_owned()));
}

#[tokio::test]
async fn a_wrong_digest_after_chunks_ends_the_upload() {
    let app = app().await;
    let location = start(&app, "").await;
    patch(&app, &location, "0-5", "hello ").await;
    patch(&app, &location, "6-10", "world").await;
    let wrong = finish(&app, &location, &digest(b"something else"), "").await;
    assert_eq!(error(wrong).await, (400, "DIGEST_INVALID".to_owned()));
    let gone = app.ask("alice", Method::GET, &location).await;
    assert_eq!(error(gone).await, (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));
    assert_eq!(app.objects().await, 0);
}

#[tokio::test]
async fn a_digest_that_is_none_is_refused_and_the_upload_goes_on() {
    let app = app().await;
    let location = start(&app, "").await;
    patch(&app, &location, "", "hello").await;
    let md5 = "md5:5d41402abc4b2a76b9719d911017c592";
    for (method, path) in [
        (Method::PUT, format!("{location}?digest={md5}")),
        (Method::PUT, format!("{location}?digest=sha256:0")),
        (Method::PUT, format!("{location}?digest=")),
        (Method::PUT, location.clone()),
        (Method::POST, format!("{UPLOADS}?digest={md5}")),
        (Method::POST, format!("{UPLOADS}?digest=sha256:0")),
        (
            Method::POST,
            format!("{UPLOADS}?mount={md5}&from=alice/app"),
        ),
        (Method::POST, format!("{UPLOADS}?digest-algorithm=md5")),
    ] {
        let refused = app.ask("alice", method, &path).await;
        let expected = (400, "DIGEST_INVALID".to_owned());
        assert_eq!(error(refused).await, expected, "{path}");
    }
    assert_eq!(progress(&app, &location).await, (204, "0-4".to_owned()));
    let done = finish(&app, &location, &digest(b"hello"), "").await;
    assert_eq!(done.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn chunks_are_hashed_with_whichever_algorithm_ends_them() {
    let app = app().await;
    let (long, short) = (sha512(b"hello world"), digest(b"hello world"));
    for (query, blob) in [
        ("?digest-algorithm=sha512", &long),
        ("", &long),
        ("?digest-algorithm=sha512", &short),
    ] {
        let location = start(&app, query).await;
        patch(&app, &location, "", "hello ").await;
        let done = finish(&app, &location, blob, "world").await;
        assert_eq!(done.status(), StatusCode::CREATED, "{query} {blob}");
        assert_eq!(header(&done, "docker-content-digest"), blob);
        assert_eq!(pull(&app, blob).await, "hello world");
        let path = format!("/v2/alice/app/blobs/{blob}");
        let head = app.ask("alice", Method::HEAD, &path).await;
        assert_eq!(header(&head, "docker-content-digest"), blob);
    }
    let location = start(&app, "").await;
    patch(&app, &location, "", "hello ").await;
    let wrong = finish(&app, &location, &long, "moon").await;
    assert_eq!(error(wrong).await, (400, "DIGEST_INVALID".to_owned()));
    assert_eq!(app.objects().await, 2);
}

#[tokio::test]
async fn uploads_of_one_repository_do_not_mix() {
    let app = app().await;
    let (one, two) = (start(&app, "").await, start(&app, "").await);
    assert_ne!(one, two);
    for (location, chunk) in [(&one, "a"), (&two, "x"), (&one, "b"), (&two, "y")] {
        let answer = patch(&app, location, "", chunk).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }
    for (location, last, content) in [(&one, "c", "abc"), (&two, "z", "xyz")] {
        let blob = digest(content.as_bytes());
        let done = finish(&app, location, &blob, last).await;
        assert_eq!(done.status(), StatusCode::CREATED);
        assert_eq!(pull(&app, &blob).await, content);
    }
}

#[tokio::test]
async fn a_blob_that_two_finish_at_once_is_stored_once() {
    let app = app().await;
    let (one, two) = (start(&app, "").await, start(&app, "").await);
    let blob = digest(b"hello world");
    let (first, second) = tokio::join!(
        finish(&app, &one, &blob, "hello world"),
        finish(&app, &two, &blob, "hello world"),
    );
    assert_eq!(first.status(), StatusCode::CREATED);
    assert_eq!(second.status(), StatusCode::CREATED);
    assert_eq!(app.objects().await, 1);
    assert_eq!(pull(&app, &blob).await, "hello world");
}

#[tokio::test]
async fn an_upload_has_one_writer_at_a_time() {
    let app = app().await;
    let location = start(&app, "").await;
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let rest = stream::once(async move {
        let _ = released.await;
        Ok::<_, io::Error>("world")
    });
    let slow = stream::iter([Ok::<_, io::Error>("hello ")]).chain(rest);
    let request = app.by("alice", Method::PATCH, &location);
    let writer = tokio::spawn(request.body(Body::wrap_stream(slow)).send());
    // In a folder, the object is there once the first writer has the upload. A bucket shows nothing before the end of a part.
    let is_there = async {
        while app.objects().await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(5), is_there).await;
    let path = format!("{location}?digest={}", digest(b"hello world"));
    for method in [Method::PATCH, Method::PUT, Method::DELETE] {
        let busy = app.ask("alice", method, &path).await;
        assert_eq!(error(busy).await, (409, "BLOB_UPLOAD_INVALID".to_owned()));
    }
    release.send(()).unwrap();
    let chunk = writer.await.unwrap().unwrap();
    assert_eq!(chunk.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&chunk, "range"), "0-10");
    let done = app.ask("alice", Method::PUT, &path).await;
    assert_eq!(done.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn asking_about_an_upload_makes_no_repository() {
    let app = app().await;
    let blob = digest(b"");
    let path = format!("/v2/alice/none/blobs/uploads/{UNKNOWN}?digest={blob}");
    for method in [Method::GET, Method::PATCH, Method::PUT, Method::DELETE] {
        let refused = app.ask("alice", method, &path).await;
        assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    }
    let path = "/v2/alice/none/tags/list";
    let tags = app.ask("alice", Method::GET, path).await;
    assert_eq!(error(tags).await, (404, "NAME_UNKNOWN".to_owned()));
}
