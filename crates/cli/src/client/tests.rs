//! The client against a server of canned answers: what people read when something goes wrong.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::progress::{ByteStream, Progress, Screen, Sending, Size};

/// Answers every connection with the same bytes after reading what came first, then closes it.
async fn canned(answer: &str) -> Client {
    told(vec![answer.to_owned()]).await.0
}

/// Answers one connection after the other with what is to be said, the last again and again. Keeps what it was asked.
async fn told(answers: Vec<String>) -> (Client, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            heard.lock().unwrap().push(request);
            let answer = &answers[number.min(answers.len() - 1)];
            let _ = stream.write_all(answer.as_bytes()).await;
            number += 1;
        }
    });
    let client = Client::new(format!("http://{address}").parse().unwrap(), None);
    (client.unwrap(), asked)
}

macro_rules! digest {
    () => {
        "docker-content-digest: sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
    };
}

fn image() -> ImageName {
    "alice/app:v1".parse().unwrap()
}

fn body(pieces: Vec<io::Result<Bytes>>) -> ByteStream {
    futures::stream::iter(pieces).boxed()
}

fn sending() -> Sending {
    Progress::start(Screen::Silent, "", Size::Unknown).sending()
}

async fn pulled(client: &Client) -> Result<u64, String> {
    let download = client.download(&image(), Choice::default()).await;
    let mut stream = download.map_err(|error| error.to_string())?.from(0);
    let mut bytes = 0;
    while let Some(piece) = stream.next().await {
        bytes += piece.map_err(|error| error.to_string())?.len() as u64;
    }
    Ok(bytes)
}

#[tokio::test]
async fn a_whole_download_ends_well() {
    let client = canned(concat!(
        "HTTP/1.1 200 OK\r\n",
        digest!(),
        "content-length: 5\r\n\r\nabcde"
    ))
    .await;
    assert_eq!(pulled(&client).await, Ok(5));
}

#[tokio::test]
async fn a_cut_download_never_ends_well() {
    let client = canned(concat!(
        "HTTP/1.1 200 OK\r\n",
        digest!(),
        "content-length: 6\r\n\r\nabcde"
    ))
    .await;
    let message = pulled(&client).await.unwrap_err();
    assert!(message.contains("was cut"), "{message}");
}

#[tokio::test]
async fn a_cut_download_goes_on_where_it_was() {
    let start = concat!(
        "HTTP/1.1 200 OK\r\n",
        digest!(),
        "etag: \"a\"\r\ncontent-length: 5\r\n\r\nab"
    );
    let rest = "HTTP/1.1 206 Partial Content\r\ncontent-length: 3\r\n\r\ncde";
    let (client, asked) = told(vec![start.to_owned(), rest.to_owned()]).await;
    assert_eq!(pulled(&client).await, Ok(5));
    let asked = asked.lock().unwrap()[1].to_lowercase();
    assert!(asked.contains("range: bytes=2-\r\n"), "{asked}");
    assert!(asked.contains("if-range: \"a\"\r\n"), "{asked}");
}

#[tokio::test]
async fn an_image_that_changed_meanwhile_is_not_patched_together() {
    let cut = concat!(
        "HTTP/1.1 200 OK\r\n",
        digest!(),
        "etag: \"a\"\r\ncontent-length: 5\r\n\r\nab"
    );
    let message = pulled(&canned(cut).await).await.unwrap_err();
    assert_eq!(
        message,
        "alice/app:v1 changed while it was pulled: pull it again"
    );
}

#[tokio::test]
async fn a_download_without_a_length_is_not_trusted() {
    let client = canned("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabcde").await;
    let message = pulled(&client).await.unwrap_err();
    assert!(message.contains("how long"), "{message}");
}

#[tokio::test]
async fn a_missing_repository_is_told_apart_from_a_missing_tag() {
    let client = canned(
        "HTTP/1.1 404 Not Found\r\ncontent-length: \
        49\r\n\r\n{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"\"}]}",
    )
    .await;
    let message = pulled(&client).await.unwrap_err();
    assert!(message.contains("no repository alice/app"), "{message}");
    let client = canned(
        "HTTP/1.1 404 Not Found\r\ncontent-length: \
        55\r\n\r\n{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"no\"}]}",
    )
    .await;
    let message = pulled(&client).await.unwrap_err();
    assert_eq!(message, "no; see `mydocker tags alice/app`");
}

#[tokio::test]
async fn what_is_no_dockyard_is_named_so() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"name\":\"harbor\"}",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\n<html>",
    ] {
        let message = canned(answer).await.greet().await.unwrap_err().to_string();
        assert!(message.contains("is not a Dockyard"), "{message}");
    }
}

#[tokio::test]
async fn the_same_401_means_three_things() {
    let refused = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";
    let password = Credentials::Password {
        username: "alice".into(),
        password: Secret::new("pw"),
    };
    for (credentials, words) in [
        (Credentials::Anonymous, "mydocker login"),
        (Credentials::Token(Secret::new("t")), "no longer valid"),
        (password, "wrong user name or password"),
    ] {
        let client = canned(refused).await.with(credentials);
        let message = client.user().await.unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
}

/// Is an answer after which the connection is closed.
fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn target() -> Target {
    Target {
        image: image(),
        chosen: None,
    }
}

fn begun() -> String {
    answer("201 Created", r#"{"id":"i1","offset":0}"#)
}

#[tokio::test]
async fn a_refusal_is_read_before_anything_is_sent() {
    let client = canned(
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 55\r\nconnection: \
        close\r\n\r\n{\"errors\":[{\"code\":\"DENIED\",\"message\":\"only for bob\"}]}",
    )
    .await;
    let endless = futures::stream::repeat_with(|| Ok(Bytes::from_static(&[0; 8192])));
    let target = target();
    let sending = sending();
    let upload = client.upload(&target, endless.boxed(), Size::Unknown, &sending);
    let message = upload.await.unwrap_err().to_string();
    assert_eq!(message, "only for bob");
}

#[tokio::test]
async fn a_piece_that_was_cut_is_sent_again_from_where_the_server_is() {
    let at_two = answer("200 OK", r#"{"id":"i1","offset":2}"#);
    let done = answer("201 Created", r#"{"images":[]}"#);
    let (client, asked) = told(vec![begun(), String::new(), at_two, done]).await;
    let target = target();
    let sending = sending();
    let upload = client.upload(
        &target,
        body(vec![Ok("abcde".into())]),
        Size::Exactly(5),
        &sending,
    );
    assert!(upload.await.unwrap().images.is_empty());
    let asked = asked.lock().unwrap();
    assert!(
        asked[1].to_lowercase().contains("upload-offset: 0\r\n"),
        "{asked:?}"
    );
    assert!(asked[2].starts_with("GET /api/v1/imports/i1 "), "{asked:?}");
    let again = asked[3].to_lowercase();
    assert!(again.contains("upload-offset: 2\r\n"), "{again}");
    assert!(again.contains("content-length: 3\r\n"), "{again}");
}

#[tokio::test]
async fn what_is_wrong_with_a_tarball_is_said_though_the_connection_broke() {
    let failed = r#"{"id":"i1","offset":2,"errors":[{"code":"X","message":"it is no tar"}]}"#;
    let failed = answer("200 OK", failed);
    let (client, _) = told(vec![begun(), String::new(), failed]).await;
    let target = target();
    let sending = sending();
    let upload = client.upload(
        &target,
        body(vec![Ok("abcde".into())]),
        Size::Exactly(5),
        &sending,
    );
    let message = upload.await.unwrap_err().to_string();
    assert_eq!(message, "it is no tar");
}

#[tokio::test]
async fn an_engine_that_stops_is_to_blame_and_not_the_network() {
    let client = canned(&begun()).await;
    let pieces = vec![
        Ok("abc".into()),
        Err(io::Error::other("the engine stopped")),
    ];
    let target = target();
    let sending = sending();
    let upload = client.upload(&target, body(pieces), Size::Unknown, &sending);
    let message = upload.await.unwrap_err().to_string();
    assert_eq!(message, "the engine stopped; nothing was pushed");
}

#[tokio::test]
async fn nobody_listening_is_a_sentence() {
    let client = Client::new("http://127.0.0.1:1".parse().unwrap(), None).unwrap();
    let message = client.greet().await.unwrap_err().to_string();
    assert!(
        message.contains("nothing listens at http://127.0.0.1:1"),
        "{message}"
    );
}

/// Answers of a server: to the request for the tarball, and then to the one for the index.
fn pinned_answers(index: &str) -> Vec<String> {
    let tarball = concat!(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n",
        digest!(),
        "\r\nhi"
    );
    let length = index.len();
    let index =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{index}");
    vec![tarball.to_owned(), index]
}

async fn pinned(asked: &str, index: &str) -> Result<(), String> {
    let (client, _) = told(pinned_answers(index)).await;
    let image = format!("alice/app@{asked}").parse().unwrap();
    let download = client.download(&image, Choice::default()).await;
    download.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_pinned_digest_is_what_comes_or_lists_it() {
    use sha2::Digest as _;
    let a = format!("sha256:{}", "a".repeat(64));
    assert_eq!(pinned(&a, "").await, Ok(()));
    let index = |child: &str| {
        let kind = "application/vnd.oci.image.index.v1+json";
        let of = "application/vnd.oci.image.manifest.v1+json";
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{kind}","manifests":[{{"mediaType":"{of}","digest":"{child}","size":2}}]}}"#
        )
    };
    let of = |index: &str| format!("sha256:{}", hex::encode(sha2::Sha256::digest(index)));
    let right = index(&a);
    assert_eq!(pinned(&of(&right), &right).await, Ok(()));
    let other = index(&format!("sha256:{}", "b".repeat(64)));
    for (asked, index) in [
        (of(&other), &other),
        (format!("sha256:{}", "c".repeat(64)), &right),
        (format!("sha256:{}", "c".repeat(64)), &"x".repeat(5 << 20)),
    ] {
        let refused = pinned(&asked, index).await.unwrap_err();
        assert!(
            refused.contains("asked for") || refused.contains("4 MiB"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_kept() {
    let long = format!(
        "HTTP/1.1 200 OK\r\n\r\n\"{}\"",
        "a".repeat(20 * 1024 * 1024)
    );
    let client = canned(&long).await;
    let refused = client.user().await.unwrap_err().to_string();
    assert!(refused.contains("without end"), "{refused}");
    assert!(client.greet().await.is_err());
}
