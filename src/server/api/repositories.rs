//! Repositories, tags and search.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use dockyard_hub::Hub;
use dockyard_hub::accounts::{AccountError, Administer, Caller, Pull, Push};
use dockyard_hub::images::{NewRepository, Page, Repository, RepositoryChange, TagSummary};
use dockyard_hub::search::SearchRequest;
use dockyard_oci::{Digest, RepositoryName, Tag, Visibility};
use serde::Deserialize;
use serde_json::{Value, json};

use super::manifests;
use super::{Body, PAGE_DEFAULT, PAGE_MAX};
use crate::server::caller::ApiCaller;
use crate::server::error::ApiError;
use crate::server::peer::Peer;

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

/// `GET /api/v1/repositories/{name}`, and `…/-/tags` and `…/-/manifests/{digest}` of it.
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
        Some((name, rest)) if rest.starts_with(manifests::FOLDER) => {
            manifests::show(&hub, &caller, &parse(name)?, rest).await
        }
        Some((name, rest)) if is_history(rest) => {
            history(&hub, &caller, &parse(name)?, history_tag(rest)?, query).await
        }
        Some(_) => Err(nothing()),
    }
}

fn is_history(rest: &str) -> bool {
    rest.starts_with("tags/") && rest.ends_with("/history")
}

/// Is the tag in `tags/{tag}/history`.
fn history_tag(rest: &str) -> Result<Tag, ApiError> {
    let tag = rest
        .strip_prefix("tags/")
        .and_then(|rest| rest.strip_suffix("/history"));
    tag.unwrap_or_default()
        .parse()
        .map_err(|error| ApiError::bad_request("TAG_INVALID", error))
}

/// `GET …/-/tags/{tag}/history`: what the tag pointed to, newest first; `last` is the time before which
/// the page starts.
async fn history(
    hub: &Hub,
    caller: &Caller,
    name: &RepositoryName,
    tag: Tag,
    query: ListQuery,
) -> Result<Response, ApiError> {
    let grant = hub.access.authorize::<Pull>(caller, name).await?;
    let limit = query.limit();
    let before_ms = query.last.as_deref().and_then(|text| text.parse().ok());
    let found = hub.history.of_tag(&grant, &tag, before_ms, limit).await?;
    let full = found.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.last().filter(|_| full).map(|last| last.moved_ms);
    let moves: Vec<Value> = found
        .iter()
        .map(|one| {
            json!({
                "kind": one.kind.as_str(),
                "digest": one.digest,
                "moved_ms": one.moved_ms,
                "moved_by": one.moved_by,
                "is_kept": one.kept_bytes.is_some(),
                "size_bytes": one.kept_bytes,
            })
        })
        .collect();
    Ok(Json(json!({ "moves": moves, "next": next })).into_response())
}

#[derive(Deserialize)]
pub struct RestoreBody {
    digest: Digest,
}

/// `POST …/-/tags/{tag}/history`: points the tag again at a digest that it pointed to before.
pub async fn restore(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Result<StatusCode, ApiError> {
    let (name, rest) = path.split_once("/-/").ok_or_else(nothing)?;
    if !is_history(rest) {
        return Err(nothing());
    }
    let name = parse(name)?;
    // Who may not look is told nothing; who may look but not push is told so.
    hub.access.authorize::<Pull>(&caller, &name).await?;
    let grant = hub.access.authorize::<Push>(&caller, &name).await?;
    super::require_json(&headers)?;
    let wanted: RestoreBody = super::json_of(&body)?;
    let tag = history_tag(rest)?;
    hub.history.restore(&grant, &tag, &wanted.digest).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn nothing() -> ApiError {
    ApiError::not_found("there is nothing at this address of the API")
}

/// Is the name in front of `/-/star`.
fn starred_name(path: &str) -> Option<Result<RepositoryName, ApiError>> {
    path.strip_suffix("/-/star").map(parse)
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
            Page {
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
    /// The new name, with or without the namespace.
    name: Option<String>,
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
        name,
        description,
        readme,
        visibility,
    } = change;
    let change = RepositoryChange {
        description,
        readme,
        visibility,
    };
    let mut repository = hub.repositories.change(&grant, change).await?;
    if let Some(name) = name {
        let name = if name.contains('/') {
            name
        } else {
            format!("{}/{name}", repository.name.namespace())
        };
        repository.name = parse(&name)?;
        hub.repositories.rename(&grant, &repository.name).await?;
    }
    Ok(Json(describe(&repository)))
}

/// `PUT /api/v1/repositories/{name}/-/star`: stars it for the caller.
pub async fn put(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    Path(path): Path<String>,
) -> Result<StatusCode, ApiError> {
    let name = starred_name(&path).ok_or_else(nothing)?;
    let grant = hub.access.authorize::<Pull>(&caller, &name?).await?;
    hub.stars.add(&caller, &grant).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/repositories/{name}`: deletes it with everything in it;
/// `DELETE /api/v1/repositories/{name}/-/star` takes the caller's star away.
pub async fn delete(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    Path(path): Path<String>,
) -> Result<StatusCode, ApiError> {
    if let Some(name) = starred_name(&path) {
        let grant = hub.access.authorize::<Pull>(&caller, &name?).await?;
        hub.stars.remove(&caller, &grant).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
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
    peer: Peer,
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
        ..SearchRequest::default()
    };
    let found = hub.search.find(&caller, peer.0, request).await?;
    let repositories: Vec<Value> = found.repositories.iter().map(describe).collect();
    Ok(Json(
        json!({ "query": query.q, "total": found.total, "repositories": repositories }),
    ))
}

fn describe(repository: &Repository) -> Value {
    json!({
        "name": repository.name,
        "visibility": repository.shown_visibility(),
        "description": repository.description,
        "created_ms": repository.created_ms,
        "pushed_ms": repository.pushed_ms,
        "tag_count": repository.tag_count,
        "stars": repository.stars,
        "pulls": repository.pulls,
        "pulled_ms": repository.pulled_ms,
        "stored_bytes": repository.stored_bytes,
        "platforms": repository.platforms,
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
        "pulled_ms": tag.pulled_ms,
        "platforms": tag.platforms,
        "artifact_type": tag.artifact_type,
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
