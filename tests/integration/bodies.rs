//! Bodies that are too large, too slow, or endless.

use std::time::Duration;

use dockyard::server::http::bodies::Times;
use futures::{StreamExt, stream};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode};
use serde_json::json;

use crate::app::{PASSWORD, TestApp, error, header};

const FORM: &str = "application/x-www-form-urlencoded";
/// Long enough to read on after a refusal; shorter than a pause that ends a body.
const SOON: Duration = Duration::from_secs(30);

/// Sends two MiB and then nothing more, without ending the body: whoever waits for the end is not answered.
async fn send_unended(request: RequestBuilder, start: &str, chunk: &'static [u8]) -> Response {
    let start = stream::iter([Ok::<_, std::io::Error>(start.as_bytes().to_vec())]);
    let chunks = stream::iter(0..2 * 1024 * 1024 / chunk.len()).map(|_| Ok(chunk.to_vec()));
    let body = Body::wrap_stream(start.chain(chunks).chain(stream::pending()));
    let answer = tokio::time::timeout(SOON, request.body(body).send()).await;
    answer.expect("an answer before the end").unwrap()
}

/// Forms and documents that anybody may send.
const SMALL: [(&str, &str); 5] = [
    ("/token", FORM),
    ("/api/v1/users", "application/json"),
    ("/api/web/log-in", FORM),
    ("/api/web/sign-up", FORM),
    ("/api/web/search", FORM),
];

#[tokio::test]
async fn small_bodies_are_bounded_whether_they_say_their_length_or_not() {
    let app = TestApp::start().await;
    for (path, kind) in SMALL {
        let request = || {
            let request = app.anonymous(Method::POST, path);
            request
                .header("content-type", kind)
                .header("accept", "application/json")
        };
        let long = request()
            .body(vec![b'a'; 16 * 1024 + 1])
            .send()
            .await
            .unwrap();
        assert_eq!(
            error(long).await,
            (413, "BODY_TOO_LARGE".to_owned()),
            "{path}"
        );
        let body = stream::iter([Ok::<_, std::io::Error>(vec![b'a'; 16 * 1024 + 1])]);
        let chunked = request()
            .body(Body::wrap_stream(body))
            .send()
            .await
            .unwrap();
        assert_eq!(chunked.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        let small = request().body(vec![b'a'; 1000]).send().await.unwrap();
        assert_ne!(small.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
}

#[tokio::test]
async fn a_small_body_has_a_time_for_its_whole() {
    let app = TestApp::start_with(|state| {
        state.times = Times {
            pause: Duration::from_mins(1),
            whole: Duration::from_millis(500),
        };
    });
    let app = app.await;
    for (path, kind) in SMALL {
        let drip = stream::iter(0..1000).then(|_| async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, std::io::Error>(b"a".to_vec())
        });
        let request = app
            .anonymous(Method::POST, path)
            .header("content-type", kind);
        let request = request
            .header("accept", "application/json")
            .body(Body::wrap_stream(drip));
        let answer = tokio::time::timeout(Duration::from_secs(10), request.send()).await;
        assert_eq!(
            answer.unwrap().unwrap().status(),
            StatusCode::REQUEST_TIMEOUT,
            "{path}"
        );
    }
}

#[tokio::test]
async fn only_users_may_send_long_readmes() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.create("alice", "alice/app", "public").await;
    let path = "/api/v1/repositories/alice/app";
    let readme = "a".repeat(400_000);
    let change = json!({ "readme": readme });
    let mine = app.by("alice", Method::PATCH, path).json(&change);
    assert_eq!(mine.send().await.unwrap().status(), StatusCode::OK);
    let nobody = app.anonymous(Method::PATCH, path).json(&change);
    assert_eq!(
        nobody.send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );

    let form = [
        ("name", "alice/app"),
        ("description", ""),
        ("readme", &readme),
    ];
    let path = "/api/web/describe-repository";
    let mine = app.anonymous(Method::POST, path).form(&form);
    let mine = mine
        .header("cookie", app.cookie("alice").await)
        .send()
        .await
        .unwrap();
    assert!(!mine.status().is_client_error(), "{}", mine.status());
    let nobody = app.anonymous(Method::POST, path).form(&form);
    assert_eq!(
        nobody.send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    let preview = app
        .anonymous(Method::POST, "/preview")
        .form(&form)
        .send()
        .await;
    assert_eq!(preview.unwrap().status(), StatusCode::UNAUTHORIZED);
}

/// The start of a form whose last part has no end.
fn part(head: &str) -> String {
    format!("--X\r\nContent-Disposition: form-data; {head}")
}

fn upload(app: &TestApp, cookie: &str) -> RequestBuilder {
    let request = app
        .anonymous(Method::POST, "/upload")
        .header("cookie", cookie);
    request.header("content-type", "multipart/form-data; boundary=X")
}

#[tokio::test]
async fn fields_of_the_upload_form_are_bounded_while_they_are_read() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let cookie = app.cookie("alice").await;
    let starts = [
        part("name=\"repository\"\r\n\r\n"),
        part("name=\"other\"\r\n\r\n"),
        part("name=\"x\"\r\nX-Long: "),
        String::new(),
    ];
    let sent = starts
        .iter()
        .map(|start| send_unended(upload(&app, &cookie), start, &[b'a'; 16 * 1024]));
    for (answer, start) in futures::future::join_all(sent).await.iter().zip(&starts) {
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{start}");
        assert!(
            header(answer, "location").starts_with("/upload?"),
            "{start}"
        );
    }
    let one = b"--X\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n";
    let answer = send_unended(upload(&app, &cookie), "", one).await;
    assert!(
        header(&answer, "location").contains("parts"),
        "{:?}",
        answer.headers()
    );
}

#[tokio::test]
async fn the_upload_form_asks_who_it_is_before_it_reads() {
    let app = TestApp::start().await;
    let start = part("name=\"file\"; filename=\"x.tar\"\r\n\r\n");
    let answer = send_unended(upload(&app, ""), &start, &[0; 16 * 1024]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert!(header(&answer, "location").starts_with("/upload?"));
    let log_in = [("username", "alice"), ("password", PASSWORD)];
    let answer = app
        .anonymous(Method::POST, "/upload")
        .form(&log_in)
        .send()
        .await;
    assert_eq!(answer.unwrap().status(), StatusCode::SEE_OTHER);
}
