//! The least of an HTTP/1.1 client: it must cost less than the servers that it measures.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// Bytes read from and written to a socket at once.
const AT_ONCE: usize = 1024 * 1024;
/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_mins(2);

/// A connection that is kept open.
pub struct Connection {
    reader: BufReader<TcpStream>,
    host: String,
    token: Option<String>,
    scratch: Vec<u8>,
}

/// What came back; the body was read and, unless it was asked for, forgotten.
pub struct Answer {
    pub status: u16,
    pub location: String,
    pub length: u64,
}

/// How a body is sent.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    None,
    /// With its length.
    Whole(&'a [u8]),
    /// In pieces, without saying how much there is, as docker does.
    Streamed(&'a [u8]),
}

impl Connection {
    pub fn open(port: u16, token: Option<String>) -> Result<Self> {
        let host = format!("127.0.0.1:{port}");
        let stream = TcpStream::connect(&host).context("nobody listens")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            reader: BufReader::with_capacity(64 * 1024, stream),
            host,
            token,
            scratch: vec![0; AT_ONCE],
        })
    }

    /// Writes a request without its body, as it goes over the wire.
    pub fn head(&self, method: &str, path: &str, headers: &str) -> String {
        let auth = self.token.as_ref();
        let auth = auth.map(|token| format!("authorization: Bearer {token}\r\n"));
        let host = &self.host;
        let auth = auth.unwrap_or_default();
        format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{auth}{headers}")
    }

    /// Sends a request and reads the answer to its end.
    pub fn send(&mut self, method: &str, path: &str, headers: &str, body: Body) -> Result<Answer> {
        let head = self.head(method, path, headers);
        let out = self.reader.get_mut();
        match body {
            Body::None if method == "POST" || method == "PUT" => {
                write!(out, "{head}content-length: 0\r\n\r\n")?;
            }
            Body::None => write!(out, "{head}\r\n")?,
            Body::Whole(bytes) if bytes.len() < 64 * 1024 => {
                let mut all = format!("{head}content-length: {}\r\n\r\n", bytes.len()).into_bytes();
                all.extend_from_slice(bytes);
                out.write_all(&all)?;
            }
            Body::Whole(bytes) => {
                write!(out, "{head}content-length: {}\r\n\r\n", bytes.len())?;
                out.write_all(bytes)?;
            }
            Body::Streamed(bytes) => {
                write!(out, "{head}transfer-encoding: chunked\r\n\r\n")?;
                for piece in bytes.chunks(AT_ONCE) {
                    write!(out, "{:x}\r\n", piece.len())?;
                    out.write_all(piece)?;
                    out.write_all(b"\r\n")?;
                }
                out.write_all(b"0\r\n\r\n")?;
            }
        }
        self.read(method == "HEAD")
    }

    /// Sends a request and returns the body of the answer, which has a length.
    pub fn send_for_text(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: Body,
    ) -> Result<String> {
        let head = self.head(method, path, headers);
        let Body::Whole(bytes) = body else {
            bail!("a body that is held whole is needed");
        };
        let out = self.reader.get_mut();
        write!(out, "{head}content-length: {}\r\n\r\n", bytes.len())?;
        out.write_all(bytes)?;
        let (answer, _) = self.read_head()?;
        ensure!(
            answer.status / 100 == 2,
            "{method} {path}: {}",
            answer.status
        );
        let mut text = vec![0; usize::try_from(answer.length)?];
        self.reader.read_exact(&mut text)?;
        Ok(String::from_utf8(text)?)
    }

    fn read(&mut self, is_head: bool) -> Result<Answer> {
        let (mut answer, is_chunked) = self.read_head()?;
        if is_head || answer.status == 204 || answer.status == 304 {
            answer.length = 0;
        } else if is_chunked {
            answer.length = 0;
            loop {
                let mut line = String::new();
                self.reader.read_line(&mut line)?;
                let size = u64::from_str_radix(line.trim(), 16).context("not a chunk")?;
                self.skip(size + 2)?;
                answer.length += size;
                if size == 0 {
                    break;
                }
            }
        } else {
            self.skip(answer.length)?;
        }
        Ok(answer)
    }

    fn read_head(&mut self) -> Result<(Answer, bool)> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        ensure!(!line.is_empty(), "the server closed the connection");
        let status = line.split(' ').nth(1).and_then(|text| text.parse().ok());
        let mut answer = Answer {
            status: status.context("not an answer")?,
            location: String::new(),
            length: 0,
        };
        let mut is_chunked = false;
        loop {
            line.clear();
            self.reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                return Ok((answer, is_chunked));
            };
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                answer.length = value.parse()?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                is_chunked = value.eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("location") {
                value.clone_into(&mut answer.location);
            }
        }
    }

    fn skip(&mut self, mut bytes: u64) -> Result<()> {
        while bytes > 0 {
            let some = usize::try_from(bytes).unwrap_or(usize::MAX).min(AT_ONCE);
            let read = self.reader.read(&mut self.scratch[..some])?;
            if read == 0 {
                bail!("the answer was cut off");
            }
            bytes -= read as u64;
        }
        Ok(())
    }
}

/// Makes a location relative: some servers say where they are as well.
pub fn path_of(location: &str) -> &str {
    match location.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => location,
    }
}
