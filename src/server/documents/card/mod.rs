//! The picture that chats and social sites show with a link: 1200 by 630 pixels, drawn here.
//!
//! What is drawn is looked up anonymously, as whoever unfolds a link has no cookie: a private repository
//! has no card, for its owner neither.

mod canvas;
mod layout;
mod text;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dockyard_hub::accounts::Caller;
use dockyard_hub::images::Repository;
use dockyard_oci::RepositoryName;
use lru::LruCache;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Document, Kind, Seen, etag, hidden, lead_on};
use crate::server::AppState;
use crate::server::error::ApiError;
use crate::server::headers::RESOURCE_POLICY;

/// Cards that are kept, of some 40 kB each: those of links that are being passed around.
const KEPT: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");
/// Cards that are drawn at once, in some 30 ms and 4 MB each: pushes and pulls come first.
const AT_ONCE: usize = 2;
/// How long a request waits for its turn before it is sent away.
const WAIT: Duration = Duration::from_secs(5);
/// Characters of a description that are looked at: more than fit.
const DESCRIPTION_CHARS: usize = 400;
/// Changes with the way cards are drawn, so that nobody keeps an older one.
const DRAWING: &[u8] = b"1";

/// What stands on a card.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Facts {
    /// Stands before the title, in a fainter colour: `alice/`.
    lead: String,
    title: String,
    description: String,
    /// One line: stars, pulls, platforms.
    line: String,
}

impl Facts {
    fn of(repository: &Repository) -> Self {
        let name = repository.name.as_str();
        let slash = name.find('/').map_or(0, |at| at + 1);
        let (lead, title) = name.split_at(slash);
        let counted = |count: u64, one: &str, many: &str| {
            let unit = if count == 1 { one } else { many };
            (count > 0).then(|| format!("{} {unit}", text::count(count)))
        };
        let stars = counted(repository.stars, "star", "stars");
        let pulls = counted(repository.pulls, "pull", "pulls");
        let platforms = text::some_of(&repository.platforms);
        let line: Vec<String> = [stars, pulls, platforms].into_iter().flatten().collect();
        Self {
            lead: lead.to_owned(),
            title: title.to_owned(),
            description: repository
                .description
                .chars()
                .take(DESCRIPTION_CHARS)
                .collect(),
            line: line.join("  ·  "),
        }
    }

    /// Is what stands on the card of the site itself.
    fn of_the_site() -> Self {
        Self {
            title: "Dockyard".to_owned(),
            description: "Push, pull and find Docker images on a hub of your own.".to_owned(),
            ..Self::default()
        }
    }

    fn etag(&self) -> String {
        let texts = [&self.lead, &self.title, &self.description, &self.line];
        let mut parts = vec![DRAWING];
        parts.extend(texts.iter().map(|text| text.as_bytes()));
        etag(&parts)
    }
}

/// Draws cards, and keeps those that were asked for last.
#[derive(Clone)]
pub struct Cards {
    turns: Arc<Semaphore>,
    kept: Arc<Mutex<LruCache<String, Bytes>>>,
}

impl Default for Cards {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            kept: Arc::new(Mutex::new(LruCache::new(KEPT))),
        }
    }
}

impl Cards {
    /// Answers with a card, and draws it only when neither client nor cache has it.
    async fn answer(
        &self,
        facts: Facts,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Response, ApiError> {
        let etag = facts.etag();
        let mut document = Document::new("image/png", Seen::ByAll, Bytes::new());
        document.etag.clone_from(&etag);
        if !document.is_known(method, headers) {
            document.bytes = self.find(&etag, facts).await?;
        }
        let mut response = document.answer(method, headers);
        let everybody = HeaderValue::from_static("cross-origin");
        response.headers_mut().insert(RESOURCE_POLICY, everybody);
        Ok(response)
    }

    async fn find(&self, etag: &str, facts: Facts) -> Result<Bytes, ApiError> {
        if let Some(bytes) = self.kept(etag) {
            return Ok(bytes);
        }
        let turn = timeout(WAIT, self.turns.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| busy())?.map_err(ApiError::internal)?;
        // Whoever had the turn before may have drawn the same.
        if let Some(bytes) = self.kept(etag) {
            return Ok(bytes);
        }
        let drawn = tokio::task::spawn_blocking(move || {
            let drawn = layout::draw(&facts);
            drop(turn);
            drawn
        });
        let drawn = drawn.await.map_err(ApiError::internal)?;
        let bytes = Bytes::from(drawn.map_err(ApiError::internal)?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(etag.to_owned(), bytes.clone());
        Ok(bytes)
    }

    fn kept(&self, etag: &str) -> Option<Bytes> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(etag).cloned()
    }
}

/// Answers with the card of a public repository.
pub(super) async fn of_repository(
    state: &AppState,
    method: &Method,
    headers: &HeaderMap,
    name: &RepositoryName,
) -> Result<Response, ApiError> {
    let grant = state.hub.access.authorize(&Caller::anonymous(), name).await;
    let grant = grant.map_err(hidden)?;
    if grant.repository() != name {
        return Ok(lead_on(grant.repository(), Kind::Card));
    }
    let repository = state.hub.repositories.show(&grant).await?;
    let facts = Facts::of(&repository);
    state.cards.answer(facts, method, headers).await
}

/// `GET /card.png`: the card of all pages that have none of their own.
pub async fn of_the_site(
    State(state): State<AppState>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let answer = state.cards.answer(Facts::of_the_site(), &method, &headers);
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

fn busy() -> ApiError {
    let message = "too many pictures are being drawn: try again in a moment";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", message)
}
