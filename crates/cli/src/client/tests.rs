//! The client against a server of canned answers: what people read when something goes wrong.

use std::io;

use bytes::Bytes;
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Answers every connection with the same bytes after reading what came first, then closes it.
async fn canned(answer: &'static str) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    Client::new(format!("http://{address}").parse().unwrap(), None).unwrap()
}

fn image() -> ImageName {
    "alice/app:v1".parse().unwrap()
}

fn body(pieces: Vec<io::Result<Bytes>>) -> ByteStream {
    futures::stream::iter(pieces).boxed()
}

async fn pulled(client: &Client) -> Result<u64, String> {
    let download = client.download(&image(), None).await;
    let mut stream = download.map_err(|error| error.to_string())?.stream;
    let mut bytes = 0;
    while let Some(piece) = stream.next().await {
        bytes += piece.map_err(|error| error.to_string())?.len() as u64;
    }
    Ok(bytes)
}

#[tokio::test]
async fn a_whole_download_ends_well() {
    let client = canned("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde").await;
    assert_eq!(pulled(&client).await, Ok(5));
}

#[tokio::test]
async fn a_cut_download_never_ends_well() {
    let client = canned("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabcde").await;
    let message = pulled(&client).await.unwrap_err();
    assert!(message.contains("was cut"), "{message}");
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

#[tokio::test]
async fn a_refusal_is_read_while_the_body_is_still_being_sent() {
    let client = canned(
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 55\r\nconnection: \
        close\r\n\r\n{\"errors\":[{\"code\":\"DENIED\",\"message\":\"only for bob\"}]}",
    )
    .await;
    let endless = futures::stream::repeat_with(|| Ok(Bytes::from_static(&[0; 8192])));
    let image = image();
    let upload = client.upload(&image, endless.boxed(), Size::Unknown);
    let message = upload.await.unwrap_err().to_string();
    assert_eq!(message, "only for bob");
}

#[tokio::test]
async fn an_engine_that_stops_is_to_blame_and_not_the_network() {
    let client = canned("").await;
    let pieces = vec![
        Ok("abc".into()),
        Err(io::Error::other("the engine stopped")),
    ];
    let image = image();
    let upload = client.upload(&image, body(pieces), Size::Unknown);
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
