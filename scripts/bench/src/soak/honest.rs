//! Honest clients: their requests, one after the other, and the time that each takes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::wire::Place;
use super::{BLOB_BYTES, PASSWORD, Target};

/// Pause between two requests of a client.
const PAUSE: Duration = Duration::from_millis(50);

/// A label, method, path, headers, body, and the expected status.
type Request<'a> = (&'static str, &'a str, &'a str, &'a str, &'a [u8], u16);

/// The durations of successful requests in milliseconds, by label, and the number of failures by cause.
#[derive(Debug, Default)]
pub struct Seen {
    pub millis: BTreeMap<&'static str, Vec<f64>>,
    pub failed: BTreeMap<String, usize>,
}

impl Seen {
    fn note(&mut self, what: &'static str, outcome: Result<f64, String>) {
        match outcome {
            Ok(millis) => self.millis.entry(what).or_default().push(millis),
            Err(why) => *self.failed.entry(format!("{what}: {why}")).or_default() += 1,
        }
    }
}

/// Works until it is stopped from outside.
pub async fn run(place: Place, target: Arc<Target>, number: usize, seen: Arc<Mutex<Seen>>) {
    let bearer = format!("authorization: Bearer {}\r\n", target.honest_token);
    let basic = format!("authorization: Basic {}\r\n", target.honest_basic);
    let blob = format!("/v2/honest/app/blobs/{}", target.small_blob);
    let large = format!("/v2/honest/app/blobs/{}", target.large_blob);
    for round in 0_usize.. {
        let content = format!("client {number}, round {round}, {:?}", Instant::now());
        let digest = hex::encode(Sha256::digest(content.as_bytes()));
        let push = format!("/v2/honest/app/blobs/uploads/?digest=sha256:{digest}");
        let word = ["app", "honest", "layer", "nothing"][round % 4];
        let search = format!("/api/v1/search?q={word}");
        let requests: [Request<'_>; 8] = [
            (
                "pull a manifest",
                "GET",
                "/v2/honest/app/manifests/v1",
                &bearer,
                b"",
                200,
            ),
            ("pull 64 KiB", "GET", &blob, "", b"", 200),
            ("pull 3 MiB", "GET", &large, "", b"", 200),
            (
                "push a blob",
                "POST",
                &push,
                &bearer,
                content.as_bytes(),
                201,
            ),
            (
                "list tags",
                "GET",
                "/v2/honest/app/tags/list",
                &bearer,
                b"",
                200,
            ),
            ("search", "GET", &search, "", b"", 200),
            ("a page", "GET", "/r/honest/app", "", b"", 200),
            ("log in", "GET", "/token?service=x", &basic, b"", 200),
        ];
        for (what, method, path, credentials, body, expected) in requests {
            let begun = Instant::now();
            let answer = place.ask(method, path, credentials, body).await;
            let took = begun.elapsed().as_secs_f64() * 1000.0;
            let outcome = match answer {
                Ok((status, _)) if status != expected => Err(status.to_string()),
                Ok((_, bytes)) if what == "pull 3 MiB" && bytes.len() <= BLOB_BYTES => {
                    Err("cut".to_owned())
                }
                Ok(_) => Ok(took),
                Err(error) => Err(error.to_string()),
            };
            seen.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .note(what, outcome);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Returns the name and the password of the honest account.
pub fn credentials() -> (&'static str, &'static str) {
    ("honest", PASSWORD)
}
