//! The least of a client over loopback: from an address of its own, one connection a request.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Timeout of an honest request.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a client connects from and to.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub from: Ipv4Addr,
    pub port: u16,
}

impl Place {
    pub async fn connect(self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((self.from, 0)))?;
        let stream = socket
            .connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)))
            .await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Writes the head of a request, the last of its connection.
    pub fn head(self, method: &str, path: &str, headers: &str) -> String {
        let port = self.port;
        format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n{headers}\r\n"
        )
    }

    /// Sends a request and reads its whole answer; returns the status and the bytes.
    pub async fn ask(
        self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> io::Result<(u16, Vec<u8>)> {
        let length = format!("{headers}content-length: {}\r\n", body.len());
        let headers = if body.is_empty() { headers } else { &length };
        let asked = async {
            let mut stream = self.connect().await?;
            let head = self.head(method, path, headers);
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            let status = answer
                .get(9..12)
                .and_then(|text| std::str::from_utf8(text).ok());
            let status = status.and_then(|text| text.parse().ok());
            status
                .map(|status| (status, answer))
                .ok_or_else(|| io::Error::other("no answer"))
        };
        timeout(PATIENCE, asked)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}
