//! The verifier: reads everything that is stored again and compares it with what it should be.

use std::collections::HashSet;
use std::sync::Arc;

use dockyard_oci::{Digest, Manifest, RepositoryName};
use futures::StreamExt;

use super::hasher::Hasher;
use super::{Blob, ImageError, Problem, StoredManifest};
use crate::Id;
use crate::clock::Clock;
use crate::db::tables::{blobs, manifests, repositories, repository_blobs};
use crate::db::{Db, DbError};
use crate::store::{BlobStore, StoreError};

/// Rows looked up at once.
const BATCH: u32 = 500;
/// Manifests read at once: each may have 4 MiB.
const MANIFESTS: u32 = 4;
/// Repositories named with a damaged blob.
const NAMED: u32 = 5;

/// Whether what is found is only told, or also mended as far as that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    No,
    Yes,
}

/// What was looked at, and how it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    pub blobs: u64,
    pub bytes: u64,
    pub manifests: u64,
    /// Problems found.
    pub problems: u64,
    /// Problems that are gone now.
    pub repaired: u64,
}

/// Compares what is stored with what it should be.
#[derive(Debug, Clone)]
pub struct Verifier {
    db: Db,
    store: Arc<dyn BlobStore>,
    clock: Clock,
}

/// How a blob was found.
enum State {
    Whole,
    Damaged(String),
    Unreadable(String),
}

/// One run.
struct Run<'a> {
    verifier: &'a Verifier,
    repair: Repair,
    tell: &'a mut (dyn FnMut(&Problem) + Send),
    result: Verified,
}

impl Verifier {
    pub(crate) const fn new(db: Db, store: Arc<dyn BlobStore>, clock: Clock) -> Self {
        Self { db, store, clock }
    }

    /// Hashes every blob and manifest anew and checks every reference; each problem is told as soon
    /// as it is found. Safe while the server runs.
    ///
    /// `Repair::Yes` takes damaged blobs out of service, shows blobs again that a manifest refers to,
    /// and writes references anew.
    pub async fn verify(
        &self,
        repair: Repair,
        tell: &mut (dyn FnMut(&Problem) + Send),
    ) -> Result<Verified, ImageError> {
        let mut run = Run {
            verifier: self,
            repair,
            tell,
            result: Verified::default(),
        };
        for text in self.db.check().await? {
            run.found(&Problem::Database(text));
        }
        run.blobs().await?;
        run.repositories().await?;
        Ok(run.result)
    }

    /// Reads a blob to its end and tells how it is.
    async fn look_at(&self, blob: &Blob) -> State {
        let mut stream = match self.store.read(blob.location, 0..u64::MAX).await {
            Err(StoreError::Missing(_)) => return State::Damaged("its object is gone".to_owned()),
            Err(error) => return State::Unreadable(error.to_string()),
            Ok(stream) => stream,
        };
        let mut hasher = Hasher::new(blob.digest.algorithm());
        let mut size = 0;
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(chunk) => {
                    hasher.update(&chunk);
                    size += chunk.len() as u64;
                }
                Err(error) => return State::Unreadable(error.to_string()),
            }
        }
        let (actual, expected) = (hasher.finish(), blob.size_bytes);
        if size != expected {
            State::Damaged(format!("it has {size} bytes instead of {expected}"))
        } else if actual != blob.digest {
            State::Damaged(format!("its bytes hash to {actual}"))
        } else {
            State::Whole
        }
    }

    /// Tells whether a blob is still stored as it was listed: it may have been collected meanwhile.
    async fn is_current(&self, blob: &Blob) -> Result<bool, ImageError> {
        let mut tx = self.db.begin().await?;
        let place = blobs::find_place(&mut tx, &blob.digest).await?;
        Ok(place.is_some_and(|place| place.location == blob.location))
    }
}

impl Run<'_> {
    fn found(&mut self, problem: &Problem) {
        self.result.problems += 1;
        self.result.repaired += u64::from(problem.is_repaired());
        (self.tell)(problem);
    }

    async fn blobs(&mut self) -> Result<(), ImageError> {
        let mut after = String::new();
        loop {
            let found = blobs::list(&self.verifier.db, &after, BATCH).await?;
            let Some((last, _)) = found.last() else {
                return Ok(());
            };
            after = last.digest.to_string();
            for (blob, was_damaged) in found {
                self.blob(&blob, was_damaged).await?;
            }
        }
    }

    async fn blob(&mut self, blob: &Blob, was_damaged: bool) -> Result<(), ImageError> {
        let verifier = self.verifier;
        self.result.blobs += 1;
        self.result.bytes += blob.size_bytes;
        let state = verifier.look_at(blob).await;
        let is_as_expected = matches!(state, State::Whole) && !was_damaged;
        if is_as_expected || !verifier.is_current(blob).await? {
            return Ok(());
        }
        let (repair, digest) = (self.repair == Repair::Yes, blob.digest.clone());
        let problem = match state {
            State::Whole => Problem::BlobWhole {
                repaired: repair && blobs::set_whole(&verifier.db, blob).await?,
                digest,
            },
            State::Unreadable(error) => Problem::BlobUnreadable { digest, error },
            State::Damaged(what) => {
                let (db, now_ms) = (&verifier.db, verifier.clock.now_ms());
                let taken = repair && !was_damaged && blobs::set_damaged(db, blob, now_ms).await?;
                Problem::BlobDamaged {
                    repositories: repository_blobs::repositories_of(db, &digest, NAMED).await?,
                    quarantined: was_damaged || taken,
                    digest,
                    what,
                }
            }
        };
        self.found(&problem);
        Ok(())
    }

    async fn repositories(&mut self) -> Result<(), ImageError> {
        let mut after = String::new();
        loop {
            let found = repositories::list_ids(&self.verifier.db, &after, BATCH).await?;
            let Some((last, _)) = found.last() else {
                return Ok(());
            };
            after = last.to_string();
            for (id, name) in found {
                self.repository(id, &name).await?;
            }
        }
    }

    async fn repository(&mut self, id: Id, name: &RepositoryName) -> Result<(), ImageError> {
        let mut after = String::new();
        loop {
            let found = manifests::list(&self.verifier.db, id, &after, MANIFESTS).await?;
            let Some(last) = found.last() else {
                return Ok(());
            };
            after = last.digest.to_string();
            for stored in found {
                self.manifest(id, name, &stored).await?;
            }
        }
    }

    async fn manifest(
        &mut self,
        id: Id,
        name: &RepositoryName,
        stored: &StoredManifest,
    ) -> Result<(), ImageError> {
        self.result.manifests += 1;
        let digest = &stored.digest;
        let parsed = Manifest::parse(&stored.bytes, Some(stored.media_type.as_str()));
        let is_whole = Hasher::digest(digest.algorithm(), &stored.bytes) == *digest;
        let Some(manifest) = parsed.ok().filter(|_| is_whole) else {
            self.found(&Problem::ManifestDamaged {
                repository: name.clone(),
                digest: digest.clone(),
            });
            return Ok(());
        };
        self.references(id, name, digest, &manifest).await?;
        let needed: Vec<&Digest> = manifest.required_blobs().map(|blob| &blob.digest).collect();
        let shown = repository_blobs::find_many(&self.verifier.db, id, &needed).await?;
        let shown: HashSet<&Digest> = shown.iter().map(|blob| &blob.digest).collect();
        for missing in needed.into_iter().filter(|digest| !shown.contains(digest)) {
            if let Some(problem) = self.missing_blob(id, name, digest, missing).await? {
                self.found(&problem);
            }
        }
        Ok(())
    }

    async fn missing_blob(
        &self,
        id: Id,
        name: &RepositoryName,
        manifest: &Digest,
        digest: &Digest,
    ) -> Result<Option<Problem>, DbError> {
        let mut tx = self.verifier.db.begin_in(id).await?;
        // It may have been deleted since it was listed.
        if !manifests::exists(&mut tx, id, manifest).await? {
            return Ok(None);
        }
        let (repository, manifest, digest) = (name.clone(), manifest.clone(), digest.clone());
        let place = blobs::find_place(&mut tx, &digest).await?;
        if place.is_none_or(|place| place.is_damaged) {
            return Ok(Some(Problem::BlobMissing {
                repository,
                manifest,
                digest,
            }));
        }
        let repaired = self.repair == Repair::Yes;
        if repaired {
            repository_blobs::link(&mut tx, id, &digest, self.verifier.clock.now_ms()).await?;
            tx.commit().await?;
        }
        Ok(Some(Problem::BlobHidden {
            repository,
            manifest,
            digest,
            repaired,
        }))
    }

    /// Compares the rows of a manifest's references with the manifest.
    async fn references(
        &mut self,
        id: Id,
        name: &RepositoryName,
        digest: &Digest,
        manifest: &Manifest,
    ) -> Result<(), ImageError> {
        let rows = manifests::references(&self.verifier.db, id, digest).await?;
        let rows: HashSet<&Digest> = rows.iter().collect();
        let said: HashSet<&Digest> = manifest
            .references()
            .map(|reference| &reference.descriptor().digest)
            .collect();
        if rows == said {
            return Ok(());
        }
        let mut tx = self.verifier.db.begin_in(id).await?;
        if !manifests::exists(&mut tx, id, digest).await? {
            return Ok(());
        }
        let repaired = self.repair == Repair::Yes;
        if repaired {
            manifests::replace_references(&mut tx, id, digest, manifest).await?;
            tx.commit().await?;
        }
        self.found(&Problem::ReferencesWrong {
            repository: name.clone(),
            manifest: digest.clone(),
            repaired,
        });
        Ok(())
    }
}
