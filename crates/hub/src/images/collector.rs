//! The collector: frees what nothing refers to any more, while everything else goes on.
//!
//! A pass marks what it finds unreferenced, and takes what was marked for longer than a grace period
//! and still is. Asking for a marked blob or manifest takes the mark off, so that a client which was
//! told "I have that" keeps it for long enough to refer to it. Every removal asks again whether the
//! thing is unreferenced, inside the transaction that removes it; objects go after their rows. What can't be
//! handled is logged and left for the next pass; the rest goes on.

mod pass;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use super::{ImageError, Uploads};
use crate::Id;
use crate::accounts::Tokens;
use crate::clock::Clock;
use crate::db::tables::{leases, outbox};
use crate::db::{Db, DbError};
use crate::store::BlobStore;
use pass::Pass;

/// How long changes are kept for search indexes that lag behind, in milliseconds: 7 days.
const OUTBOX_KEPT_MS: i64 = 7 * 24 * 3600 * 1000;

/// The lease of whoever collects in its turn.
const LEASE: &str = "collector";
/// The lease of whoever must not be collected under, held beside the other.
const KEPT_OFF: &str = "backup";
/// How long a node that died in a pass keeps the others from making one.
const TURN_MS: i64 = 5 * 60 * 1000;

/// What the collector may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectorOptions {
    /// How long a blob or an object must have been unreferenced, in milliseconds.
    pub grace_ms: i64,
    /// How long a manifest must have been without tag, index and subject, in milliseconds; `None`
    /// keeps such manifests for ever.
    pub untagged_ms: Option<i64>,
}

impl Default for CollectorOptions {
    /// A day for blobs; two weeks for manifests, in which a tag that was moved can be moved back.
    fn default() -> Self {
        Self {
            grace_ms: 24 * 3600 * 1000,
            untagged_ms: Some(14 * 24 * 3600 * 1000),
        }
    }
}

/// Whether a pass changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Collect,
    /// Only tells what a pass would take now, and what it would mark.
    DryRun,
}

/// What a pass took, or would take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    pub manifests: u64,
    /// Blobs taken out of a repository.
    pub links: u64,
    /// Blobs that no repository shows any more.
    pub blobs: u64,
    pub uploads: u64,
    /// Objects of the store that nothing stood behind.
    pub orphans: u64,
    /// Bytes of the blobs and orphans.
    pub freed_bytes: u64,
    /// Manifests, and blobs of a repository, that are unreferenced but not yet for long enough.
    pub waiting: u64,
    /// What could not be handled, and is tried again by the next pass; the log says why.
    pub failures: u64,
}

/// Frees what nothing refers to. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Collector {
    db: Db,
    store: Arc<dyn BlobStore>,
    uploads: Uploads,
    tokens: Tokens,
    clock: Clock,
}

impl Collector {
    pub(crate) const fn new(
        db: Db,
        store: Arc<dyn BlobStore>,
        uploads: Uploads,
        tokens: Tokens,
        clock: Clock,
    ) -> Self {
        Self {
            db,
            store,
            uploads,
            tokens,
            clock,
        }
    }

    /// Makes a pass if it is time for one: of all nodes one does, once an interval.
    ///
    /// `None` when it is not, or another node is at it. Errors: as `collect`.
    pub async fn collect_in_turn(
        &self,
        options: CollectorOptions,
        interval: Duration,
    ) -> Result<Option<Collected>, ImageError> {
        let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX / 2);
        let collect = self.collect(options, Mode::Collect);
        let collected = self.in_turn(LEASE, interval_ms, collect).await?;
        collected.transpose()
    }

    /// Does some work in which no collector may remove anything; `None` when one is at it, or another such work.
    pub(crate) async fn keep_off<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, DbError> {
        // Due whenever nobody has the turn.
        let work = self.in_turn(LEASE, 0, work);
        let done = self.in_turn(KEPT_OFF, 0, work).await?;
        done.transpose().map(Option::flatten)
    }

    /// Makes a pass now, also beside another; `None` while the collector is kept off. Errors: as `collect`.
    pub async fn collect_now(
        &self,
        options: CollectorOptions,
        mode: Mode,
    ) -> Result<Option<Collected>, ImageError> {
        if leases::is_held(&self.db, KEPT_OFF, self.clock.now_ms()).await? {
            return Ok(None);
        }
        self.collect(options, mode).await.map(Some)
    }

    /// Does some work in the collector's turn, if there is nobody else at it and the interval is over.
    async fn in_turn<T>(
        &self,
        lease: &'static str,
        interval_ms: i64,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, DbError> {
        let holder = Id::new();
        let started_ms = self.clock.now_ms();
        let times = (started_ms, started_ms.saturating_add(interval_ms));
        let until_ms = started_ms + TURN_MS;
        if !leases::take(&self.db, lease, holder, times, until_ms).await? {
            return Ok(None);
        }
        let done = tokio::select! {
            done = work => done,
            never = self.renew(lease, holder) => match never {},
        };
        // A little early, so that the next turn is not missed by a moment.
        let next_ms = started_ms.saturating_add(interval_ms / 10 * 9);
        leases::leave(&self.db, lease, holder, next_ms).await?;
        Ok(Some(done))
    }

    /// Keeps the lease while a pass runs.
    async fn renew(&self, lease: &'static str, holder: Id) -> Infallible {
        loop {
            tokio::time::sleep(Duration::from_millis(TURN_MS.unsigned_abs() / 5)).await;
            let until_ms = self.clock.now_ms() + TURN_MS;
            if let Err(error) = leases::renew(&self.db, lease, holder, until_ms).await {
                warn!(%error, "the collector could not renew its lease");
            }
        }
    }

    /// Makes one pass over everything. Safe beside requests, and beside another pass.
    ///
    /// Costs a few indexed reads a repository and one listing of the store; memory does not grow
    /// with what is stored.
    /// Errors: one of its parts could not be gone through; the others were all the same.
    pub async fn collect(
        &self,
        options: CollectorOptions,
        mode: Mode,
    ) -> Result<Collected, ImageError> {
        let mut pass = Pass::new(self, options, mode);
        let mut parts = vec![
            ("uploads", pass.uploads().await),
            ("repositories", pass.repositories().await),
            ("unfinished repositories", pass.unfinished().await),
            ("blobs", pass.blobs().await),
            ("orphans", pass.orphans().await),
        ];
        if mode == Mode::Collect {
            let tokens = self.tokens.delete_idle().await.map(|_| ());
            parts.push(("outbox", self.prune().await.map_err(ImageError::from)));
            parts.push(("tokens", tokens.map_err(ImageError::from)));
        }
        let failed = parts.into_iter().filter_map(|(part, result)| {
            let error = result.err()?;
            warn!(%error, part, "the collector gave up a part of its pass");
            Some(error)
        });
        // Each is logged; one is as good as another for the caller.
        failed.last().map_or(Ok(pass.result), Err)
    }

    /// Forgets changes that every search index has seen by now.
    async fn prune(&self) -> Result<(), DbError> {
        let newest = outbox::newest(&self.db).await?;
        outbox::prune(&self.db, newest, self.clock.now_ms() - OUTBOX_KEPT_MS).await?;
        Ok(())
    }
}
