//! Lists of the protocol: tags, repositories, referrers. Sorted, paged by key, capped.

use axum::Json;
use axum::http::HeaderName;
use axum::http::header::{CONTENT_TYPE, LINK};
use axum::response::{IntoResponse, Response};
use dockyard_hub::Hub;
use dockyard_hub::accounts::{AccessError, Caller, Pull};
use dockyard_hub::images::{Page, ReferrerPage};
use dockyard_oci::{Digest, MediaType};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::action::ListQuery;
use super::dispatch::{RepositoryRequest, add_header};
use super::error::OciError;

/// Most entries of a page, whatever `n` asks for and when it is not given: a page costs bounded
/// memory.
const PAGE_MAX: u32 = 10_000;
/// Most referrers of a page: each is a manifest that is read.
const REFERRERS_MAX: u32 = 100;

/// Source: OCI distribution-spec, "Listing Tags".
pub(super) async fn tags(
    request: RepositoryRequest<'_>,
    query: ListQuery,
) -> Result<Response, OciError> {
    let grant = request
        .hub
        .access
        .authorize::<Pull>(request.caller, request.name)
        .await?;
    let limit = limit_of(&query, PAGE_MAX);
    let page = Page {
        after: query.last.clone(),
        limit: limit + 1,
    };
    let mut tags = if limit == 0 {
        Vec::new()
    } else {
        request.hub.tags.names(&grant, page).await?
    };
    let more = shorten(&mut tags, limit);
    let body = json!({ "name": request.name, "tags": tags });
    let mut response = Json(body).into_response();
    if let Some(last) = tags.last().filter(|_| more) {
        link(
            &mut response,
            &format!("/v2/{}/tags/list", request.name),
            limit,
            last.as_str(),
            "",
        );
    }
    Ok(response)
}

/// Source: distribution, "Catalog".
pub(super) async fn catalog(
    hub: &Hub,
    caller: &Caller,
    query: ListQuery,
) -> Result<Response, OciError> {
    let limit = limit_of(&query, PAGE_MAX);
    let page = Page {
        after: query.last.clone(),
        limit: limit + 1,
    };
    let mut names = if limit == 0 {
        Vec::new()
    } else {
        hub.repositories.catalog(caller, page).await?
    };
    let more = shorten(&mut names, limit);
    let mut response = Json(json!({ "repositories": names })).into_response();
    if let Some(last) = names.last().filter(|_| more) {
        link(&mut response, "/v2/_catalog", limit, last.as_str(), "");
    }
    Ok(response)
}

/// Source: OCI distribution-spec, "Listing Referrers".
pub(super) async fn referrers(
    request: RepositoryRequest<'_>,
    subject: &Digest,
    artifact_type: Option<&MediaType>,
    query: ListQuery,
) -> Result<Response, OciError> {
    let limit = limit_of(&query, REFERRERS_MAX).max(1);
    let after = query.last.as_deref().map(str::parse).transpose()?;
    let (access, manifests) = (&request.hub.access, &request.hub.manifests);
    let page = match access.authorize::<Pull>(request.caller, request.name).await {
        Ok(grant) => {
            manifests
                .referrers(&grant, subject, artifact_type, after.as_ref(), limit)
                .await?
        }
        // This list is never "not found": nothing refers to what is not there.
        Err(AccessError::NotFound(_)) => ReferrerPage::default(),
        Err(error) => return Err(error.into()),
    };
    let body = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX,
        "manifests": page.descriptors,
    });
    let mut response = ([(CONTENT_TYPE, MediaType::OCI_INDEX)], body.to_string()).into_response();
    let mut filter = String::new();
    if let Some(artifact_type) = artifact_type {
        let name = HeaderName::from_static("oci-filters-applied");
        add_header(&mut response, name, "artifactType");
        filter = format!("&artifactType={}", escape(artifact_type.as_str()));
    }
    if let Some(next) = page.next {
        let path = format!("/v2/{}/referrers/{subject}", request.name);
        link(&mut response, &path, limit, next.as_str(), &filter);
    }
    Ok(response)
}

fn limit_of(query: &ListQuery, most: u32) -> u32 {
    query.limit.unwrap_or(most).min(most)
}

/// Cuts a list to `limit` entries and tells whether there were more.
fn shorten<T>(list: &mut Vec<T>, limit: u32) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = list.len() > limit;
    list.truncate(limit);
    more
}

/// Adds the address of the next page. Source: RFC 5988.
fn link(response: &mut Response, path: &str, limit: u32, last: &str, more: &str) {
    let next = format!(
        "<{path}?n={limit}&last={}{more}>; rel=\"next\"",
        escape(last)
    );
    add_header(response, LINK, &next);
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
