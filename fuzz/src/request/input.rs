//! The parts of a request, and how they are written: known names and any bytes, in the form that the server reads.

use arbitrary::Arbitrary;
use axum::http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

const BOUNDARY: &str = "fuzz";
/// Characters that are encoded in a path, and in a query.
const IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}');
const IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');

/// Headers that the server looks at, beside those of the credentials.
pub(super) const HEADERS: [&str; 20] = [
    "accept",
    "accept-encoding",
    "content-range",
    "content-type",
    "docker-content-digest",
    "expect",
    "forwarded",
    "host",
    "if-match",
    "if-none-match",
    "if-range",
    "oci-subject",
    "origin",
    "range",
    "referer",
    "sec-fetch-site",
    "transfer-encoding",
    "user-agent",
    "x-forwarded-for",
    "x-forwarded-host",
];

/// Parameters of addresses, fields of forms and of JSON.
const FIELDS: [&str; 34] = [
    "access_type",
    "account",
    "after",
    "artifactType",
    "client_id",
    "compat",
    "days",
    "description",
    "digest",
    "email",
    "file",
    "filter",
    "from",
    "grant_type",
    "last",
    "layers",
    "mount",
    "n",
    "name",
    "next",
    "page",
    "password",
    "platform",
    "q",
    "reach",
    "readme",
    "refresh_token",
    "repository",
    "scope",
    "size_bytes",
    "sort",
    "tag",
    "username",
    "visibility",
];

#[derive(Debug, Arbitrary)]
pub struct Input {
    /// Index into the routes.
    pub(super) route: u16,
    /// Replaces the method of the route.
    pub(super) method: Option<u8>,
    /// Values for the names in the route.
    pub(super) names: Vec<Name>,
    pub(super) query: Query,
    pub(super) headers: Vec<(u8, Vec<u8>)>,
    pub(super) who: Who,
    pub(super) body: Content,
}

#[derive(Debug, Arbitrary)]
pub(super) enum Name {
    /// One that there is.
    Known,
    Any(String),
}

#[derive(Debug, Arbitrary)]
pub(super) enum Query {
    None,
    Any(String),
    Pairs(Vec<(u8, String)>),
}

#[derive(Debug, Arbitrary)]
pub(super) enum Who {
    Nobody,
    Token,
    Session,
    Basic(String, String),
    Other(Vec<u8>),
}

#[derive(Debug, Clone, Arbitrary)]
pub(super) enum Content {
    None,
    Bytes(Vec<u8>),
    Form(Vec<(u8, String)>),
    Json(Vec<(u8, String)>),
    Parts(Vec<Part>),
}

/// A part of a form with files.
#[derive(Debug, Clone, Arbitrary)]
pub(super) struct Part {
    pub(super) name: u8,
    pub(super) file: Option<String>,
    pub(super) head: String,
    pub(super) content: Vec<u8>,
}

impl Query {
    pub(super) fn text(self) -> String {
        match self {
            Self::None => String::new(),
            Self::Any(text) => format!("?{}", utf8_percent_encode(&text, IN_QUERY)),
            Self::Pairs(pairs) => format!("?{}", form(&pairs)),
        }
    }
}

impl Content {
    /// The type and the bytes of a body.
    pub(super) fn bytes(self) -> (Option<HeaderValue>, Vec<u8>) {
        match self {
            Self::None => (None, Vec::new()),
            Self::Bytes(bytes) => (None, bytes),
            Self::Form(pairs) => {
                let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
                (Some(kind), form(&pairs).into_bytes())
            }
            Self::Json(pairs) => {
                let pairs = pairs.into_iter();
                let object = pairs.map(|(key, value)| (field(key).to_owned(), value.into()));
                let object = serde_json::Value::Object(object.collect());
                let kind = HeaderValue::from_static("application/json");
                (Some(kind), object.to_string().into_bytes())
            }
            Self::Parts(parts) => {
                let mut body = Vec::new();
                for part in parts {
                    part.write(&mut body);
                }
                body.extend(format!("--{BOUNDARY}--\r\n").bytes());
                let kind = HeaderValue::from_static("multipart/form-data; boundary=fuzz");
                (Some(kind), body)
            }
        }
    }
}

impl Part {
    fn write(self, body: &mut Vec<u8>) {
        let file = self.file.map(|file| format!("; filename=\"{file}\""));
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{}\"{}\r\n{}\r\n\r\n",
            field(self.name),
            file.unwrap_or_default(),
            self.head
        );
        body.extend(head.bytes());
        body.extend(self.content);
        body.extend(b"\r\n");
    }
}

fn field(n: u8) -> &'static str {
    FIELDS[usize::from(n) % FIELDS.len()]
}

fn form(pairs: &[(u8, String)]) -> String {
    let pair = |(key, value): &(u8, String)| {
        format!(
            "{}={}",
            field(*key),
            utf8_percent_encode(value, NON_ALPHANUMERIC)
        )
    };
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Fills in the names of a route: `/u/{user}`.
pub(super) fn path(route: &str, names: &[Name]) -> String {
    let mut names = names.iter();
    let filled = route.split('/').map(|part| {
        let is_filled = part.starts_with(['{', ':', '*']);
        match is_filled.then(|| names.next().unwrap_or(&Name::Known)) {
            None => part.to_owned(),
            Some(Name::Any(name)) => utf8_percent_encode(name, IN_PATH).to_string(),
            Some(Name::Known) if part.contains("user") => "fuzz".to_owned(),
            Some(Name::Known) if part.contains("tag") || part.contains("ref") => "v1".to_owned(),
            Some(Name::Known) => "fuzz/app".to_owned(),
        }
    });
    filled.collect::<Vec<_>>().join("/")
}
