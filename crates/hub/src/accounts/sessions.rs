//! Browser sessions. What a session holds is the server's business; it is opaque here.

use crate::clock::Clock;
use crate::db::tables::sessions;
use crate::db::{Db, DbError};

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
    pub async fn create(&self, id: &str, data: Vec<u8>, expires_ms: i64) -> Result<(), DbError> {
        sessions::insert(&self.db, id, data, expires_ms).await
    }

    /// Writes a session again; one that was ended stays ended.
    pub async fn save(&self, id: &str, data: Vec<u8>, expires_ms: i64) -> Result<(), DbError> {
        sessions::update(&self.db, id, data, expires_ms).await
    }

    /// Reads a session that has not expired: its data, and when it expires in Unix milliseconds.
    pub async fn load(&self, id: &str) -> Result<Option<(Vec<u8>, i64)>, DbError> {
        sessions::find(&self.db, id, self.clock.now_ms()).await
    }

    pub async fn delete(&self, id: &str) -> Result<(), DbError> {
        sessions::delete(&self.db, id).await
    }

    /// Deletes what has expired and returns how many that were.
    pub async fn delete_expired(&self) -> Result<u64, DbError> {
        sessions::delete_expired(&self.db, self.clock.now_ms()).await
    }
}
