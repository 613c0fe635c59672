//! Searching, as its page asks and shows.

use dockyard_oci::Visibility;
use serde::{Deserialize, Serialize};

use super::RepositoryCard;

/// The order of results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchSort {
    #[default]
    Best,
    Stars,
    Pulls,
    Pushed,
}

impl SearchSort {
    pub const ALL: [Self; 4] = [Self::Best, Self::Pulls, Self::Stars, Self::Pushed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Stars => "stars",
            Self::Pulls => "pulls",
            Self::Pushed => "pushed",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Best => "Best match",
            Self::Stars => "Most stars",
            Self::Pulls => "Most pulled",
            Self::Pushed => "Newest push",
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

/// What the address of the page asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchQuery {
    pub text: String,
    pub sort: SearchSort,
    pub platform: Option<String>,
    pub namespace: Option<String>,
    pub visibility: Option<Visibility>,
    /// Counts from 1.
    pub page: u32,
}

impl SearchQuery {
    /// Tells whether the results are narrowed down.
    pub const fn is_filtered(&self) -> bool {
        self.platform.is_some() || self.namespace.is_some() || self.visibility.is_some()
    }
}

/// A page of search results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchPage {
    pub asked: SearchQuery,
    pub total: u64,
    pub has_next: bool,
    pub repositories: Vec<RepositoryCard>,
    pub platforms: Vec<FacetValue>,
    pub namespaces: Vec<FacetValue>,
    /// How many of the results are private, and the viewer's own.
    pub private: u64,
    /// The words that were looked for, in lower case.
    pub words: Vec<String>,
    /// Whether nothing was as it was typed, and this is what comes near.
    pub is_near: bool,
}

/// A value, and how many results have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacetValue {
    pub value: String,
    pub count: u64,
}
