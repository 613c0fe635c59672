//! Images: repositories, uploads, blobs, manifests, tags, and tarballs in and out.
//!
//! Every service method takes a `Grant`. Changes that search must see write an outbox row in their
//! own transaction; nothing here calls search.

pub mod archive;
mod blobs;
mod bodies;
mod checked;
mod claims;
mod collector;
mod error;
mod hasher;
mod history;
mod manifest_bytes;
mod manifests;
mod page;
mod platforms;
mod problem;
mod pulls;
mod reclaim;
mod referrers;
mod repositories;
mod stars;
mod tags;
mod uploads;
mod verifier;

use bytes::Bytes;
use dockyard_oci::{Digest, MediaType, RepositoryName, Tag, UserName, Visibility};

use crate::Id;
use crate::store::Location;

pub use blobs::Blobs;
pub use collector::{Collected, Collector, CollectorOptions, Mode};
pub use error::{ImageError, PullError, RepositoryError};
pub(crate) use hasher::Hasher;
pub use history::{History, Move, MoveKind};
pub use manifest_bytes::ManifestBytes;
pub use manifests::{ManifestPut, Manifests};
pub use page::Page;
pub use problem::Problem;
pub use pulls::{Day, Pulls};
pub use reclaim::Reclaimed;
pub use referrers::ReferrerPage;
pub use repositories::{
    DESCRIPTION_MAX_CHARS, NewRepository, README_MAX_BYTES, Repositories, RepositoryChange,
};
pub use stars::Stars;
pub use tags::{TagOrder, TagQuery, Tags};
pub use uploads::{Upload, UploadLimits, Uploads};
pub use verifier::{Repair, Verified, Verifier};

/// A repository with what its page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    pub id: Id,
    pub name: RepositoryName,
    pub owner_id: Id,
    /// Visibility in lists, and for the search.
    pub visibility: Visibility,
    /// Visibility that it takes over with its first manifest, and that holds for whoever knows its name: of a repository that
    /// a push made.
    pub becomes: Option<Visibility>,
    /// One line of plain text.
    pub description: String,
    /// Markdown.
    pub readme: String,
    pub created_ms: i64,
    /// When something was last pushed.
    pub pushed_ms: Option<i64>,
    pub tag_count: u64,
    pub stars: u64,
    pub pulls: u64,
    pub pulled_ms: Option<i64>,
    /// Bytes of the blobs that are in it.
    pub stored_bytes: u64,
    /// What the image is for that was tagged last: `linux/amd64`.
    pub platforms: Vec<String>,
}

impl Repository {
    /// Returns who may see the repository, as its owner is told.
    pub fn shown_visibility(&self) -> Visibility {
        self.becomes.unwrap_or(self.visibility)
    }

    pub(crate) fn new(
        name: RepositoryName,
        owner_id: Id,
        visibility: Visibility,
        created_ms: i64,
    ) -> Self {
        Self {
            id: Id::new(),
            name,
            owner_id,
            visibility,
            becomes: None,
            description: String::new(),
            readme: String::new(),
            created_ms,
            pushed_ms: None,
            tag_count: 0,
            stars: 0,
            pulls: 0,
            pulled_ms: None,
            stored_bytes: 0,
            platforms: Vec::new(),
        }
    }
}

/// A stored blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    pub digest: Digest,
    pub size_bytes: u64,
    pub(crate) location: Location,
}

/// A manifest byte for byte as it was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    pub digest: Digest,
    pub media_type: MediaType,
    pub bytes: Bytes,
}

/// A tag as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagSummary {
    pub name: Tag,
    pub digest: Digest,
    pub media_type: MediaType,
    /// Bytes of the config and layers; for an index, of the manifests it lists that are present.
    pub size_bytes: u64,
    pub pushed_ms: i64,
    pub pushed_by: Option<UserName>,
    /// When a client last pulled the manifest it points to.
    pub pulled_ms: Option<i64>,
    /// What the image is for, `linux/amd64`; empty for what is no image.
    pub platforms: Vec<String>,
    /// What it is, when it is no image.
    pub artifact_type: Option<MediaType>,
}
