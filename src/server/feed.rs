//! The feed of a repository: what happened to its tags, for programs that read news.
//!
//! Source: RFC 4287, "The Atom Syndication Format".

use std::fmt::Write as _;

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use dockyard_hub::accounts::Pull;
use dockyard_hub::images::{Move, MoveKind, Repository};

use super::AppState;
use super::caller::ApiCaller;
use super::error::ApiError;
use super::xml::escaped;
use crate::web::addresses;
use crate::web::dto::Moment;

/// Entries of a feed.
const ENTRIES: u32 = 50;
/// What stands after the name of a repository in the address.
const ENDING: &str = ".atom";

/// `GET /feeds/{repository}.atom`: the last moves of its tags, for those who may see it.
pub async fn of_repository(
    State(state): State<AppState>,
    ApiCaller(caller): ApiCaller,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let nothing = || ApiError::not_found("there is no such feed");
    let name = path.strip_suffix(ENDING).ok_or_else(nothing)?;
    let name = name.parse().map_err(|_| nothing())?;
    let grant = state.hub.access.authorize::<Pull>(&caller, &name).await?;
    let repository = state.hub.repositories.show(&grant).await?;
    let moves = state
        .hub
        .history
        .of_repository(&grant, None, ENTRIES)
        .await?;
    let etag = etag(&repository, &moves);
    let known = headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    if known == Some(etag.as_str()) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let base_url = escaped(&state.base_url(&headers));
    let feed = write_feed(&base_url, &repository, &moves);
    let headers = [
        (
            CONTENT_TYPE,
            "application/atom+xml; charset=utf-8".to_owned(),
        ),
        (CACHE_CONTROL, "private, no-cache".to_owned()),
        (ETAG, etag),
    ];
    Ok((headers, feed).into_response())
}

/// Changes whenever the feed does.
fn etag(repository: &Repository, moves: &[Move]) -> String {
    let last = moves.first();
    let (at, tag) = last.map_or((0, ""), |one| (one.moved_ms, one.tag.as_str()));
    format!("\"{}-{at}-{tag}-{}\"", repository.id, moves.len())
}

fn write_feed(base_url: &str, repository: &Repository, moves: &[Move]) -> String {
    let name = repository.name.as_str();
    let updated = moves
        .first()
        .map_or(repository.created_ms, |one| one.moved_ms);
    let mut feed = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    let _ = write!(
        feed,
        "<feed xmlns=\"http://www.w3.org/2005/Atom\">\n\
         <id>urn:x-dockyard:{}</id>\n<title>{}</title>\n<subtitle>{}</subtitle>\n<updated>{}</updated>\n\
         <link rel=\"self\" type=\"application/atom+xml\" href=\"{base_url}{}\"/>\n\
         <link rel=\"alternate\" type=\"text/html\" href=\"{base_url}{}\"/>\n\
         <generator>Dockyard</generator>\n",
        repository.id,
        escaped(name),
        escaped(&repository.description),
        Moment::of_ms(updated).iso,
        addresses::feed(name),
        addresses::repository(name),
    );
    for one in moves {
        entry(&mut feed, base_url, repository, one);
    }
    feed.push_str("</feed>\n");
    feed
}

fn entry(feed: &mut String, base_url: &str, repository: &Repository, one: &Move) {
    let name = repository.name.as_str();
    let what = match one.kind {
        MoveKind::Push => "pushed",
        MoveKind::Restore => "restored",
        MoveKind::Delete => "deleted",
    };
    let author = one
        .moved_by
        .as_ref()
        .map_or("someone", |user| user.as_str());
    let digest = one
        .digest
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let _ = write!(
        feed,
        "<entry>\n<id>urn:x-dockyard:{}:{}:{}</id>\n<title>{what} {}:{}</title>\n<updated>{}</updated>\n\
         <author><name>{}</name></author>\n\
         <link rel=\"alternate\" type=\"text/html\" href=\"{base_url}{}\"/>\n\
         <content type=\"text\">{}</content>\n</entry>\n",
        repository.id,
        escaped(one.tag.as_str()),
        one.moved_ms,
        escaped(name),
        escaped(one.tag.as_str()),
        Moment::of_ms(one.moved_ms).iso,
        escaped(author),
        addresses::tag(name, one.tag.as_str()),
        escaped(&digest),
    );
}
