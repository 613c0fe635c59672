//! Searching.

use leptos::prelude::*;

use crate::web::dto::SearchPage;
use crate::web::error::AppError;

#[cfg(feature = "ssr")]
use {
    crate::server::web::current, crate::web::response::failed, dockyard_hub::search::SearchRequest,
};

/// Results on one page: what fits a screen or two.
#[cfg(feature = "ssr")]
const PAGE_LEN: u32 = 20;

/// Finds repositories by words; pages count from 1.
#[server(name = FindRepositories, prefix = "/api/web", endpoint = "search")]
pub async fn search(text: String, page: u32) -> Result<SearchPage, AppError> {
    find(text, page.max(1)).await.map_err(failed)
}

#[cfg(feature = "ssr")]
async fn find(text: String, page: u32) -> Result<SearchPage, AppError> {
    let (hub, caller) = current().await?;
    let offset = (page - 1).saturating_mul(PAGE_LEN);
    let request = SearchRequest {
        text: text.clone(),
        limit: PAGE_LEN,
        offset,
    };
    let found = hub.search.find(&caller, request).await?;
    Ok(SearchPage {
        text,
        total: found.total,
        page,
        has_next: u64::from(offset) + u64::from(PAGE_LEN) < found.total,
        repositories: found.repositories.into_iter().map(Into::into).collect(),
    })
}
