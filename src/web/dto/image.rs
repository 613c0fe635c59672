//! Tags and images, as their pages show them.

use serde::{Deserialize, Serialize};

use super::{Moment, RepositoryHead};

/// The order of a list of tags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TagSort {
    #[default]
    Version,
    Newest,
    Name,
}

impl TagSort {
    pub const ALL: [Self; 3] = [Self::Version, Self::Newest, Self::Name];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Newest => "newest",
            Self::Name => "name",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Version => "Version",
            Self::Newest => "Newest push",
            Self::Name => "Name",
        }
    }

    /// Reads the query of an address; anything unknown is the usual order.
    pub fn of_query(text: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|sort| sort.as_str() == text)
            .unwrap_or_default()
    }
}

/// The page with the tags of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagsPage {
    pub head: RepositoryHead,
    /// What the names must hold; empty for all.
    pub part: String,
    pub sort: TagSort,
    pub tags: Vec<TagRow>,
    /// Where the next page starts.
    pub next: Option<String>,
}

/// A tag as tables show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRow {
    pub name: String,
    pub digest: String,
    pub size_bytes: u64,
    pub pushed: Moment,
    pub pushed_by: Option<String>,
    pub pulled: Option<Moment>,
    /// `linux/amd64`; empty for what is no image.
    pub platforms: Vec<String>,
    /// What it is, when it is no image: `Helm chart`.
    pub artifact: Option<String>,
}

/// What is at the address of a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TagAddress {
    There(Box<TagPage>),
    /// It was deleted, and can perhaps be put back.
    Gone(Box<GoneTag>),
}

/// The page of a tag that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoneTag {
    pub head: RepositoryHead,
    pub tag: String,
    /// What it pointed to, newest first.
    pub history: Vec<MoveRow>,
}

/// The page of one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagPage {
    pub head: RepositoryHead,
    pub tag: TagRow,
    pub media_type: String,
    /// What an index lists; empty for a single image.
    pub platforms: Vec<PlatformRow>,
    /// The image that is shown: the only one, or the one that was chosen.
    pub image: Option<ImageView>,
    /// What names this image as its subject: signatures, lists of parts.
    pub attached: Vec<AttachedRow>,
    /// The manifest, written for people; empty when it is too long for a page.
    pub manifest: String,
    /// What the tag pointed to, newest first.
    pub history: Vec<MoveRow>,
}

/// One image of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformRow {
    /// `linux/amd64`, or what the entry is when it names no platform.
    pub name: String,
    /// Value in its address: the name, or the digest where several entries have that name.
    pub key: String,
    pub digest: String,
    pub is_shown: bool,
}

/// What is inside an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageView {
    pub digest: String,
    pub platform: Option<String>,
    pub built: Option<Moment>,
    pub size_bytes: u64,
    /// Lowest first; steps that made no layer stand between.
    pub layers: Vec<LayerRow>,
    /// Names and values, ready to be shown.
    pub settings: Vec<(String, Vec<String>)>,
    pub labels: Vec<LabelRow>,
}

/// One layer of an image, or a step of its build that made none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRow {
    /// The step that made it; empty when that is not known.
    pub step: String,
    /// `None` for a step that made no layer.
    pub layer: Option<LayerPart>,
}

/// The layer itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerPart {
    pub digest: String,
    pub media_type: String,
    pub size_bytes: u64,
    /// Bytes of this layer and all below it.
    pub upto_bytes: u64,
}

/// A label of an image or an annotation of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelRow {
    pub name: String,
    pub value: String,
    /// Where it leads, when it is an address.
    pub href: Option<String>,
}

/// Something attached to an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedRow {
    pub kind: String,
    pub digest: String,
    pub size_bytes: u64,
}

/// How a tag moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moved {
    Pushed,
    Restored,
    Deleted,
}

/// One move of a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveRow {
    pub tag: String,
    pub moved: Moved,
    pub digest: Option<String>,
    pub at: Moment,
    pub by: Option<String>,
    /// Bytes of what it pointed to, while that is kept.
    pub kept_bytes: Option<u64>,
}

/// What somebody did to tags of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewsRow {
    pub repository: String,
    /// The first few.
    pub tags: Vec<String>,
    /// How many there are beside those.
    pub more: u64,
    pub moved: Moved,
    pub at: Moment,
    pub by: Option<String>,
}

/// The page that asks before tags are deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionPage {
    pub head: RepositoryHead,
    pub tags: Vec<TagRow>,
    /// Manifests that nothing would refer to any more.
    pub manifests: u64,
    pub freed_bytes: u64,
}

/// The page of what happened in a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityPage {
    pub head: RepositoryHead,
    pub moves: Vec<MoveRow>,
    /// Where the next page starts.
    pub next: Option<String>,
}
