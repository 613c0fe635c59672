//! Browser sessions. What a session holds is the server's business; it is opaque here.

use super::User;
use super::tokens::hash;
use crate::Id;
use crate::clock::Clock;
use crate::db::tables::sessions;
use crate::db::{Db, DbError};

/// A session as the server writes it.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// The value of the cookie; the database stores its hash.
    pub id: &'a str,
    pub data: Vec<u8>,
    pub expires_ms: i64,
    /// Who is logged in with it.
    pub user_id: Option<Id>,
    /// The user's, as it was when the password was checked.
    pub generation: i64,
    /// What the browser calls itself.
    pub client: &'a str,
}

/// A session as its user sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// Names the session to its user: the hash of what the cookie holds.
    pub handle: String,
    pub client: String,
    pub created_ms: i64,
    pub seen_ms: i64,
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
        let id = hash(new.id);
        let new = NewSession { id: &id, ..new };
        sessions::insert(&self.db, new, self.clock.now_ms()).await
    }

    /// Writes a session again; one that was ended stays ended.
    pub async fn save(&self, new: NewSession<'_>) -> Result<(), DbError> {
        let id = hash(new.id);
        let new = NewSession { id: &id, ..new };
        sessions::update(&self.db, new, self.clock.now_ms()).await
    }

    /// Reads a session that has not expired: its data, and when it expires in Unix milliseconds.
    pub async fn load(&self, id: &str) -> Result<Option<(Vec<u8>, i64)>, DbError> {
        sessions::find(&self.db, &hash(id), self.clock.now_ms()).await
    }

    /// Lists the sessions of a user, the one seen last first.
    pub async fn list(&self, user: &User) -> Result<Vec<SessionSummary>, DbError> {
        sessions::list(&self.db, user.id, self.clock.now_ms()).await
    }

    pub async fn delete(&self, id: &str) -> Result<(), DbError> {
        sessions::delete(&self.db, &hash(id)).await
    }

    /// Names a session to its user without telling what the cookie holds.
    pub fn handle(id: &str) -> String {
        hash(id)
    }

    /// Ends a session of a user; false when the user has no such session.
    pub async fn end(&self, user: &User, handle: &str) -> Result<bool, DbError> {
        sessions::delete_of(&self.db, user.id, handle).await
    }

    /// Ends all sessions of a user but one, and tells how many.
    pub async fn end_others(&self, user: &User, but_id: &str) -> Result<u64, DbError> {
        sessions::delete_others(&self.db, user.id, &hash(but_id)).await
    }

    /// Deletes what has expired and returns how many that were.
    pub async fn delete_expired(&self) -> Result<u64, DbError> {
        sessions::delete_expired(&self.db, self.clock.now_ms()).await
    }
}
