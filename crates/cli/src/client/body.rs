//! The body of a download: a stream that can tell its end from a cut.

use std::io;
use std::time::Duration;

use futures::StreamExt;
use reqwest::Response;

use crate::address::Server;
use crate::failure;
use crate::progress::ByteStream;

/// How long a download may stand still, also before its first byte.
pub const STALL_TIMEOUT: Duration = Duration::from_mins(2);

/// Makes a body a stream that ends well only after exactly the promised number of bytes.
pub fn whole(response: Response, server: Server, length: u64) -> ByteStream {
    let start = Some((response, 0));
    let stream = futures::stream::unfold(start, move |state| {
        let server = server.clone();
        async move {
            let (mut response, before) = state?;
            let next = tokio::time::timeout(STALL_TIMEOUT, response.chunk()).await;
            match next {
                Ok(Ok(Some(piece))) => {
                    let now = before + piece.len() as u64;
                    Some((Ok(piece), Some((response, now))))
                }
                Ok(Ok(None)) if before == length => None,
                Ok(Ok(None)) => Some((Err(short(&server, before, length)), None)),
                Ok(Err(error)) => {
                    let sentence = failure::connection(&server, &error).to_string();
                    Some((Err(io::Error::other(sentence)), None))
                }
                Err(_) => Some((Err(stalled(&server)), None)),
            }
        }
    });
    stream.boxed()
}

fn short(server: &Server, got: u64, length: u64) -> io::Error {
    io::Error::other(format!(
        "{server} sent {got} of {length} bytes: the download was cut, try again"
    ))
}

fn stalled(server: &Server) -> io::Error {
    let seconds = STALL_TIMEOUT.as_secs();
    io::Error::other(format!(
        "{server} sent nothing for {seconds} seconds: the download stands still, try again"
    ))
}
