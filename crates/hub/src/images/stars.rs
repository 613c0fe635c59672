//! Stars: who likes a repository, and follows what happens there.

use super::RepositoryError;
use crate::accounts::{Caller, Grant, Pull};
use crate::clock::Clock;
use crate::db::tables::{outbox, stars};
use crate::db::{Db, DbError};

/// Keeps stars.
#[derive(Debug, Clone)]
pub struct Stars {
    db: Db,
    clock: Clock,
}

impl Stars {
    pub(crate) const fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// Stars a repository for the caller; once is enough.
    ///
    /// Errors: `Anonymous`, also for a token of the registry protocol.
    pub async fn add(&self, caller: &Caller, grant: &Grant<Pull>) -> Result<(), RepositoryError> {
        let user = person(caller)?;
        let now_ms = self.clock.now_ms();
        let mut tx = grant.begin(&self.db).await?;
        let new = stars::insert(&mut tx, user.id, grant.repository_id(), now_ms).await;
        if matches!(new, Err(DbError::Reference)) {
            return Err(RepositoryError::Gone);
        }
        if new? {
            outbox::insert(&mut tx, grant.repository_id(), now_ms).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Takes the caller's star away; that there is none is fine.
    ///
    /// Errors: `Anonymous`.
    pub async fn remove(
        &self,
        caller: &Caller,
        grant: &Grant<Pull>,
    ) -> Result<(), RepositoryError> {
        let user = person(caller)?;
        let mut tx = grant.begin(&self.db).await?;
        if stars::delete(&mut tx, user.id, grant.repository_id()).await? {
            outbox::insert(&mut tx, grant.repository_id(), self.clock.now_ms()).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Tells whether the caller starred a repository.
    pub async fn has(&self, caller: &Caller, grant: &Grant<Pull>) -> Result<bool, DbError> {
        match caller.user() {
            Some(user) => stars::exists(&self.db, user.id, grant.repository_id()).await,
            None => Ok(false),
        }
    }
}

fn person(caller: &Caller) -> Result<&crate::accounts::User, RepositoryError> {
    caller.writer().ok_or(RepositoryError::Anonymous)
}
