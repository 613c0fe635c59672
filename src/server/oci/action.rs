//! What a request under `/v2/` asks for.

use axum::http::header::LOCATION;
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use dockyard_oci::{Algorithm, Digest, MediaType, Reference, RepositoryName, Scope, Tag};
use percent_encoding::percent_decode_str;

use super::error::OciError;
use crate::server::Route;

/// Most tags of one push: each comes back as a header, and clients read about a hundred of those.
const TAGS_MAX: usize = 64;

/// One operation on a repository, or on the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// `GET /v2/`: is this a registry, and am I let in.
    Base,
    Catalog(ListQuery),
    Repository(RepositoryName, RepositoryAction),
}

/// One operation on a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryAction {
    ListTags(ListQuery),
    ReadManifest(Reference),
    PutManifest {
        reference: Reference,
        tags: Vec<Tag>,
    },
    DeleteManifest(Reference),
    ReadBlob(Digest),
    DeleteBlob(Digest),
    StartUpload(StartUpload),
    UploadStatus(String),
    AppendUpload(String),
    FinishUpload {
        id: String,
        digest: Digest,
    },
    CancelUpload(String),
    Referrers {
        subject: Digest,
        artifact_type: Option<MediaType>,
        query: ListQuery,
    },
}

/// Ways to start an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartUpload {
    /// Bytes follow later.
    Session(Algorithm),
    /// The body is the whole blob.
    Whole(Digest),
    /// The blob may be taken from another repository.
    Mount {
        digest: Digest,
        from: Option<RepositoryName>,
    },
}

/// `n` and `last` of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    pub limit: Option<u32>,
    pub last: Option<String>,
}

impl Action {
    /// Parses a request's method and address.
    ///
    /// Errors: `NoRoute` for an address that is not the protocol's, `Method` for a method that it
    /// does not have there, and one for each malformed part.
    pub fn parse(method: &Method, uri: &Uri) -> Result<Self, OciError> {
        let path = percent_decode_str(uri.path())
            .decode_utf8()
            .map_err(|_| OciError::NoRoute)?;
        let rest = path
            .strip_prefix("/v2")
            .ok_or(OciError::NoRoute)?
            .trim_start_matches('/');
        let query = Query::of(uri);
        if rest.is_empty() {
            return only_reads(method, Self::Base);
        }
        if rest == "_catalog" {
            return only_reads(method, Self::Catalog(query.list()?));
        }
        let parts: Vec<&str> = rest.split('/').collect();
        let (name, action) = match parts.as_slice() {
            [name @ .., "tags", "list"] => (
                name,
                only_reads(method, RepositoryAction::ListTags(query.list()?)),
            ),
            [name @ .., "manifests", reference] => (name, manifest(method, reference, &query)),
            [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => {
                (name, start_upload(method, &query))
            }
            [name @ .., "blobs", "uploads", id] => (name, upload(method, id, &query)),
            [name @ .., "blobs", digest] => (name, blob(method, digest)),
            [name @ .., "referrers", digest] => (name, referrers(method, digest, &query)),
            _ => return Err(OciError::NoRoute),
        };
        let name = name
            .join("/")
            .parse::<RepositoryName>()
            .map_err(OciError::Name)?;
        Ok(Self::Repository(name, action?))
    }
}

impl Action {
    /// Is the scope of a token that allows the action; `None` when none is needed.
    ///
    /// This is the one table of methods and permissions: deleting is not part of pushing.
    pub fn scope(&self) -> Option<String> {
        let (name, action) = match self {
            Self::Base => return None,
            Self::Catalog(_) => return Some(Scope::Catalog.to_string()),
            Self::Repository(name, action) => (name, action),
        };
        let actions = match action {
            RepositoryAction::ListTags(_)
            | RepositoryAction::ReadManifest(_)
            | RepositoryAction::ReadBlob(_)
            | RepositoryAction::Referrers { .. } => "pull",
            RepositoryAction::PutManifest { .. }
            | RepositoryAction::StartUpload(_)
            | RepositoryAction::UploadStatus(_)
            | RepositoryAction::AppendUpload(_)
            | RepositoryAction::FinishUpload { .. }
            | RepositoryAction::CancelUpload(_) => "pull,push",
            RepositoryAction::DeleteManifest(_) | RepositoryAction::DeleteBlob(_) => "delete",
        };
        let source = match action {
            RepositoryAction::StartUpload(StartUpload::Mount { from, .. }) => from.as_ref(),
            _ => None,
        };
        let source = source.map(|from| format!(" repository:{from}:pull"));
        Some(format!(
            "repository:{name}:{actions}{}",
            source.unwrap_or_default()
        ))
    }
}

/// Leads an address with doubled or trailing slashes to the one that is meant, as the reference implementation does.
pub fn redirect(method: &Method, uri: &Uri) -> Option<Response> {
    let path = uri.path();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let ends_in_slash = parts == ["v2"] || parts.ends_with(&["blobs", "uploads"]);
    let mut clean = format!("/{}", parts.join("/"));
    if ends_in_slash {
        clean.push('/');
    }
    // Uploads may begin without the slash: clients must not send a body twice.
    let is_same = clean == path || (parts.len() > 1 && clean.strip_suffix('/') == Some(path));
    if is_same || parts.first() != Some(&"v2") {
        return None;
    }
    if let Some(query) = uri.query() {
        clean = format!("{clean}?{query}");
    }
    let status = match *method {
        Method::GET | Method::HEAD => StatusCode::MOVED_PERMANENTLY,
        _ => StatusCode::PERMANENT_REDIRECT,
    };
    let location = HeaderValue::from_str(&clean).ok()?;
    Some((status, [(LOCATION, location)]).into_response())
}

/// Lists the routes of the protocol: each form of address with the methods that it takes.
pub fn routes() -> Vec<Route> {
    let digest = format!("sha256:{}", "0".repeat(64));
    let forms = [
        ("/v2/", ""),
        ("/v2/_catalog", ""),
        ("/v2/{repository}/tags/list", ""),
        ("/v2/{repository}/manifests/{reference}", ""),
        ("/v2/{repository}/blobs/{digest}", ""),
        ("/v2/{repository}/blobs/uploads/", ""),
        ("/v2/{repository}/blobs/uploads/{id}", "?digest={digest}"),
        ("/v2/{repository}/referrers/{digest}", ""),
    ];
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let mut routes = Vec::new();
    for (form, query) in forms {
        let uri = format!("{form}{query}")
            .replace("{repository}", "a/b")
            .replace("{reference}", "v1")
            .replace("{digest}", &digest)
            .replace("{id}", "0");
        let uri: Uri = uri.parse().expect("these are addresses");
        for name in methods {
            let method = Method::from_bytes(name.as_bytes()).expect("these are methods");
            if Action::parse(&method, &uri).is_ok() {
                routes.push(Route::new(name, form));
            }
        }
    }
    routes
}

fn only_reads<T>(method: &Method, action: T) -> Result<T, OciError> {
    if matches!(*method, Method::GET | Method::HEAD) {
        Ok(action)
    } else {
        Err(OciError::Method("GET, HEAD"))
    }
}

fn manifest(method: &Method, text: &str, query: &Query) -> Result<RepositoryAction, OciError> {
    let reference: Reference = text.parse().map_err(|error| OciError::Reference {
        text: text.to_owned(),
        reading: matches!(*method, Method::GET | Method::HEAD),
        error,
    })?;
    match *method {
        Method::GET | Method::HEAD => Ok(RepositoryAction::ReadManifest(reference)),
        Method::PUT => {
            let tags = query.all("tag").map(str::parse);
            let tags: Vec<Tag> = tags.collect::<Result<_, _>>().map_err(OciError::Tag)?;
            if tags.len() > TAGS_MAX {
                return Err(OciError::TooManyTags(TAGS_MAX));
            }
            Ok(RepositoryAction::PutManifest { reference, tags })
        }
        Method::DELETE => Ok(RepositoryAction::DeleteManifest(reference)),
        _ => Err(OciError::Method("GET, HEAD, PUT, DELETE")),
    }
}

fn blob(method: &Method, digest: &str) -> Result<RepositoryAction, OciError> {
    let digest = digest.parse()?;
    match *method {
        Method::GET | Method::HEAD => Ok(RepositoryAction::ReadBlob(digest)),
        Method::DELETE => Ok(RepositoryAction::DeleteBlob(digest)),
        _ => Err(OciError::Method("GET, HEAD, DELETE")),
    }
}

fn start_upload(method: &Method, query: &Query) -> Result<RepositoryAction, OciError> {
    if *method != Method::POST {
        return Err(OciError::Method("POST"));
    }
    let start = if let Some(digest) = query.first("mount") {
        // A source that can't be a name is like none.
        let from = query.first("from").and_then(|from| from.parse().ok());
        StartUpload::Mount {
            digest: digest.parse()?,
            from,
        }
    } else if let Some(digest) = query.first("digest") {
        StartUpload::Whole(digest.parse()?)
    } else {
        let algorithm = query
            .first("digest-algorithm")
            .map_or(Ok(Algorithm::Sha256), str::parse);
        StartUpload::Session(algorithm?)
    };
    Ok(RepositoryAction::StartUpload(start))
}

fn upload(method: &Method, id: &str, query: &Query) -> Result<RepositoryAction, OciError> {
    let id = id.to_owned();
    match *method {
        Method::GET => Ok(RepositoryAction::UploadStatus(id)),
        Method::PATCH => Ok(RepositoryAction::AppendUpload(id)),
        Method::DELETE => Ok(RepositoryAction::CancelUpload(id)),
        Method::PUT => {
            let digest = query
                .first("digest")
                .ok_or(OciError::DigestMissing)?
                .parse()?;
            Ok(RepositoryAction::FinishUpload { id, digest })
        }
        _ => Err(OciError::Method("GET, PATCH, PUT, DELETE")),
    }
}

fn referrers(method: &Method, digest: &str, query: &Query) -> Result<RepositoryAction, OciError> {
    let subject = digest.parse()?;
    let artifact_type = query
        .first("artifactType")
        .and_then(|text| text.parse().ok());
    let action = RepositoryAction::Referrers {
        subject,
        artifact_type,
        query: query.list()?,
    };
    only_reads(method, action)
}

/// The pairs of a query string, in order.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(uri: &Uri) -> Self {
        let text = uri.query().unwrap_or_default();
        Self(
            form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    fn list(&self) -> Result<ListQuery, OciError> {
        let limit = self
            .first("n")
            .filter(|n| !n.is_empty())
            .map(|n| n.parse::<u64>().map_err(|_| OciError::PageSize))
            .transpose()?;
        Ok(ListQuery {
            limit: limit.map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
            last: self.first("last").map(ToOwned::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: Method, uri: &str) -> Result<Action, OciError> {
        Action::parse(&method, &uri.parse().unwrap())
    }

    #[test]
    fn reads_the_protocols_addresses() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let repository = |action| Action::Repository("alice/app".parse().unwrap(), action);
        assert_eq!(parse(Method::GET, "/v2/").unwrap(), Action::Base);
        assert_eq!(parse(Method::GET, "/v2").unwrap(), Action::Base);
        let reference = Reference::Tag("v1".parse().unwrap());
        assert_eq!(
            parse(Method::HEAD, "/v2/alice/app/manifests/v1").unwrap(),
            repository(RepositoryAction::ReadManifest(reference))
        );
        let escaped = format!("/v2/alice/app/blobs/{}", digest.replace(':', "%3A"));
        assert_eq!(
            parse(Method::GET, &escaped).unwrap(),
            repository(RepositoryAction::ReadBlob(digest.parse().unwrap()))
        );
        for uri in [
            "/v2/alice/app/blobs/uploads/",
            "/v2/alice/app/blobs/uploads",
        ] {
            let start = StartUpload::Session(Algorithm::Sha256);
            let expected = repository(RepositoryAction::StartUpload(start));
            assert_eq!(parse(Method::POST, uri).unwrap(), expected);
        }
        let query = ListQuery {
            limit: Some(5),
            last: Some("v1".to_owned()),
        };
        assert_eq!(
            parse(Method::GET, "/v2/alice/app/tags/list?n=5&last=v1").unwrap(),
            repository(RepositoryAction::ListTags(query))
        );
    }

    #[test]
    fn names_may_hold_the_words_of_the_protocol() {
        let action = parse(Method::GET, "/v2/alice/manifests/blobs/tags/list").unwrap();
        assert!(
            matches!(action, Action::Repository(name, _) if name.as_str() == "alice/manifests/blobs")
        );
    }

    #[test]
    fn refuses_everything_else() {
        for (method, uri) in [
            (Method::GET, "/v2/alice/app"),
            (Method::GET, "/v2/app/manifests/v1"),
            (Method::GET, "/v2/Alice/app/manifests/v1"),
            (Method::GET, "/v2/alice/app/manifests/-x"),
            (Method::GET, "/v2/alice/app/blobs/sha256:0"),
            (Method::POST, "/v2/alice/app/manifests/v1"),
            (Method::PUT, "/v2/alice/app/blobs/uploads/x"),
            (Method::GET, "/v2/alice/app/tags/list?n=-1"),
            (Method::GET, "/v2/alice%2F..%2Fapp/tags/list"),
            (Method::GET, "/v2/%ff/tags/list"),
        ] {
            assert!(parse(method.clone(), uri).is_err(), "{method} {uri}");
        }
    }
}
