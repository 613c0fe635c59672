//! Hostile clients: each repeats one kind of attack and ignores the answers.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::Target;
use super::wire::Place;

/// Time for which an unfinished connection is held open.
const HELD: Duration = Duration::from_secs(15);
/// Pause after a request that was answered, so that not even a client of this program takes a core for itself.
const PAUSE: Duration = Duration::from_millis(20);

/// Kinds of hostile clients.
pub const KINDS: [&str; 14] = [
    "an upload that stops half way",
    "a tarball that stops half way",
    "a small body, a byte at a time",
    "a form field without end",
    "dear searches",
    "wrong passwords",
    "HTTP/2 requests without a window",
    "blobs that are not read",
    "tarballs that are not read",
    "tar headers of half a gigabyte",
    "sign-ups in a loop",
    "READMEs that change in a loop",
    "manifests with a thousand layers",
    "connections that say nothing",
];

/// Works until it is stopped from outside.
pub async fn run(place: Place, target: Arc<Target>, number: usize) {
    for round in 0_usize.. {
        // Whatever comes of it.
        let _ = once(place, &target, number, round).await;
        sleep(PAUSE).await;
    }
}

async fn once(place: Place, target: &Target, number: usize, round: usize) -> io::Result<()> {
    let kind = number % KINDS.len();
    match kind {
        0..=3 => stop_half_way(place, target, kind).await,
        4 | 5 | 9..=12 => ask_much(place, target, number, round).await,
        6..=8 => take_nothing(place, target, kind).await,
        _ => {
            let _stream = place.connect().await?;
            sleep(HELD).await;
            Ok(())
        }
    }
}

/// Begins to send something, and does not end.
async fn stop_half_way(place: Place, target: &Target, kind: usize) -> io::Result<()> {
    let bearer = bearer(target);
    let long = format!("{bearer}content-length: 100000000\r\n");
    match kind {
        0 => {
            let upload = format!(
                "/v2/hostile/app/blobs/uploads/?digest={}",
                target.large_blob
            );
            let head = place.head("POST", &upload, &long);
            drip(place, head.as_bytes(), &[0; 1000]).await
        }
        1 => {
            let head = place.head("PUT", "/api/v1/images/hostile/app:v1", &long);
            drip(place, head.as_bytes(), &target.tar_start).await
        }
        2 => {
            let headers =
                "content-type: application/x-www-form-urlencoded\r\ncontent-length: 16000\r\n";
            let head = place.head("POST", "/token", headers);
            drip(place, head.as_bytes(), b"grant_type=password&username=").await
        }
        _ => {
            let headers = format!(
                "{bearer}content-type: multipart/form-data; boundary=X\r\ncontent-length: 1000000000\r\n"
            );
            let mut stream = place.connect().await?;
            stream
                .write_all(place.head("POST", "/upload", &headers).as_bytes())
                .await?;
            let part = b"--X\r\nContent-Disposition: form-data; name=\"repository\"\r\n\r\n";
            stream.write_all(part).await?;
            flood(stream).await
        }
    }
}

/// Asks for something and does not take the answer.
async fn take_nothing(place: Place, target: &Target, kind: usize) -> io::Result<()> {
    let large = format!("/v2/honest/app/blobs/{}", target.large_blob);
    match kind {
        6 => http2(place, &large).await,
        7 => unread(place, &large).await,
        _ => unread(place, "/api/v1/images/honest/app:v1?platform=all").await,
    }
}

/// Asks for what costs the server much, and waits for the answer.
async fn ask_much(place: Place, target: &Target, number: usize, round: usize) -> io::Result<()> {
    let bearer = bearer(target);
    match number % KINDS.len() {
        4 => {
            let word = |n: usize| {
                let letter = |i: usize| {
                    let code =
                        0x4e00 + (number * 7919 + round * 104_729 + n * 331 + i * 17) % 20_000;
                    u32::try_from(code)
                        .ok()
                        .and_then(char::from_u32)
                        .unwrap_or('x')
                };
                (0..16).map(letter).collect::<String>()
            };
            let words: Vec<String> = (0..3).map(word).collect();
            let query: String = words
                .join("+")
                .bytes()
                .map(|byte| {
                    if byte == b'+' {
                        "+".to_owned()
                    } else {
                        format!("%{byte:02x}")
                    }
                })
                .collect();
            ask(place, "GET", &format!("/api/v1/search?q={query}"), "", b"").await
        }
        5 => {
            let name = if round.is_multiple_of(2) {
                "honest".to_owned()
            } else {
                format!("u{number}-{round}")
            };
            let basic = super::base64(format!("{name}:wrong {round}").as_bytes());
            let header = format!("authorization: Basic {basic}\r\n");
            ask(place, "GET", "/v2/", &header, b"").await
        }
        9 => {
            ask(
                place,
                "PUT",
                "/api/v1/images/hostile/app:v2",
                &bearer,
                &target.tar_bomb,
            )
            .await
        }
        10 => {
            let name = format!("n{number}-{round}");
            let body = format!("{{\"username\":\"{name}\",\"password\":\"long enough {round}\"}}");
            let json = "content-type: application/json\r\n";
            ask(place, "POST", "/api/v1/users", json, body.as_bytes()).await
        }
        11 => {
            let words: Vec<String> = (0..40_000)
                .map(|n| format!("w{number}x{round}y{n}"))
                .collect();
            let words = words.join(" ");
            let body = format!("{{\"readme\":\"{words}\"}}");
            let path = format!("/api/v1/repositories/hostile/r{}", number % 8);
            let json = format!("{bearer}content-type: application/json\r\n");
            ask(place, "PATCH", &path, &json, body.as_bytes()).await
        }
        _ => {
            let headers =
                format!("{bearer}content-type: application/vnd.oci.image.manifest.v1+json\r\n");
            let path = "/v2/hostile/app/manifests/big";
            ask(place, "PUT", path, &headers, &target.manifest).await
        }
    }
}

fn bearer(target: &Target) -> String {
    format!("authorization: Bearer {}\r\n", target.hostile_token)
}

async fn ask(place: Place, method: &str, path: &str, headers: &str, body: &[u8]) -> io::Result<()> {
    place.ask(method, path, headers, body).await.map(|_| ())
}

/// Sends a start, and then a byte now and then.
async fn drip(place: Place, head: &[u8], start: &[u8]) -> io::Result<()> {
    let mut stream = place.connect().await?;
    stream.write_all(head).await?;
    stream.write_all(start).await?;
    for _ in 0..HELD.as_secs() {
        sleep(Duration::from_secs(1)).await;
        stream.write_all(b"x").await?;
    }
    Ok(())
}

/// Sends as much as is taken, for a while.
async fn flood(mut stream: TcpStream) -> io::Result<()> {
    let piece = vec![b'a'; 64 * 1024];
    let sent = async {
        for _ in 0..1000 {
            stream.write_all(&piece).await?;
        }
        Ok(())
    };
    timeout(HELD, sent).await.unwrap_or(Ok(()))
}

/// Asks for something and takes nothing.
async fn unread(place: Place, path: &str) -> io::Result<()> {
    let mut stream = place.connect().await?;
    stream
        .write_all(place.head("GET", path, "").as_bytes())
        .await?;
    sleep(HELD).await;
    Ok(())
}

/// Asks for a blob as often as one connection may, and opens no window for the answers.
///
/// Source: RFC 9113, frames; RFC 7541, literal header fields without indexing.
async fn http2(place: Place, path: &str) -> io::Result<()> {
    let mut stream = place.connect().await?;
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // SETTINGS_INITIAL_WINDOW_SIZE is 0.
    frame(&mut sent, 4, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let mut block = vec![0x82, 0x86];
    for (name, value) in [(":path", path), (":authority", "127.0.0.1")] {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap_or(126).min(126));
            block.extend(&text.as_bytes()[..text.len().min(126)]);
        }
    }
    for number in 0..64_u32 {
        frame(&mut sent, 1, 0x5, 1 + 2 * number, &block);
    }
    stream.write_all(&sent).await?;
    let mut sink = [0; 4096];
    let read = async {
        while stream.read(&mut sink).await? > 0 {}
        Ok(())
    };
    timeout(HELD, read).await.unwrap_or(Ok(()))
}

fn frame(to: &mut Vec<u8>, kind: u8, flags: u8, number: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or_default();
    to.extend(&length.to_be_bytes()[1..]);
    to.extend([kind, flags]);
    to.extend(number.to_be_bytes());
    to.extend(payload);
}
