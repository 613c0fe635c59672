//! The shapes of the server's JSON answers, as far as the command line reads them.

use anyhow::{Result, anyhow};
use dockyard_oci::Visibility;
use serde::{Deserialize, Serialize};

use crate::password::Secret;
use crate::{failure, text};

/// What `GET /api/v1` says: how a client knows that it talks to a Dockyard.
#[derive(Debug, Deserialize)]
pub struct Greeting {
    pub name: String,
}

/// Which layers a tarball may leave out.
#[derive(Debug, Deserialize)]
pub struct KnownLayers {
    pub known: Vec<String>,
}

/// The user whom the request's credentials belong to.
#[derive(Debug, Serialize, Deserialize)]
pub struct User {
    pub username: String,
}

/// A personal token, at the only time that the server shows it.
#[derive(Debug, Deserialize)]
pub struct NewToken {
    pub id: TokenId,
    pub token: Secret,
}

/// One page of repositories; `next` is the name after which the next page starts.
#[derive(Debug, Deserialize)]
pub struct RepositoryPage {
    pub repositories: Vec<Repository>,
    pub next: Option<String>,
}

/// A personal token as lists show it; times are Unix milliseconds.
#[derive(Debug, Serialize, Deserialize)]
pub struct TokenInfo {
    pub id: String,
    pub name: String,
    pub reach: String,
    pub created_ms: i64,
    pub expires_ms: Option<i64>,
    pub last_used_ms: Option<i64>,
    pub is_current: bool,
}

/// All of a user's tokens.
#[derive(Debug, Deserialize)]
pub struct TokenList {
    pub tokens: Vec<TokenInfo>,
}

/// The id of a token, whether the server writes ids as texts or as numbers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum TokenId {
    Text(String),
    Number(u64),
}

impl std::fmt::Display for TokenId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// A repository in a list or alone; times are Unix milliseconds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Repository {
    pub name: String,
    pub visibility: Visibility,
    #[serde(default)]
    pub description: String,
    pub pushed_ms: Option<i64>,
    #[serde(default)]
    pub tag_count: u64,
}

/// What is said of a repository.
#[derive(Debug, Serialize, Deserialize)]
pub struct Described {
    #[serde(default)]
    pub description: String,
    /// Markdown; left out where it was only changed.
    #[serde(default)]
    pub readme: String,
}

/// One page of what a search found, and how much there is in all.
#[derive(Debug, Deserialize)]
pub struct SearchResults {
    pub total: u64,
    pub repositories: Vec<Repository>,
}

/// One page of a repository's tags; `next` is the tag after which the next page starts.
#[derive(Debug, Deserialize)]
pub struct TagPage {
    pub tags: Vec<TagInfo>,
    pub next: Option<String>,
}

/// A tag of a repository.
#[derive(Debug, Serialize, Deserialize)]
pub struct TagInfo {
    pub name: String,
    pub digest: dockyard_oci::Digest,
    pub size_bytes: u64,
    pub pushed_ms: i64,
    pub pushed_by: Option<String>,
}

/// What an uploaded tarball became.
#[derive(Debug, Default, Deserialize)]
pub struct Import {
    pub images: Vec<ImportedImage>,
    /// Digests of what is attached to the images.
    #[serde(default)]
    pub attached: Vec<String>,
    /// Entries that were not stored, each with the reason.
    #[serde(default)]
    pub left_out: Vec<String>,
}

/// How far a tarball is that is sent in pieces, and what became of it.
#[derive(Debug, Deserialize)]
pub struct ImportState {
    pub id: String,
    /// Bytes that are there.
    pub offset: u64,
    images: Option<Vec<ImportedImage>>,
    #[serde(default)]
    attached: Vec<String>,
    #[serde(default)]
    left_out: Vec<String>,
    #[serde(default)]
    errors: Vec<ErrorEntry>,
}

impl ImportState {
    /// Is what became of it, once that is known.
    pub fn outcome(self) -> Option<Result<Import>> {
        if let Some(error) = self.errors.first() {
            let hint = failure::hint(&error.code);
            return Some(Err(anyhow!("{}{hint}", text::one_line(&error.message))));
        }
        let (attached, left_out) = (self.attached, self.left_out);
        self.images.map(|images| {
            Ok(Import {
                images,
                attached,
                left_out,
            })
        })
    }
}

/// One image of an uploaded tarball; `layers_reused` of its `layers` were stored already.
#[derive(Debug, Serialize, Deserialize)]
pub struct ImportedImage {
    pub repository: String,
    pub tag: Option<String>,
    pub digest: String,
    pub layers: u64,
    pub layers_reused: u64,
}

/// The body of every refusal, as the OCI distribution-spec lays it out.
#[derive(Debug, Deserialize)]
pub struct ErrorBody {
    pub errors: Vec<ErrorEntry>,
}

/// One error of a refusal.
#[derive(Debug, Deserialize)]
pub struct ErrorEntry {
    pub code: String,
    #[serde(default)]
    pub message: String,
}
