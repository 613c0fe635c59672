//! Repositories, tags and search.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dockyard_hub::Hub;
use dockyard_hub::accounts::{AccountError, Administer, Caller, Pull};
use dockyard_hub::images::{
    NewRepository, Page, Repository, RepositoryChange, TagPage, TagSummary,
};
use dockyard_hub::search::SearchRequest;
use dockyard_oci::{RepositoryName, Visibility};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, PAGE_DEFAULT, PAGE_MAX};
use crate::server::caller::ApiCaller;
use crate::server::error::ApiError;

#[derive(Deserialize)]
pub struct ListQuery {
    n: Option<u32>,
    last: Option<String>,
}

impl ListQuery {
    fn limit(&self) -> u32 {
        self.n.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX)
    }
}

/// `GET /api/v1/repositories`: the caller's own, by name.
pub async fn list(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    Query(query): Query<ListQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let user = caller.user().ok_or(AccountError::Anonymous)?;
    let limit = query.limit();
    let page = Page {
        after: query.last,
        limit,
    };
    let found = hub.repositories.owned_by(&caller, &user.name, page).await?;
    let next = next_of(&found, limit, |repository| repository.name.as_str());
    let repositories: Vec<Value> = found.iter().map(describe).collect();
    Ok(Json(json!({ "repositories": repositories, "next": next })))
}

#[derive(Deserialize)]
pub struct NewRepositoryBody {
    name: String,
    #[serde(default)]
    visibility: Visibility,
    #[serde(default)]
    description: String,
}

/// `POST /api/v1/repositories`: makes one; a name without a namespace is the caller's own.
pub async fn create(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    Body(new): Body<NewRepositoryBody>,
) -> Result<impl IntoResponse, ApiError> {
    let user = caller.user().ok_or(AccountError::Anonymous)?;
    let NewRepositoryBody {
        name,
        visibility,
        description,
    } = new;
    let name = if name.contains('/') {
        name
    } else {
        format!("{}/{name}", user.name)
    };
    let new = NewRepository {
        name: parse(&name)?,
        visibility,
        description,
    };
    let repository = hub.repositories.create(&caller, new).await?;
    Ok((StatusCode::CREATED, Json(describe(&repository))))
}

/// `GET /api/v1/repositories/{name}`, and `…/-/tags` of it.
pub async fn show(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    Path(path): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    match path.split_once("/-/") {
        None => {
            let grant = hub
                .access
                .authorize::<Pull>(&caller, &parse(&path)?)
                .await?;
            let repository = hub.repositories.show(&grant).await?;
            let mut body = describe(&repository);
            body["readme"] = repository.readme.into();
            Ok(Json(body).into_response())
        }
        Some((name, "tags")) => tags(&hub, &caller, &parse(name)?, query).await,
        Some(_) => Err(ApiError::not_found(
            "there is nothing at this address of the API",
        )),
    }
}

async fn tags(
    hub: &Hub,
    caller: &Caller,
    name: &RepositoryName,
    query: ListQuery,
) -> Result<Response, ApiError> {
    let grant = hub.access.authorize::<Pull>(caller, name).await?;
    let limit = query.limit();
    let found = hub
        .tags
        .list(
            &grant,
            TagPage {
                after: query.last,
                limit,
            },
        )
        .await?;
    let next = next_of(&found, limit, |tag| tag.name.as_str());
    let tags: Vec<Value> = found.iter().map(describe_tag).collect();
    Ok(Json(json!({ "tags": tags, "next": next })).into_response())
}

#[derive(Deserialize)]
pub struct ChangeBody {
    description: Option<String>,
    readme: Option<String>,
    visibility: Option<Visibility>,
}

/// `PATCH /api/v1/repositories/{name}`: changes what is given.
pub async fn change(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    Path(path): Path<String>,
    Body(change): Body<ChangeBody>,
) -> Result<impl IntoResponse, ApiError> {
    let grant = hub
        .access
        .authorize::<Administer>(&caller, &parse(&path)?)
        .await?;
    let ChangeBody {
        description,
        readme,
        visibility,
    } = change;
    let change = RepositoryChange {
        description,
        readme,
        visibility,
    };
    let repository = hub.repositories.change(&grant, change).await?;
    Ok(Json(describe(&repository)))
}

/// `DELETE /api/v1/repositories/{name}`: deletes it with everything in it.
pub async fn delete(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    Path(path): Path<String>,
) -> Result<StatusCode, ApiError> {
    let grant = hub
        .access
        .authorize::<Administer>(&caller, &parse(&path)?)
        .await?;
    hub.repositories.delete(&grant).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
pub struct SearchQuery {
    #[serde(default)]
    q: String,
    n: Option<u32>,
    page: Option<u32>,
}

/// `GET /api/v1/search`: what the caller may see, best first.
pub async fn search(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    Query(query): Query<SearchQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let limit = query
        .n
        .unwrap_or(25)
        .clamp(1, dockyard_hub::search::LIMIT_MAX);
    let offset = (query.page.unwrap_or(1).max(1) - 1).saturating_mul(limit);
    let request = SearchRequest {
        text: query.q.clone(),
        limit,
        offset,
    };
    let found = hub.search.find(&caller, request).await?;
    let repositories: Vec<Value> = found.repositories.iter().map(describe).collect();
    Ok(Json(
        json!({ "query": query.q, "total": found.total, "repositories": repositories }),
    ))
}

fn describe(repository: &Repository) -> Value {
    json!({
        "name": repository.name,
        "visibility": repository.visibility,
        "description": repository.description,
        "created_ms": repository.created_ms,
        "pushed_ms": repository.pushed_ms,
        "tag_count": repository.tag_count,
    })
}

fn describe_tag(tag: &TagSummary) -> Value {
    json!({
        "name": tag.name,
        "digest": tag.digest,
        "media_type": tag.media_type,
        "size_bytes": tag.size_bytes,
        "pushed_ms": tag.pushed_ms,
        "pushed_by": tag.pushed_by,
    })
}

fn parse(name: &str) -> Result<RepositoryName, ApiError> {
    name.parse()
        .map_err(|error| ApiError::bad_request("NAME_INVALID", error))
}

fn next_of<'a, T>(found: &'a [T], limit: u32, key: impl Fn(&'a T) -> &'a str) -> Option<&'a str> {
    let full = found.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    found.last().filter(|_| full).map(key)
}
