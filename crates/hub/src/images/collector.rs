//! The collector: frees what nothing refers to any more, while everything else goes on.
//!
//! A pass marks what it finds unreferenced, and takes what was marked for longer than a grace period
//! and still is. Asking for a marked blob or manifest takes the mark off, so that a client which was
//! told "I have that" keeps it for long enough to refer to it. Every removal asks again whether the
//! thing is unreferenced, inside the transaction that removes it; objects go after their rows.

use std::sync::Arc;

use dockyard_oci::Digest;
use futures::{StreamExt, TryStreamExt};

use super::{Blob, ImageError, Uploads};
use crate::Id;
use crate::accounts::Tokens;
use crate::clock::Clock;
use crate::db::tables::{blob_marks, blobs, manifest_marks, outbox, repositories};
use crate::db::{Db, DbError};
use crate::fault::Fault;
use crate::store::{BlobStore, StoredObject};

/// Rows looked up at once.
const BATCH: u32 = 500;
/// Rows changed in one transaction: short enough that a push hardly waits.
const AT_ONCE: usize = 100;
/// How long an upload that nobody writes to can be resumed, in milliseconds: 7 days.
const UPLOAD_IDLE_MS: i64 = 7 * 24 * 3600 * 1000;
/// How long changes are kept for search indexes that lag behind, in milliseconds: 7 days.
const OUTBOX_KEPT_MS: i64 = 7 * 24 * 3600 * 1000;

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

/// One pass.
struct Pass<'a> {
    collector: &'a Collector,
    mode: Mode,
    now_ms: i64,
    grace_ms: i64,
    untagged_ms: Option<i64>,
    result: Collected,
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

    /// Makes one pass over everything. Safe beside requests, and beside another pass.
    ///
    /// Costs a few indexed reads a repository and one listing of the store; memory does not grow
    /// with what is stored.
    pub async fn collect(
        &self,
        options: CollectorOptions,
        mode: Mode,
    ) -> Result<Collected, ImageError> {
        let mut pass = Pass {
            collector: self,
            mode,
            now_ms: self.clock.now_ms(),
            grace_ms: options.grace_ms,
            untagged_ms: options.untagged_ms,
            result: Collected::default(),
        };
        pass.uploads().await?;
        pass.repositories().await?;
        pass.blobs().await?;
        pass.orphans().await?;
        if mode == Mode::Collect {
            self.prune(pass.now_ms).await?;
        }
        Ok(pass.result)
    }

    /// Forgets rows that have served their purpose.
    async fn prune(&self, now_ms: i64) -> Result<(), DbError> {
        let newest = outbox::newest(&self.db).await?;
        outbox::prune(&self.db, newest, now_ms - OUTBOX_KEPT_MS).await?;
        self.tokens.delete_idle().await?;
        Ok(())
    }
}

impl Pass<'_> {
    async fn uploads(&mut self) -> Result<(), ImageError> {
        let until_ms = self.now_ms - UPLOAD_IDLE_MS;
        self.result.uploads = match self.mode {
            Mode::Collect => self.collector.uploads.expire(until_ms).await?,
            Mode::DryRun => self.collector.uploads.count_idle(until_ms).await?,
        };
        Ok(())
    }

    async fn repositories(&mut self) -> Result<(), ImageError> {
        let mut after = String::new();
        loop {
            let found = repositories::list_ids(&self.collector.db, &after, BATCH).await?;
            let Some((last, _)) = found.last() else {
                return Ok(());
            };
            after = last.to_string();
            for (id, _) in found {
                self.manifests(id).await?;
                self.links(id).await?;
            }
        }
    }

    async fn manifests(&mut self, repository_id: Id) -> Result<(), ImageError> {
        let Some(untagged_ms) = self.untagged_ms else {
            return Ok(());
        };
        let db = &self.collector.db;
        if self.mode == Mode::Collect {
            loop {
                let found = manifest_marks::list_unreferenced(db, repository_id, BATCH).await?;
                if found.is_empty() {
                    break;
                }
                for some in found.chunks(AT_ONCE) {
                    let mut tx = db.begin().await?;
                    for digest in some {
                        manifest_marks::mark(&mut tx, repository_id, digest, self.now_ms).await?;
                    }
                    tx.commit().await?;
                }
            }
        }
        let marked = manifest_marks::count_marked(db, repository_id).await?;
        if self.mode == Mode::DryRun {
            let until_ms = self.now_ms - untagged_ms;
            let due = manifest_marks::count_due(db, repository_id, until_ms).await?;
            let new = manifest_marks::count_unreferenced(db, repository_id).await?;
            self.result.manifests += due;
            self.result.waiting += marked.saturating_sub(due) + new;
            return Ok(());
        }
        if marked > 0 {
            manifest_marks::unmark_referenced(db, repository_id).await?;
            self.take_manifests(repository_id, untagged_ms).await?;
            self.result.waiting += manifest_marks::count_marked(db, repository_id).await?;
        }
        Ok(())
    }

    /// Deletes manifests that are due, and what only they held, until there are none.
    async fn take_manifests(&mut self, id: Id, untagged_ms: i64) -> Result<(), ImageError> {
        let db = &self.collector.db;
        let until_ms = self.now_ms - untagged_ms;
        loop {
            let due = manifest_marks::list_due(db, id, until_ms, BATCH).await?;
            let before = self.result.manifests;
            for digest in due {
                if self.take_manifest(id, &digest, untagged_ms).await? {
                    self.result.manifests += 1;
                }
            }
            if self.result.manifests == before {
                return Ok(());
            }
        }
    }

    /// Deletes one manifest; what it held waits for its own time from now on, as it may have been asked
    /// for while it was held.
    async fn take_manifest(
        &self,
        id: Id,
        digest: &Digest,
        untagged_ms: i64,
    ) -> Result<bool, ImageError> {
        let mut tx = self.collector.db.begin().await?;
        let held = manifest_marks::references(&mut tx, id, digest).await?;
        if !manifest_marks::delete_due(&mut tx, id, digest, self.now_ms - untagged_ms).await? {
            return Ok(false);
        }
        for manifest in &held {
            manifest_marks::mark(&mut tx, id, manifest, self.now_ms).await?;
        }
        manifest_marks::lose_subject(&mut tx, id, digest, self.now_ms).await?;
        Fault::CollectManifest.reach();
        tx.commit().await?;
        Fault::CollectedManifest.reach();
        Ok(true)
    }

    /// Takes blobs out of a repository that no manifest of it refers to.
    async fn links(&mut self, id: Id) -> Result<(), ImageError> {
        let db = &self.collector.db;
        let until_ms = self.now_ms - self.grace_ms;
        if self.mode == Mode::DryRun {
            let due = blob_marks::count_due(db, id, until_ms).await?;
            let marked = blob_marks::count_marked(db, id).await?;
            let new = blob_marks::count_unreferenced(db, id).await?;
            self.result.links += due;
            self.result.waiting += marked.saturating_sub(due) + new;
            return Ok(());
        }
        loop {
            let found = blob_marks::list_unreferenced(db, id, BATCH).await?;
            if found.is_empty() {
                break;
            }
            for some in found.chunks(AT_ONCE) {
                let mut tx = db.begin().await?;
                for digest in some {
                    blob_marks::mark(&mut tx, id, digest, self.now_ms).await?;
                }
                tx.commit().await?;
            }
        }
        if blob_marks::count_marked(db, id).await? > 0 {
            blob_marks::unmark_referenced(db, id).await?;
            self.take_links(id, until_ms).await?;
            self.result.waiting += blob_marks::count_marked(db, id).await?;
        }
        Ok(())
    }

    async fn take_links(&mut self, id: Id, until_ms: i64) -> Result<(), ImageError> {
        let db = &self.collector.db;
        loop {
            let due = blob_marks::list_due(db, id, until_ms, BATCH).await?;
            let before = self.result.links;
            for some in due.chunks(AT_ONCE) {
                let mut taken = 0;
                let mut tx = db.begin().await?;
                for digest in some {
                    taken +=
                        u64::from(blob_marks::delete_due(&mut tx, id, digest, until_ms).await?);
                }
                Fault::CollectLink.reach();
                tx.commit().await?;
                Fault::CollectedLink.reach();
                self.result.links += taken;
            }
            if self.result.links == before {
                return Ok(());
            }
        }
    }

    /// Deletes blobs that no repository shows: first the row, then the object.
    async fn blobs(&mut self) -> Result<(), ImageError> {
        let until_ms = self.now_ms - self.grace_ms;
        let mut after = String::new();
        loop {
            let db = &self.collector.db;
            let due = blobs::list_due(db, &after, until_ms, BATCH).await?;
            let Some(last) = due.last() else {
                return Ok(());
            };
            after = last.digest.to_string();
            for blob in &due {
                if self.mode == Mode::DryRun || self.take_blob(blob, until_ms).await? {
                    self.result.blobs += 1;
                    self.result.freed_bytes += blob.size_bytes;
                }
            }
        }
    }

    async fn take_blob(&self, blob: &Blob, until_ms: i64) -> Result<bool, ImageError> {
        let mut tx = self.collector.db.begin().await?;
        if !blobs::delete_due(&mut tx, blob, until_ms).await? {
            return Ok(false);
        }
        tx.commit().await?;
        Fault::CollectBlobRow.reach();
        self.collector.store.delete(blob.location).await?;
        Fault::CollectBlobObject.reach();
        Ok(true)
    }

    /// Deletes objects that neither a blob nor an upload stands behind.
    ///
    /// An upload's row is written before its object, and a blob's row takes the upload's place in one
    /// transaction: an object that is listed before its rows are looked for can't be new.
    async fn orphans(&mut self) -> Result<(), ImageError> {
        let until_ms = self.now_ms - self.grace_ms;
        let old = self
            .collector
            .store
            .list()
            .try_filter(|object| std::future::ready(object.at.created_ms() <= until_ms));
        let mut batches = std::pin::pin!(old.try_chunks(AT_ONCE * 5));
        while let Some(batch) = batches.next().await {
            self.take_orphans(&batch.map_err(|error| error.1)?).await?;
        }
        Ok(())
    }

    async fn take_orphans(&mut self, objects: &[StoredObject]) -> Result<(), ImageError> {
        let locations: Vec<_> = objects.iter().map(|object| object.at).collect();
        let known = blobs::known_locations(&self.collector.db, &locations).await?;
        for object in objects.iter().filter(|object| !known.contains(&object.at)) {
            if self.mode == Mode::Collect {
                self.collector.store.delete(object.at).await?;
                Fault::CollectOrphan.reach();
            }
            self.result.orphans += 1;
            self.result.freed_bytes += object.size_bytes;
        }
        Ok(())
    }
}
