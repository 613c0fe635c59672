//! Pictures of public repositories for those who share a link: 1200 by 630 pixels, as Open Graph wants them.

mod canvas;
mod face;

use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use dockyard_hub::accounts::{Caller, Pull};
use dockyard_hub::images::Repository;
use lru::LruCache;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::AppState;
use super::error::ApiError;
use canvas::{Canvas, Ink};
use face::Weight;

/// Pictures that are remembered: some 25 kB each.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not zero");
/// How long others may keep a picture, in seconds: counts change, and nobody minds an hour.
const MAX_AGE: &str = "public, max-age=3600";
/// What stands before the name of a repository in the address, and after it.
const ENDING: &str = ".png";

/// Draws pictures, one at a time, and remembers the last ones. Cheap to clone.
#[derive(Clone)]
pub struct Cards {
    drawn: Arc<Mutex<LruCache<u64, Bytes>>>,
    hasher: RandomState,
    place: Arc<Semaphore>,
}

/// What a picture says.
#[derive(Hash)]
struct Card {
    title: String,
    text: String,
    facts: Vec<String>,
}

impl Default for Cards {
    fn default() -> Self {
        Self {
            drawn: Arc::new(Mutex::new(LruCache::new(REMEMBERED))),
            hasher: RandomState::new(),
            place: Arc::new(Semaphore::new(1)),
        }
    }
}

/// `GET /cards/{repository}.png`: the picture of a public repository; a private one has none, for anybody.
pub async fn of_repository(
    State(state): State<AppState>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let nothing = || ApiError::not_found("there is no such picture");
    let name = path.strip_suffix(ENDING).ok_or_else(nothing)?;
    let name = name.parse().map_err(|_| nothing())?;
    let anyone = Caller::anonymous();
    let grant = state.hub.access.authorize::<Pull>(&anyone, &name).await;
    let repository = state
        .hub
        .repositories
        .show(&grant.map_err(|_| nothing())?)
        .await?;
    state.cards.answer(Card::of(&repository), &headers).await
}

/// `GET /card.png`: the picture of the whole server.
pub async fn of_server(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let card = Card {
        title: "Dockyard".to_owned(),
        text: "Push, pull and find Docker images on a hub of your own.".to_owned(),
        facts: Vec::new(),
    };
    state.cards.answer(card, &headers).await
}

impl Cards {
    async fn answer(&self, card: Card, headers: &HeaderMap) -> Result<Response, ApiError> {
        let key = self.hasher.hash_one(&card);
        let etag = format!("\"{key:016x}\"");
        let known = headers
            .get(IF_NONE_MATCH)
            .and_then(|value| value.to_str().ok());
        if known == Some(etag.as_str()) {
            return Ok(StatusCode::NOT_MODIFIED.into_response());
        }
        let picture = match self.find(key) {
            Some(picture) => picture,
            None => self.draw(key, card).await?,
        };
        let headers = [
            (CONTENT_TYPE, "image/png".to_owned()),
            (CACHE_CONTROL, MAX_AGE.to_owned()),
            (ETAG, etag),
        ];
        Ok((headers, picture).into_response())
    }

    async fn draw(&self, key: u64, card: Card) -> Result<Bytes, ApiError> {
        let _place = self.place.acquire().await.map_err(ApiError::internal)?;
        // Someone who waited before may have asked for the same.
        if let Some(picture) = self.find(key) {
            return Ok(picture);
        }
        let drawn = spawn_blocking(move || card.draw()).await;
        let picture = drawn.map_err(ApiError::internal)?;
        let picture = Bytes::from(picture.map_err(ApiError::internal)?);
        self.drawn().put(key, picture.clone());
        Ok(picture)
    }

    fn find(&self, key: u64) -> Option<Bytes> {
        self.drawn().get(&key).cloned()
    }

    fn drawn(&self) -> std::sync::MutexGuard<'_, LruCache<u64, Bytes>> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Card {
    fn of(repository: &Repository) -> Self {
        let counted = |count: u64, what: &str| match count {
            0 => None,
            1 => Some(format!("1 {what}")),
            count => Some(format!("{count} {what}s")),
        };
        let counts = [
            counted(repository.stars, "star"),
            counted(repository.pulls, "pull"),
            counted(repository.tag_count, "tag"),
        ];
        let platforms = repository.platforms.join("  ");
        let platforms = Some(platforms).filter(|text| !text.is_empty());
        Self {
            title: repository.name.to_string(),
            text: repository.description.clone(),
            facts: counts.into_iter().flatten().chain(platforms).collect(),
        }
    }

    /// Draws the picture as PNG.
    fn draw(&self) -> Result<Vec<u8>, canvas::DrawError> {
        let mut canvas = Canvas::new()?;
        canvas.mark(80.0, 72.0, 5.0);
        canvas.line("Dockyard", Weight::Bold, 34.0, (180.0, 132.0), Ink::Text);
        let size = Canvas::fitting(&self.title, Weight::Bold, 76.0, 40.0);
        let below = canvas.lines(
            &self.title,
            Weight::Bold,
            size,
            (80.0, 290.0),
            Ink::Accent,
            2,
        );
        canvas.lines(
            &self.text,
            Weight::Regular,
            38.0,
            (80.0, below + 24.0),
            Ink::Text,
            3,
        );
        let facts = self.facts.join("    ");
        canvas.lines(&facts, Weight::Regular, 30.0, (80.0, 566.0), Ink::Faint, 1);
        canvas.png()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(title: &str, text: &str) -> Card {
        Card {
            title: title.to_owned(),
            text: text.to_owned(),
            facts: vec!["3 stars".to_owned()],
        }
    }

    #[test]
    fn draws_a_picture_of_the_size_that_is_wanted() {
        let png = card("alice/app", "An app").draw().unwrap();
        assert_eq!(png[..4], *b"\x89PNG");
        let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        assert_eq!((side(16), side(20)), (1200, 630));
        assert_ne!(png, card("alice/app", "Another").draw().unwrap());
    }

    #[test]
    fn draws_whatever_it_is_given() {
        for text in [
            "",
            "\u{202e}\u{0}\u{1f600}\u{4e2d}\u{6587}",
            &"long ".repeat(2000),
            &"x".repeat(20_000),
        ] {
            card(text, text).draw().unwrap();
        }
    }
}
