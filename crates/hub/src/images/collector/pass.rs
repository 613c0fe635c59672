//! One pass of the collector, part by part.

use std::fmt::Display;

use dockyard_oci::Digest;
use futures::{StreamExt, TryStreamExt};
use tracing::{info, warn};

use super::{Collected, Collector, CollectorOptions, Mode};
use crate::Id;
use crate::db::DbError;
use crate::db::tables::{blob_marks, blobs, manifest_marks, outbox, repositories};
use crate::fault::Fault;
use crate::images::{Blob, ImageError};
use crate::store::StoredObject;

/// Rows looked up at once.
const BATCH: u32 = 500;
/// Rows changed in one transaction: short enough that a push hardly waits.
const AT_ONCE: usize = 100;
/// How long an upload that nobody writes to can be resumed, in milliseconds: 7 days.
const UPLOAD_IDLE_MS: i64 = 7 * 24 * 3600 * 1000;
/// Failures after which a part of a pass is given up: then it is not one thing that is broken, and the
/// log need not have it a million times.
const FAILURES_MAX: u64 = 100;

/// One pass.
pub(super) struct Pass<'a> {
    pub result: Collected,
    collector: &'a Collector,
    mode: Mode,
    now_ms: i64,
    grace_ms: i64,
    untagged_ms: Option<i64>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(collector: &'a Collector, options: CollectorOptions, mode: Mode) -> Self {
        Self {
            result: Collected::default(),
            collector,
            mode,
            now_ms: collector.clock.now_ms(),
            grace_ms: options.grace_ms,
            untagged_ms: options.untagged_ms,
        }
    }

    /// Gives up uploads that nobody writes to.
    pub(super) async fn uploads(&mut self) -> Result<(), ImageError> {
        let (uploads, until_ms) = (&self.collector.uploads, self.now_ms - UPLOAD_IDLE_MS);
        if self.mode == Mode::DryRun {
            self.result.uploads = uploads.count_idle(until_ms).await?;
            return Ok(());
        }
        let mut after = String::new();
        loop {
            let idle = uploads.list_idle(&after, until_ms, BATCH).await?;
            let Some(last) = idle.last() else {
                return Ok(());
            };
            after = last.id.to_string();
            for upload in idle {
                match uploads.expire(&upload, until_ms).await {
                    Ok(taken) => self.result.uploads += u64::from(taken),
                    Err(error) => self.skip(error, format_args!("upload {}", upload.id))?,
                }
            }
        }
    }

    /// Goes through every repository: its manifests, and its links to blobs.
    pub(super) async fn repositories(&mut self) -> Result<(), ImageError> {
        let mut after = String::new();
        loop {
            let found = repositories::list_all(&self.collector.db, &after, BATCH).await?;
            let Some((last, _)) = found.last() else {
                return Ok(());
            };
            after = last.to_string();
            for (id, name) in found {
                if let Err(error) = self.manifests(id).await {
                    self.skip(error, format_args!("the manifests of {name}"))?;
                }
                if let Err(error) = self.links(id).await {
                    self.skip(error, format_args!("the blobs of {name}"))?;
                }
            }
        }
    }

    /// Removes repositories that a push made and that nothing came of.
    pub(super) async fn unfinished(&mut self) -> Result<(), ImageError> {
        if self.mode == Mode::DryRun {
            return Ok(());
        }
        let (db, until_ms) = (&self.collector.db, self.now_ms - self.grace_ms);
        let mut after = String::new();
        loop {
            let found = repositories::list_unfinished(db, until_ms, &after, BATCH).await?;
            let Some((last, _)) = found.last() else {
                return Ok(());
            };
            after = last.to_string();
            for (id, name) in found {
                if let Err(error) = self.remove_unfinished(id, &name, until_ms).await {
                    self.skip(error, format_args!("the repository {name}"))?;
                }
            }
        }
    }

    async fn remove_unfinished(&self, id: Id, name: &str, until_ms: i64) -> Result<(), ImageError> {
        let mut tx = self.collector.db.begin_in(id).await?;
        if repositories::delete_abandoned(&mut tx, id, until_ms).await? {
            outbox::insert(&mut tx, id, self.now_ms).await?;
            tx.commit().await?;
            info!(%name, "a repository was removed, as nothing came of the push that made it");
        }
        Ok(())
    }

    async fn manifests(&mut self, repository_id: Id) -> Result<(), ImageError> {
        let Some(untagged_ms) = self.untagged_ms else {
            return Ok(());
        };
        let db = &self.collector.db;
        if self.mode == Mode::Collect {
            self.mark_manifests(repository_id).await?;
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

    async fn mark_manifests(&self, id: Id) -> Result<(), DbError> {
        let db = &self.collector.db;
        let mut after = String::new();
        loop {
            let found = manifest_marks::list_unreferenced(db, id, &after, BATCH).await?;
            let Some(last) = found.last() else {
                return Ok(());
            };
            after = last.to_string();
            for some in found.chunks(AT_ONCE) {
                let mut tx = db.begin_in(id).await?;
                for digest in some {
                    manifest_marks::mark(&mut tx, id, digest, self.now_ms).await?;
                }
                tx.commit().await?;
            }
        }
    }

    /// Deletes manifests that are due, and what only they held, for as long as that frees more.
    async fn take_manifests(&mut self, id: Id, untagged_ms: i64) -> Result<(), ImageError> {
        loop {
            let before = self.result.manifests;
            self.sweep_manifests(id, untagged_ms).await?;
            if self.result.manifests == before {
                return Ok(());
            }
        }
    }

    async fn sweep_manifests(&mut self, id: Id, untagged_ms: i64) -> Result<(), ImageError> {
        let until_ms = self.now_ms - untagged_ms;
        let mut after = String::new();
        loop {
            let db = &self.collector.db;
            let due = manifest_marks::list_due(db, id, &after, until_ms, BATCH).await?;
            let Some(last) = due.last() else {
                return Ok(());
            };
            after = last.to_string();
            for digest in due {
                match self.take_manifest(id, &digest, untagged_ms).await {
                    Ok(taken) => self.result.manifests += u64::from(taken),
                    Err(error) => self.skip(error, format_args!("manifest {digest}"))?,
                }
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
        let mut tx = self.collector.db.begin_in(id).await?;
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
        self.mark_links(id).await?;
        if blob_marks::count_marked(db, id).await? > 0 {
            blob_marks::unmark_referenced(db, id).await?;
            self.take_links(id, until_ms).await?;
            self.result.waiting += blob_marks::count_marked(db, id).await?;
        }
        Ok(())
    }

    async fn mark_links(&self, id: Id) -> Result<(), DbError> {
        let db = &self.collector.db;
        let mut after = String::new();
        loop {
            let found = blob_marks::list_unreferenced(db, id, &after, BATCH).await?;
            let Some(last) = found.last() else {
                return Ok(());
            };
            after = last.to_string();
            for some in found.chunks(AT_ONCE) {
                let mut tx = db.begin_in(id).await?;
                for digest in some {
                    blob_marks::mark(&mut tx, id, digest, self.now_ms).await?;
                }
                tx.commit().await?;
            }
        }
    }

    async fn take_links(&mut self, id: Id, until_ms: i64) -> Result<(), ImageError> {
        let db = &self.collector.db;
        let mut after = String::new();
        loop {
            let due = blob_marks::list_due(db, id, &after, until_ms, BATCH).await?;
            let Some(last) = due.last() else {
                return Ok(());
            };
            after = last.to_string();
            for some in due.chunks(AT_ONCE) {
                let mut taken = 0;
                let mut tx = db.begin_in(id).await?;
                for digest in some {
                    taken +=
                        u64::from(blob_marks::delete_due(&mut tx, id, digest, until_ms).await?);
                }
                Fault::CollectLink.reach();
                tx.commit().await?;
                Fault::CollectedLink.reach();
                self.result.links += taken;
            }
        }
    }

    /// Deletes blobs that no repository shows: first the row, then the object.
    pub(super) async fn blobs(&mut self) -> Result<(), ImageError> {
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
                let taken = match self.mode {
                    Mode::DryRun => Ok(true),
                    Mode::Collect => self.take_blob(blob, until_ms).await,
                };
                match taken {
                    Ok(false) => {}
                    Ok(true) => {
                        self.result.blobs += 1;
                        self.result.freed_bytes += blob.size_bytes;
                    }
                    Err(error) => self.skip(error, format_args!("blob {}", blob.digest))?,
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
        self.collector.store.delete(blob.location, None).await?;
        Fault::CollectBlobObject.reach();
        Ok(true)
    }

    /// Deletes objects that neither a blob nor an upload stands behind.
    ///
    /// An upload's row is written before its object, and a blob's row takes the upload's place in one
    /// transaction: an object that is listed before its rows are looked for can't be new.
    pub(super) async fn orphans(&mut self) -> Result<(), ImageError> {
        let until_ms = self.now_ms - self.grace_ms;
        let old = self
            .collector
            .store
            .list()
            .try_filter(|object| std::future::ready(object.at.created_ms() <= until_ms));
        let mut batches = std::pin::pin!(old.try_chunks(AT_ONCE * 5));
        while let Some(batch) = batches.next().await {
            let objects = match batch {
                Ok(objects) => objects,
                Err(error) => {
                    self.skip(error.1.into(), "a part of the store")?;
                    error.0
                }
            };
            self.take_orphans(&objects).await?;
        }
        Ok(())
    }

    async fn take_orphans(&mut self, objects: &[StoredObject]) -> Result<(), ImageError> {
        let db = &self.collector.db;
        let locations: Vec<_> = objects.iter().map(|object| object.at).collect();
        let uploaded = blobs::known_locations(db, &locations, "uploads").await?;
        let stored = blobs::known_locations(db, &locations, "blobs").await?;
        let is_known = |object: &StoredObject| {
            let is_stored = object.leftover.is_none() && stored.contains(&object.at);
            is_stored || uploaded.contains(&object.at)
        };
        for object in objects.iter().filter(|object| !is_known(object)) {
            if self.mode == Mode::Collect {
                let state = object.leftover.as_deref();
                if let Err(error) = self.collector.store.delete(object.at, state).await {
                    self.skip(error.into(), format_args!("object {}", object.at))?;
                    continue;
                }
                Fault::CollectOrphan.reach();
            }
            self.result.orphans += 1;
            self.result.freed_bytes += object.size_bytes;
        }
        Ok(())
    }

    /// Notes that something could not be handled. Errors: this happened too often.
    fn skip(&mut self, error: ImageError, what: impl Display) -> Result<(), ImageError> {
        warn!(%error, "the collector could not handle {what}, and goes on with the rest");
        self.result.failures += 1;
        if self.result.failures > FAILURES_MAX {
            return Err(error);
        }
        Ok(())
    }
}
