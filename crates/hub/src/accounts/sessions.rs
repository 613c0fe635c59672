//! Browser sessions. What a session holds is the server's business; it is opaque here.

use super::User;
use super::tokens::hash;
use crate::Id;
use crate::clock::Clock;
use crate::db::tables::sessions;
use crate::db::{Db, DbError};

/// Characters of a session's handle: enough to tell a user's sessions apart.
const HANDLE_CHARS: usize = 16;

/// A session as the server writes it.
#[derive(Debug)]
pub struct NewSession<'a> {
    pub id: &'a str,
    pub data: Vec<u8>,
    pub expires_ms: i64,
    /// Who is logged in with it.
    pub user_id: Option<Id>,
    /// What the browser calls itself.
    pub client: &'a str,
}

/// A session as its user sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// The secret of the cookie: for comparing alone, never to be shown.
    pub id: String,
    pub client: String,
    pub created_ms: i64,
    pub seen_ms: i64,
}

impl SessionSummary {
    /// Names the session to its user without telling the secret.
    pub fn handle(&self) -> String {
        hash(&self.id).chars().take(HANDLE_CHARS).collect()
    }
}

/// Keeps sessions in the database, so that any node can take the next request.
#[derive(Debug, Clone)]
pub struct Sessions {
    db: Db,
    clock: Clock,
}

impl Sessions {
    pub(crate) const fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// Writes a new session. Errors: `Duplicate` when the id is in use.
    pub async fn create(&self, new: NewSession<'_>) -> Result<(), DbError> {
        sessions::insert(&self.db, new, self.clock.now_ms()).await
    }

    /// Writes a session again; one that was ended stays ended.
    pub async fn save(&self, new: NewSession<'_>) -> Result<(), DbError> {
        sessions::update(&self.db, new, self.clock.now_ms()).await
    }

    /// Reads a session that has not expired: its data, and when it expires in Unix milliseconds.
    pub async fn load(&self, id: &str) -> Result<Option<(Vec<u8>, i64)>, DbError> {
        sessions::find(&self.db, id, self.clock.now_ms()).await
    }

    /// Lists the sessions of a user, the one seen last first.
    pub async fn list(&self, user: &User) -> Result<Vec<SessionSummary>, DbError> {
        sessions::list(&self.db, user.id, self.clock.now_ms()).await
    }

    pub async fn delete(&self, id: &str) -> Result<(), DbError> {
        sessions::delete(&self.db, id).await
    }

    /// Ends a session of a user; false when the user has no such session.
    pub async fn end(&self, user: &User, id: &str) -> Result<bool, DbError> {
        sessions::delete_of(&self.db, user.id, id).await
    }

    /// Ends all sessions of a user but one, and tells how many.
    pub async fn end_others(&self, user: &User, but: &str) -> Result<u64, DbError> {
        sessions::delete_others(&self.db, user.id, but).await
    }

    /// Deletes what has expired and returns how many that were.
    pub async fn delete_expired(&self) -> Result<u64, DbError> {
        sessions::delete_expired(&self.db, self.clock.now_ms()).await
    }
}
