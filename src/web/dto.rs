//! What goes over the wire to the pages: plain values, ready to be shown.
//!
//! Times come as text made on the server, so that server and browser can't disagree about "now".

#[cfg(feature = "ssr")]
mod of_the_hub;

mod image;
mod search;
mod settings;

use dockyard_oci::Visibility;
pub use image::{
    ActivityPage, AttachedRow, DeletionPage, GoneTag, ImageView, LabelRow, LayerPart, LayerRow,
    MoveRow, Moved, NewsRow, PlatformRow, TagAddress, TagPage, TagRow, TagSort, TagsPage,
};
#[cfg(feature = "ssr")]
pub(in crate::web) use of_the_hub::{artifact_name, news};
pub use search::{FacetValue, SearchPage, SearchQuery, SearchSort};
use serde::{Deserialize, Serialize};
pub use settings::{AccountPage, ProfileForm, SessionRow, TokenRow, TokensPage};

/// A moment in time as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// RFC 3339, for machines.
    pub iso: String,
    /// "2 hours ago" under 30 days, the date after.
    pub relative: String,
}

impl Moment {
    /// Is the time to the minute, for people.
    pub fn exact(&self) -> String {
        let (date, time) = self.iso.split_once('T').unwrap_or_default();
        format!("{date} {} UTC", time.get(..5).unwrap_or_default())
    }
}

/// The colours a person wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads the cookie; anything unknown is the system's theme.
    pub fn of_cookie(text: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|theme| theme.as_str() == text)
            .unwrap_or_default()
    }

    /// Is the class of the `<html>` element.
    pub const fn class(self) -> &'static str {
        match self {
            Self::System => "theme-system",
            Self::Light => "theme-light",
            Self::Dark => "theme-dark",
        }
    }
}

/// Who looks at the pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    /// Name of the user; `None` for strangers.
    pub user: Option<String>,
    /// True if sign-up is open.
    pub takes_sign_ups: bool,
    pub theme: Theme,
    pub server: ServerAddress,
}

/// How this server is called in commands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerAddress {
    /// `host:port`, as it stands in image names.
    pub host: String,
    /// `http://host:port`.
    pub base_url: String,
}

/// A repository as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryCard {
    pub name: String,
    pub visibility: Visibility,
    pub description: String,
    pub tag_count: u64,
    pub stars: u64,
    pub pulls: u64,
    pub platforms: Vec<String>,
    pub pushed: Option<Moment>,
}

impl RepositoryCard {
    /// Is the name in two parts: `alice/` and `app`.
    pub fn name_parts(&self) -> (&str, &str) {
        let slash = self.name.find('/').map_or(0, |at| at + 1);
        self.name.split_at(slash)
    }
}

/// The front page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    pub viewer: Viewer,
    /// The viewer's own repositories, those pushed to last first.
    pub own: Vec<RepositoryCard>,
    /// How many repositories the viewer has, and the bytes in them.
    pub own_count: u64,
    pub own_bytes: u64,
    /// What happened in repositories that the viewer owns or starred.
    pub news: Vec<NewsRow>,
    /// Public ones that were pushed to last.
    pub recent: Vec<RepositoryCard>,
    /// Public ones that were pulled most.
    pub popular: Vec<RepositoryCard>,
}

/// What the page of a user lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserTab {
    #[default]
    Repositories,
    Stars,
}

/// The page of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPage {
    pub name: String,
    pub display_name: String,
    pub about: String,
    /// The date.
    pub joined: String,
    pub is_viewer: bool,
    pub tab: UserTab,
    pub repositories: Vec<RepositoryCard>,
    /// The name to go on after.
    pub next: Option<String>,
}

/// What every page of a repository shows at its head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryHead {
    pub card: RepositoryCard,
    /// Whether the viewer may push here, delete, and change the repository.
    pub may_change: bool,
    pub is_starred: bool,
    pub viewer: Viewer,
}

/// The page of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryPage {
    pub head: RepositoryHead,
    /// The README as safe HTML; empty when there is none.
    pub readme_html: String,
    pub created: Moment,
    pub stored_bytes: u64,
    /// Newest first, the first few.
    pub tags: Vec<TagRow>,
    /// Labels of the newest image that people look for: licence, source, version.
    pub labels: Vec<LabelRow>,
    /// Pulls on each of the last days, the last of them today.
    pub pulls: Vec<DayPulls>,
}

/// Pulls on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayPulls {
    /// As people read it: `3 May 2026`.
    pub day: String,
    pub pulls: u64,
}

/// The page where a repository is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositorySettings {
    pub head: RepositoryHead,
    /// Markdown, as it was written.
    pub readme: String,
    /// Bytes that come back when the repository is deleted.
    pub freed_bytes: u64,
}

/// A viewer's star, and the count of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StarState {
    pub starred: bool,
    pub stars: u64,
}

/// What an upload made, as `/api/v1/images` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    pub images: Vec<ImportedImage>,
    /// Digests of what is attached to the images.
    #[serde(default)]
    pub attached: Vec<String>,
    /// Entries that were not stored, each with the reason.
    #[serde(default)]
    pub left_out: Vec<String>,
}

/// One image of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedImage {
    pub repository: String,
    pub tag: Option<String>,
    pub digest: String,
    pub size_bytes: u64,
    pub layers: u64,
    pub layers_reused: u64,
}

/// Errors as `/api/v1` answers them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiErrors {
    pub errors: Vec<ApiError>,
}

/// One error of `/api/v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    pub message: String,
    #[serde(default)]
    pub detail: Option<ErrorDetail>,
}

/// Details of an error for programs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// Images of which one must be chosen.
    #[serde(default)]
    pub images: Vec<String>,
}
