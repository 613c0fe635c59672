//! What `docker search` asks: the first registry protocol's ping and search.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use dockyard_hub::Hub;
use dockyard_hub::search::SearchRequest;
use serde::Deserialize;
use serde_json::json;

use crate::server::caller::Credentials;
use crate::server::error::ApiError;
use crate::server::peer::Peer;

/// Results when `n` is not given, as on Docker Hub.
const RESULTS: u32 = 25;

#[derive(Deserialize)]
pub struct SearchQuery {
    #[serde(default)]
    q: String,
    n: Option<u32>,
    page: Option<u32>,
}

/// `GET /v1/_ping`.
pub async fn ping() -> impl IntoResponse {
    (
        [("x-docker-registry-standalone", "true")],
        Json(json!({ "standalone": true })),
    )
}

/// `GET /v1/search`.
pub async fn search(
    State(hub): State<Hub>,
    Query(query): Query<SearchQuery>,
    peer: Peer,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let caller = Credentials::of(&headers).caller(&hub, peer.0).await?;
    let (limit, page) = (query.n.unwrap_or(RESULTS), query.page.unwrap_or(1).max(1));
    let offset = (page - 1).saturating_mul(limit);
    let request = SearchRequest {
        text: query.q.clone(),
        limit,
        offset,
        ..SearchRequest::default()
    };
    let found = hub.search.find(&caller, peer.0, request).await?;
    let results: Vec<_> = found
        .repositories
        .iter()
        .map(|repository| {
            json!({
                "name": repository.name,
                "description": repository.description,
                "star_count": repository.stars,
                "is_official": false,
                "is_automated": false,
                "is_trusted": false,
            })
        })
        .collect();
    let body = json!({
        "query": query.q,
        "num_results": found.total,
        "num_pages": found.total.div_ceil(u64::from(limit.max(1))),
        "page": page,
        "page_size": limit,
        "results": results,
    });
    Ok(Json(body).into_response())
}
