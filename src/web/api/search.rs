//! Searching.

use dockyard_oci::Visibility;
use leptos::prelude::*;

use crate::web::dto::{SearchPage, SearchSort};
use crate::web::error::AppError;

#[cfg(feature = "ssr")]
use {
    crate::server::web::{current, peer},
    crate::web::dto::{FacetValue, SearchQuery},
    crate::web::response::failed,
    dockyard_hub::search::{SearchFilter, SearchRequest, SearchSort as Order},
};

/// Results on one page: what fits a screen or two.
#[cfg(feature = "ssr")]
const PAGE_LEN: u32 = 20;
/// Names that are suggested while one types.
#[cfg(feature = "ssr")]
const SUGGESTED: u32 = 8;

/// Finds repositories by words; pages count from 1.
#[server(name = FindRepositories, prefix = "/api/web", endpoint = "search")]
pub async fn search(
    text: String,
    sort: Option<SearchSort>,
    platform: Option<String>,
    namespace: Option<String>,
    visibility: Option<Visibility>,
    page: u32,
) -> Result<SearchPage, AppError> {
    let asked = SearchQuery {
        text,
        sort: sort.unwrap_or_default(),
        platform,
        namespace,
        visibility,
        page: page.max(1),
    };
    find(asked).await.map_err(failed)
}

/// Suggests names that begin as the text does.
#[server(name = SuggestRepositories, prefix = "/api/web", endpoint = "suggest")]
pub async fn suggest(text: String) -> Result<Vec<String>, AppError> {
    names(&text).await.map_err(failed)
}

#[cfg(feature = "ssr")]
async fn find(asked: SearchQuery) -> Result<SearchPage, AppError> {
    let (hub, caller) = current().await?;
    let offset = (asked.page - 1).saturating_mul(PAGE_LEN);
    let request = SearchRequest {
        text: asked.text.clone(),
        filter: SearchFilter {
            platform: asked.platform.clone(),
            namespace: asked.namespace.clone(),
            visibility: asked.visibility,
        },
        sort: match asked.sort {
            SearchSort::Best => Order::Best,
            SearchSort::Stars => Order::Stars,
            SearchSort::Pulls => Order::Pulls,
            SearchSort::Pushed => Order::Pushed,
        },
        limit: PAGE_LEN,
        offset,
    };
    let found = hub.search.find(&caller, peer(), request).await?;
    let private = Visibility::Private.as_str();
    let mut visibilities = found.facets.visibilities.iter();
    Ok(SearchPage {
        asked,
        total: found.total,
        has_next: u64::from(offset) + u64::from(PAGE_LEN) < found.total,
        repositories: found.repositories.into_iter().map(Into::into).collect(),
        private: visibilities
            .find(|(value, _)| value == private)
            .map_or(0, |(_, count)| *count),
        platforms: values(found.facets.platforms),
        namespaces: values(found.facets.namespaces),
        words: found.words,
        is_near: found.is_near,
    })
}

#[cfg(feature = "ssr")]
fn values(counted: Vec<(String, u64)>) -> Vec<FacetValue> {
    let values = counted.into_iter();
    values
        .map(|(value, count)| FacetValue { value, count })
        .collect()
}

#[cfg(feature = "ssr")]
async fn names(text: &str) -> Result<Vec<String>, AppError> {
    let (hub, caller) = current().await?;
    let found = hub.search.suggest(&caller, peer(), text, SUGGESTED).await?;
    Ok(found.into_iter().map(|name| name.to_string()).collect())
}
