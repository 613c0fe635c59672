//! Requests a second. One thread asks over all connections: asking must cost less than answering, on the same cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The first part fills caches.
pub const WARM_UP: Duration = Duration::from_millis(500);
/// Room for an answer: a head and a small manifest.
const ANSWER_BYTES: usize = 16 * 1024;

/// A request that is sent again and again, each time when the answer before it has come.
pub struct Asked {
    pub port: u16,
    /// As it goes over the wire.
    pub request: String,
    /// Whether the answer has no body, whatever length it names.
    pub is_head: bool,
    pub connections: usize,
    pub counted: Duration,
}

/// Counts the answers a second, all of them 200.
pub fn measure(asked: Asked) -> Result<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(count(Arc::new(asked)))
}

async fn count(asked: Arc<Asked>) -> Result<f64> {
    let done = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..asked.connections {
        tasks.spawn(ask(asked.clone(), done.clone()));
    }
    let counting = async {
        sleep(WARM_UP).await;
        let (from, started) = (done.load(Ordering::Relaxed), Instant::now());
        sleep(asked.counted).await;
        let count = done.load(Ordering::Relaxed) - from;
        count as f64 / started.elapsed().as_secs_f64()
    };
    tokio::select! {
        rate = counting => Ok(rate),
        Some(ended) = tasks.join_next() => match ended? {
            Ok(()) => bail!("a connection ended"),
            Err(error) => Err(error),
        },
    }
}

async fn ask(asked: Arc<Asked>, done: Arc<AtomicU64>) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", asked.port)).await?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; ANSWER_BYTES];
    loop {
        stream.write_all(asked.request.as_bytes()).await?;
        let mut filled = 0;
        while !is_whole(&buffer[..filled], asked.is_head)? {
            let read = stream.read(&mut buffer[filled..]).await?;
            ensure!(
                read > 0,
                "the answer was cut off, or is longer than {ANSWER_BYTES}"
            );
            filled += read;
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Tells whether an answer has arrived, which must be a 200 with a length.
fn is_whole(bytes: &[u8], is_head: bool) -> Result<bool> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(at) = bytes.windows(END.len()).position(|four| four == END) else {
        return Ok(false);
    };
    let head = std::str::from_utf8(&bytes[..at])?;
    ensure!(head.get(9..12) == Some("200"), "{head}");
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    });
    let length: usize = length.context("no length")?.parse()?;
    Ok(is_head || bytes.len() >= at + END.len() + length)
}
