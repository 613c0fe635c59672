//! `dockyard health`: asks a running server whether it can serve, where there is no other program to ask with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::config::HealthArgs;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of an answer that are read.
const ANSWER_MAX: u64 = 16 * 1024;

/// Asks, and says what the server says; 1 is the exit code when it can't serve.
pub async fn run(args: HealthArgs) -> anyhow::Result<ExitCode> {
    let at = reachable(args.address()?);
    let answer = tokio::time::timeout(PATIENCE, ask(at)).await;
    let answer = answer.with_context(|| format!("no answer from {at} in {PATIENCE:?}"))??;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    print!("{body}");
    let is_ready = head.split(' ').nth(1) == Some("200");
    Ok(if is_ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn ask(at: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(at)
        .await
        .with_context(|| format!("nothing listens on {at}"))?;
    stream
        .write_all(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Is where a server can be asked from its own machine that listens on an address, maybe on all there are.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_asked_on_loopback() {
        let at = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(at("0.0.0.0:3000"), "127.0.0.1:3000");
        assert_eq!(at("[::]:3000"), "[::1]:3000");
        assert_eq!(at("10.0.0.7:80"), "10.0.0.7:80");
    }
}
