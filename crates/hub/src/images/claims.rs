//! Which uploads a request is writing to: each has one writer at a time, on whichever node.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tracing::warn;

use super::ImageError;
use crate::Id;
use crate::clock::Clock;
use crate::db::Db;
use crate::db::tables::uploads;

/// How long an upload stays taken by a node that died while it wrote.
const LASTS_MS: i64 = 20_000;
/// How often a node that still writes says so.
const RENEWED_EVERY: Duration = Duration::from_secs(5);

/// The uploads that are being written to. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Claims {
    taken: Arc<Mutex<HashSet<Id>>>,
    db: Db,
    clock: Clock,
}

/// An upload that its holder alone may write to, until it is dropped.
pub(super) struct Claim {
    id: Id,
    claims: Claims,
    /// Who the database says is writing.
    writer: Id,
    is_free: AtomicBool,
}

impl Claims {
    pub(super) fn new(db: Db, clock: Clock) -> Self {
        Self {
            taken: Arc::default(),
            db,
            clock,
        }
    }

    /// Takes an upload for oneself. Errors: `UploadBusy` while another request has it.
    pub(super) async fn take(&self, id: Id) -> Result<Arc<Claim>, ImageError> {
        if !self.lock().insert(id) {
            return Err(ImageError::UploadBusy(id));
        }
        let claim = Arc::new(Claim {
            id,
            claims: self.clone(),
            writer: Id::new(),
            // In a database of one process, what the process knows is enough.
            is_free: AtomicBool::new(!self.db.is_shared()),
        });
        if self.db.is_shared() {
            if !claim.renew().await? {
                return Err(ImageError::UploadBusy(id));
            }
            tokio::spawn(keep(Arc::downgrade(&claim)));
        }
        Ok(claim)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<Id>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    pub(super) const fn id(&self) -> Id {
        self.id
    }

    /// Notes that the database was told, in the statement that recorded the bytes, that nobody writes any more.
    pub(super) fn set_free(&self) {
        self.is_free.store(true, Ordering::Relaxed);
    }

    /// Tells the other nodes that nobody writes any more.
    pub(super) async fn release(&self) -> Result<(), ImageError> {
        if !self.is_free.swap(true, Ordering::Relaxed) {
            uploads::release(&self.claims.db, self.id, self.writer).await?;
        }
        Ok(())
    }

    /// Tells the database who writes; false when somebody else does.
    async fn renew(&self) -> Result<bool, ImageError> {
        let now_ms = self.claims.clock.now_ms();
        let until_ms = now_ms + LASTS_MS;
        let db = &self.claims.db;
        Ok(uploads::claim(db, self.id, self.writer, now_ms, until_ms).await?)
    }
}

/// Renews a claim for as long as somebody has it.
async fn keep(claim: Weak<Claim>) {
    loop {
        tokio::time::sleep(RENEWED_EVERY).await;
        let Some(claim) = claim.upgrade() else { return };
        if claim.is_free.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = claim.renew().await {
            warn!(%error, "could not tell the others that the upload {} is being written to", claim.id);
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.lock().remove(&self.id);
        if self.is_free.load(Ordering::Relaxed) {
            return;
        }
        let (db, id, writer) = (self.claims.db.clone(), self.id, self.writer);
        // Without it the upload is free when the claim expires.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { uploads::release(&db, id, writer).await });
        }
    }
}
