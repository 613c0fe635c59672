//! Turns failed requests into the one sentence that a person reads: what happened, what to do next.

use std::error::Error;
use std::{fmt, io};

use anyhow::anyhow;
use reqwest::{Response, StatusCode};

use crate::address::Server;
use crate::answers::ErrorBody;
use crate::proxy::Proxy;
use crate::text;

/// Longest error body that is read, in bytes; the server's own are far shorter.
const ERROR_BODY_MAX_BYTES: usize = 64 * 1024;

/// The server understood the request and said no.
#[derive(Debug)]
pub struct Refusal {
    pub status: StatusCode,
    /// The code of the server's first error; empty when the body held none.
    pub code: String,
    message: String,
}

impl Refusal {
    /// Reads the refusal out of a response that is not a success.
    pub async fn read(server: &Server, response: Response) -> Self {
        let status = response.status();
        let request_id = header(&response, "x-request-id");
        let body = read_start(response).await;
        let entry = serde_json::from_slice::<ErrorBody>(&body)
            .ok()
            .and_then(|body| body.errors.into_iter().next());
        let (code, mut message) =
            entry.map_or_else(Default::default, |entry| (entry.code, entry.message));
        if message.is_empty() {
            message = format!("{server} answered {status}");
        }
        let is_fault = status.is_server_error() && status != StatusCode::INSUFFICIENT_STORAGE;
        if let (true, Some(id)) = (is_fault, request_id) {
            message = format!("{message} (request {id}; its administrator finds it in the log)");
        }
        Self {
            status,
            code,
            message,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::one_line(&self.message))?;
        f.write_str(hint(&self.code))
    }
}

impl Error for Refusal {}

/// Says what to do here about an error that the server names for all its clients.
pub fn hint(code: &str) -> &'static str {
    match code {
        "IMAGE_UNCLEAR" => {
            " (--image NAME chooses one; --into NAMESPACE stores each in a repository of its own)"
        }
        _ => "",
    }
}

/// Replaces a refusal by a sentence of the caller's, when it has one for it.
pub fn explain(
    error: anyhow::Error,
    sentence: impl FnOnce(&Refusal) -> Option<String>,
) -> anyhow::Error {
    match error.downcast_ref::<Refusal>().and_then(sentence) {
        Some(sentence) => anyhow!(sentence),
        None => error,
    }
}

/// Says why no answer came.
pub fn connection(server: &Server, error: &reqwest::Error) -> anyhow::Error {
    anyhow!(Trouble::of_request(error).sentence(server, Proxy::of(server).as_ref()))
}

/// Says why not even the first call was answered. A TLS port hangs up on plain HTTP.
pub fn first_contact(server: &Server, error: &reqwest::Error) -> anyhow::Error {
    match Trouble::of_request(error) {
        Trouble::Cut if server.is_plain() => anyhow!(
            "{server} hangs up without an answer: if it speaks TLS, use https:// in the address"
        ),
        trouble => anyhow!(trouble.sentence(server, Proxy::of(server).as_ref())),
    }
}

/// Why a connection failed.
#[derive(Debug, PartialEq, Eq)]
enum Trouble {
    Refused,
    UnknownHost,
    Timeout,
    Certificate(String),
    /// The certificate is marked as a CA's, as `openssl req -x509` makes them.
    CaCertificate,
    /// The certificate has expired, or is not valid yet, by the clock of this machine.
    OutOfTime(&'static str),
    NotTls,
    Cut,
    Other(String),
}

impl Trouble {
    fn of_request(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else {
            Self::of(error)
        }
    }

    /// Finds the reason in the chain of causes; the innermost ones know most.
    fn of(error: &(dyn Error + 'static)) -> Self {
        let mut trouble = None;
        let mut innermost = error.to_string();
        let mut next = Some(error);
        while let Some(cause) = next {
            trouble = Self::of_cause(cause).or(trouble);
            innermost = cause.to_string();
            next = inner(cause);
        }
        trouble.unwrap_or(Self::Other(innermost))
    }

    fn of_cause(cause: &(dyn Error + 'static)) -> Option<Self> {
        Self::of_text(&cause.to_string()).or_else(|| {
            let error = cause.downcast_ref::<io::Error>()?;
            Self::of_io(error.kind())
        })
    }

    fn of_io(kind: io::ErrorKind) -> Option<Self> {
        use io::ErrorKind as Kind;
        match kind {
            Kind::ConnectionRefused => Some(Self::Refused),
            Kind::TimedOut => Some(Self::Timeout),
            Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe
            | Kind::UnexpectedEof => Some(Self::Cut),
            _ => None,
        }
    }

    /// Recognises errors of the HTTP and TLS libraries, whose types are not open to us.
    fn of_text(text: &str) -> Option<Self> {
        let has = |part: &str| text.contains(part);
        if let Some((_, reason)) = text.split_once("invalid peer certificate: ") {
            return Some(Self::of_certificate(reason));
        }
        if has("corrupt message") || has("received fatal alert") || has("tls handshake eof") {
            return Some(Self::NotTls);
        }
        if has("dns error") || has("failed to lookup address") {
            return Some(Self::UnknownHost);
        }
        let is_cut = has("connection closed before message completed")
            || has("end of file before message length reached")
            || has("unexpected EOF")
            || has("stream closed because of a broken pipe");
        is_cut.then_some(Self::Cut)
    }

    fn of_certificate(reason: &str) -> Self {
        let has = |part: &str| reason.contains(part);
        if has("CaUsedAsEndEntity") {
            Self::CaCertificate
        } else if has("certificate expired") || reason == "Expired" {
            Self::OutOfTime("has expired")
        } else if has("not valid yet") || reason == "NotValidYet" {
            Self::OutOfTime("is not valid yet")
        } else {
            Self::Certificate(reason.to_owned())
        }
    }

    fn sentence(&self, server: &Server, proxy: Option<&Proxy>) -> String {
        if let Some(proxy) = proxy {
            let how = match self {
                Self::Refused => "nothing listens there",
                Self::UnknownHost => "there is no such host",
                Self::Timeout => "it does not answer",
                Self::Cut => "it hung up",
                _ => "",
            };
            if !how.is_empty() {
                return format!(
                    "can't reach {server} through the proxy {proxy}: {how}; check that variable, or name the server in NO_PROXY"
                );
            }
        }
        match self {
            Self::Refused => format!(
                "nothing listens at {server}: start the server with `dockyard serve`, or name \
                another one with --server URL"
            ),
            Self::UnknownHost => format!(
                "there is no host named {}: check the address, or name another server with \
                --server URL",
                server.authority()
            ),
            Self::Timeout => {
                format!(
                    "{server} does not answer: check the address and the network, then try again"
                )
            }
            Self::Certificate(reason) => format!(
                "the TLS certificate of {server} is not trusted ({reason}): if it comes from a \
                CA of your own, name that CA with --ca-file FILE"
            ),
            Self::CaCertificate => format!(
                "{server} shows a CA's own certificate: give the server one that is not marked \
                as a CA (openssl: -addext basicConstraints=critical,CA:FALSE)"
            ),
            Self::OutOfTime(what) => format!(
                "the TLS certificate of {server} {what}, or the clock of this machine is wrong: \
                it says {}",
                text::today()
            ),
            Self::NotTls => format!(
                "{server} does not speak TLS as expected: if it is a plain server, use http:// \
                in the address"
            ),
            Self::Cut => format!("the connection to {server} was cut before the end: try again"),
            Self::Other(reason) => format!("can't talk to {server}: {reason}"),
        }
    }
}

/// Is the next cause. An I/O error that wraps another one does not name it as its source.
pub fn inner<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let wrapped = cause
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match wrapped {
        Some(wrapped) => Some(wrapped),
        None => cause.source(),
    }
}

/// Reads a header as text.
pub fn header(response: &Response, name: &str) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

/// Reads the start of a body; a body that breaks off counts as what came of it.
async fn read_start(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > ERROR_BODY_MAX_BYTES {
            break;
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(error: io::Error) -> Trouble {
        Trouble::of(&io::Error::other(error))
    }

    #[test]
    fn finds_the_reason_in_the_innermost_cause() {
        use io::ErrorKind as Kind;
        for (kind, expected) in [
            (Kind::ConnectionRefused, Trouble::Refused),
            (Kind::TimedOut, Trouble::Timeout),
            (Kind::ConnectionReset, Trouble::Cut),
            (Kind::BrokenPipe, Trouble::Cut),
        ] {
            assert_eq!(trouble(kind.into()), expected);
        }
    }

    #[test]
    fn knows_the_words_of_the_libraries() {
        for (words, expected) in [
            (
                "invalid peer certificate: UnknownIssuer",
                Trouble::Certificate("UnknownIssuer".into()),
            ),
            (
                "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
                Trouble::CaCertificate,
            ),
            (
                "invalid peer certificate: certificate expired: verification time 2 (UNIX), but \
                certificate is not valid after 1 (1 seconds ago)",
                Trouble::OutOfTime("has expired"),
            ),
            (
                "received corrupt message of type InvalidContentType",
                Trouble::NotTls,
            ),
            ("dns error", Trouble::UnknownHost),
            ("connection closed before message completed", Trouble::Cut),
            ("something new", Trouble::Other("something new".into())),
        ] {
            assert_eq!(trouble(io::Error::other(words)), expected);
        }
    }

    #[test]
    fn every_sentence_names_the_server_and_stays_on_one_line() {
        let server: Server = "https://images.example.com".parse().unwrap();
        for trouble in [
            Trouble::Refused,
            Trouble::UnknownHost,
            Trouble::Timeout,
            Trouble::Certificate("UnknownIssuer".into()),
            Trouble::CaCertificate,
            Trouble::OutOfTime("has expired"),
            Trouble::NotTls,
            Trouble::Cut,
            Trouble::Other("odd".into()),
        ] {
            let sentence = trouble.sentence(&server, None);
            assert!(sentence.contains("images.example.com"), "{sentence}");
            assert!(!sentence.contains('\n'), "{sentence}");
        }
    }
}
