//! Browser sessions: the cookie, and its store in the hub's database.

use std::collections::HashMap;

use async_trait::async_trait;
use dockyard_hub::accounts::{NewSession, Sessions};
use dockyard_hub::db::DbError;
use time::{Duration, OffsetDateTime};
use tower_sessions::cookie::SameSite;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{Expiry, SessionManagerLayer, SessionStore};

use super::caller::{SESSION_CLIENT, SESSION_GENERATION, SESSION_USER};

/// How long a session lives without being used.
const IDLE_DAYS: i64 = 14;
/// Tries to find an id that is free; with 128 random bits, one is enough.
const ID_TRIES: u8 = 3;

/// Builds the layer that reads and writes the session cookie.
pub fn layer(sessions: Sessions, secure: Secure) -> SessionManagerLayer<SessionRows> {
    SessionManagerLayer::new(SessionRows(sessions))
        .with_name(secure.session_cookie())
        .with_same_site(SameSite::Lax)
        .with_secure(secure == Secure::Yes)
        .with_http_only(true)
        .with_expiry(Expiry::OnInactivity(Duration::days(IDLE_DAYS)))
}

/// Whether browsers may send the cookie over https only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secure {
    Yes,
    No,
}

impl Secure {
    /// Returns the name of the session cookie. With the prefix, browsers accept it from this host over HTTPS only.
    /// Source: RFC 6265bis, "The __Host- Prefix".
    pub const fn session_cookie(self) -> &'static str {
        match self {
            Self::Yes => "__Host-dockyard_session",
            Self::No => "dockyard_session",
        }
    }
}

/// Keeps session records as rows.
#[derive(Debug, Clone)]
pub struct SessionRows(Sessions);

#[async_trait]
impl SessionStore for SessionRows {
    async fn create(&self, record: &mut Record) -> Result<()> {
        for _ in 0..ID_TRIES {
            match self.0.create(encode(record, &record.id.to_string())?).await {
                Err(DbError::Duplicate) => record.id = Id::default(),
                other => return unless_deleted(other),
            }
        }
        Err(Error::Backend("no free session id".to_owned()))
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let id = record.id.to_string();
        unless_deleted(self.0.save(encode(record, &id)?).await)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some((data, expires_ms)) = self.0.load(&id.to_string()).await.map_err(backend)? else {
            return Ok(None);
        };
        let data: HashMap<String, serde_json::Value> =
            serde_json::from_slice(&data).map_err(|error| Error::Decode(error.to_string()))?;
        let expiry_date = OffsetDateTime::from_unix_timestamp(expires_ms / 1000)
            .map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record {
            id: *id,
            data,
            expiry_date,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.0.delete(&id.to_string()).await.map_err(backend)
    }
}

fn encode<'a>(record: &'a Record, id: &'a str) -> Result<NewSession<'a>> {
    let text = |key| record.data.get(key).and_then(serde_json::Value::as_str);
    let generation = record.data.get(SESSION_GENERATION);
    let generation = generation.and_then(serde_json::Value::as_i64);
    Ok(NewSession {
        id,
        data: serde_json::to_vec(&record.data).map_err(|error| Error::Encode(error.to_string()))?,
        expires_ms: record.expiry_date.unix_timestamp().saturating_mul(1000),
        user_id: text(SESSION_USER).and_then(|id| id.parse().ok()),
        generation: generation.unwrap_or_default(),
        client: text(SESSION_CLIENT).unwrap_or_default(),
    })
}

/// A session whose user was deleted meanwhile is kept nowhere, and opens nothing.
fn unless_deleted(saved: std::result::Result<(), DbError>) -> Result<()> {
    match saved {
        Err(DbError::Reference) => Ok(()),
        other => other.map_err(backend),
    }
}

fn backend(error: DbError) -> Error {
    Error::Backend(error.to_string())
}
