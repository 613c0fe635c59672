//! Manifests: put, found, deleted, and the referrers of one.

use std::sync::Arc;

use bytes::Bytes;
use dockyard_oci::{
    Algorithm, Descriptor, Digest, Manifest, ManifestKind, Reference, RepositoryName, Tag,
};
use tokio::sync::Notify;

use super::bodies::Bodies;
use super::hasher::Hasher;
use super::{Blobs, ImageError, MoveKind, PullError, Pulls, StoredManifest, history, platforms};
use crate::accounts::{Caller, Delete, Grant, Pull, Push, decide, decide_former, take_as_long};
use crate::clock::Clock;
use crate::db::tables::manifests::{self, ManifestHead, NewManifest};
use crate::db::tables::{
    blob_marks, manifest_marks, outbox, repositories, repository_blobs, tag_moves, tags,
};
use crate::db::{Db, DbError, Tx, retrying};
use crate::fault::Fault;

/// What a put did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestPut {
    pub digest: Digest,
    /// The subject that the manifest names, to be told to the client.
    pub subject: Option<Digest>,
    /// Bytes of the config and layers.
    pub size_bytes: u64,
}

/// Keeps manifests.
#[derive(Debug, Clone)]
pub struct Manifests {
    pub(super) db: Db,
    clock: Clock,
    changed: Arc<Notify>,
    pub(super) bodies: Bodies,
    blobs: Blobs,
    pulls: Pulls,
}

impl Manifests {
    pub(crate) fn new(
        db: Db,
        clock: Clock,
        changed: Arc<Notify>,
        blobs: Blobs,
        pulls: Pulls,
    ) -> Self {
        Self {
            db,
            clock,
            changed,
            blobs,
            pulls,
            bodies: Bodies::default(),
        }
    }

    /// Stores a manifest under its digest, and points tags at it, in one transaction.
    ///
    /// `digest` is what the client says it is. Every blob it refers to must be in the repository;
    /// manifests of an index and the subject may come later.
    /// Errors: `ManifestInvalid`, `DigestMismatch`, `ManifestBlobUnknown`, `ManifestBlobSize`.
    /// Source: OCI distribution-spec, "Pushing Manifests".
    pub async fn put(
        &self,
        grant: &Grant<Push>,
        bytes: &[u8],
        content_type: Option<&str>,
        digest: Option<&Digest>,
        tags: &[Tag],
    ) -> Result<ManifestPut, ImageError> {
        let manifest = Manifest::accept(bytes, content_type)?;
        let algorithm = digest.map_or(Algorithm::Sha256, Digest::algorithm);
        let actual = Hasher::digest(algorithm, bytes);
        if let Some(expected) = digest
            && *expected != actual
        {
            return Err(ImageError::DigestMismatch {
                expected: expected.clone(),
                actual,
            });
        }
        let platforms = platforms::of(&self.blobs, &grant.pull(), &manifest).await;
        let parsed = (&manifest, platforms.as_str());
        match retrying(|| self.record(grant, parsed, bytes, &actual, tags)).await {
            Err(ImageError::Database(DbError::Reference)) => Err(ImageError::Gone),
            Err(error) => Err(error),
            Ok(size_bytes) => {
                Fault::ManifestRecorded.reach();
                // Also in place of what may have been damaged when it was read.
                self.bodies.keep(&actual, Bytes::copy_from_slice(bytes));
                self.changed.notify_one();
                let subject = manifest.subject.map(|subject| subject.digest);
                Ok(ManifestPut {
                    digest: actual,
                    subject,
                    size_bytes,
                })
            }
        }
    }

    async fn record(
        &self,
        grant: &Grant<Push>,
        parsed: (&Manifest, &str),
        bytes: &[u8],
        digest: &Digest,
        tags: &[Tag],
    ) -> Result<u64, ImageError> {
        let mut tx = grant.begin(&self.db).await?;
        let written = self.write(&mut tx, grant, parsed, bytes, digest, tags);
        let size_bytes = written.await?;
        Fault::ManifestRecording.reach();
        tx.commit().await?;
        Ok(size_bytes)
    }

    async fn write(
        &self,
        tx: &mut Tx,
        grant: &Grant<Push>,
        (manifest, platforms): (&Manifest, &str),
        bytes: &[u8],
        digest: &Digest,
        tags: &[Tag],
    ) -> Result<u64, ImageError> {
        let (repository_id, user_id) = (grant.repository_id(), grant.user_id());
        require_blobs(tx, grant, manifest).await?;
        let size_bytes = match manifest.kind {
            ManifestKind::Image => manifest.content_bytes(),
            ManifestKind::Index => listed_bytes(tx, grant, manifest).await?,
        };
        let now_ms = self.clock.now_ms();
        let new = NewManifest {
            repository_id,
            digest,
            manifest,
            bytes,
            platforms,
            size_bytes,
            pushed_ms: now_ms,
            pushed_by: user_id.as_ref(),
        };
        manifests::insert(tx, new).await?;
        let listed: Vec<&Digest> = manifest.manifests.iter().map(|m| &m.digest).collect();
        manifest_marks::unmark_listed(tx, repository_id, &listed).await?;
        history::point(tx, grant, tags, digest, now_ms, MoveKind::Push).await?;
        if !tags.is_empty() {
            repositories::set_platforms(tx, repository_id, platforms).await?;
        }
        if !repositories::set_pushed(tx, repository_id, now_ms).await? {
            return Err(ImageError::Gone);
        }
        outbox::insert(tx, repository_id, now_ms).await?;
        Ok(size_bytes)
    }

    /// Decides about a pull and finds the manifest, by tag or digest, in one indexed query; its
    /// bytes, which never change, come from memory when they were read lately.
    ///
    /// A manifest that nothing refers to is kept for another while when it is pulled. With a `client`
    /// it counts as a pull of that client.
    /// Errors: as `Access::authorize`, and `ManifestUnknown`.
    /// Source: OCI distribution-spec, "Pulling manifests".
    pub async fn pull(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        reference: &Reference,
        client: Option<u64>,
    ) -> Result<(Grant<Pull>, StoredManifest), PullError> {
        let credential = caller.credential();
        let found = manifests::find_in(&self.db, name, reference, credential.as_ref()).await;
        let Some((access, head)) = found.map_err(ImageError::from)? else {
            return self.pull_former(caller, name, reference, client).await;
        };
        let grant = match decide::<Pull>(caller, name, Some(&access)) {
            Ok(grant) => grant,
            Err(error) => {
                let asked = take_as_long(&self.db, caller, name, &error).await;
                asked.map_err(ImageError::from)?;
                return Err(error.into());
            }
        };
        let head = head.ok_or_else(|| unknown(reference.clone(), name))?;
        let manifest = self.read(&grant, head).await?;
        if let Some(client) = client {
            self.pulls.note(&grant, &manifest, client);
        }
        Ok((grant, manifest))
    }

    /// Pulls from a repository by a name that it had.
    async fn pull_former(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        reference: &Reference,
        client: Option<u64>,
    ) -> Result<(Grant<Pull>, StoredManifest), PullError> {
        let grant = decide_former::<Pull>(&self.db, caller, name).await?;
        let manifest = self.find(&grant, reference).await?;
        if let Some(client) = client {
            self.pulls.note(&grant, &manifest, client);
        }
        Ok((grant, manifest))
    }

    async fn read(
        &self,
        grant: &Grant<Pull>,
        head: ManifestHead,
    ) -> Result<StoredManifest, ImageError> {
        let (id, digest) = (grant.repository_id(), head.digest);
        // It may have been collected since it was found: then it is not there.
        if head.is_marked && !manifest_marks::unmark(&self.db, id, &digest).await? {
            return Err(unknown(Reference::Digest(digest), grant.repository()));
        }
        let bytes = match self.bodies.find(&digest) {
            Some(bytes) => bytes,
            None => match manifests::find_body(&self.db, id, &digest).await? {
                Some(body) => self.bodies.keep(&digest, body.into()),
                None => return Err(unknown(Reference::Digest(digest), grant.repository())),
            },
        };
        Ok(StoredManifest {
            digest,
            media_type: head.media_type,
            bytes,
        })
    }

    /// Finds a manifest by tag or digest for somebody who takes the image: as with `pull`, one that
    /// nothing refers to is kept for another while.
    ///
    /// Errors: `ManifestUnknown`.
    pub(super) async fn take(
        &self,
        grant: &Grant<Pull>,
        reference: &Reference,
    ) -> Result<StoredManifest, ImageError> {
        let found = manifests::find_head(&self.db, grant.repository_id(), reference).await?;
        let head = found.ok_or_else(|| unknown(reference.clone(), grant.repository()))?;
        self.read(grant, head).await
    }

    /// Counts a manifest as pulled by a client.
    pub(super) fn note_pull(&self, grant: &Grant<Pull>, manifest: &StoredManifest, client: u64) {
        self.pulls.note(grant, manifest, client);
    }

    /// Finds a manifest by tag or digest, to look at it.
    ///
    /// Errors: `ManifestUnknown`.
    pub async fn find(
        &self,
        grant: &Grant<Pull>,
        reference: &Reference,
    ) -> Result<StoredManifest, ImageError> {
        let repository_id = grant.repository_id();
        let found = match reference {
            Reference::Tag(tag) => manifests::find_by_tag(&self.db, repository_id, tag).await?,
            Reference::Digest(digest) => manifests::find(&self.db, repository_id, digest).await?,
        };
        found.ok_or_else(|| unknown(reference.clone(), grant.repository()))
    }

    /// Deletes a manifest with the tags that point to it. Its referrers go with it in time, unless
    /// something else refers to them, or it is pushed again.
    ///
    /// Errors: `ManifestUnknown`. Source: OCI distribution-spec, "Deleting Manifests".
    pub async fn delete(&self, grant: &Grant<Delete>, digest: &Digest) -> Result<(), ImageError> {
        let now_ms = self.clock.now_ms();
        let (id, user_id) = (grant.repository_id(), grant.user_id());
        let mut tx = grant.begin(&self.db).await?;
        tag_moves::insert_ends(&mut tx, id, digest, now_ms, user_id.as_ref()).await?;
        tags::delete_all_to(&mut tx, id, digest).await?;
        if !manifests::delete(&mut tx, id, digest).await? {
            return Err(unknown(
                Reference::Digest(digest.clone()),
                grant.repository(),
            ));
        }
        manifest_marks::lose_subject(&mut tx, id, digest, now_ms).await?;
        outbox::insert(&mut tx, id, now_ms).await?;
        Fault::ManifestDeleting.reach();
        tx.commit().await?;
        Fault::ManifestDeleted.reach();
        self.changed.notify_one();
        Ok(())
    }
}

async fn require_blobs(
    tx: &mut Tx,
    grant: &Grant<Push>,
    manifest: &Manifest,
) -> Result<(), ImageError> {
    let needed: Vec<&Descriptor> = manifest.required_blobs().collect();
    let digests: Vec<&Digest> = needed.iter().map(|blob| &blob.digest).collect();
    let sizes = repository_blobs::sizes(tx, grant.repository_id(), &digests).await?;
    for blob in needed {
        match sizes.get(&blob.digest) {
            Some(&(actual, is_marked)) if actual == blob.size => {
                if is_marked {
                    blob_marks::unmark_in(tx, grant.repository_id(), &blob.digest).await?;
                }
            }
            Some(&(actual, _)) => {
                return Err(ImageError::ManifestBlobSize {
                    digest: blob.digest.clone(),
                    said: blob.size,
                    actual,
                });
            }
            None => {
                return Err(ImageError::ManifestBlobUnknown {
                    digest: blob.digest.clone(),
                    repository: grant.repository().clone(),
                });
            }
        }
    }
    Ok(())
}

async fn listed_bytes(
    tx: &mut Tx,
    grant: &Grant<Push>,
    manifest: &Manifest,
) -> Result<u64, ImageError> {
    let mut listed: Vec<&Digest> = manifest.manifests.iter().map(|m| &m.digest).collect();
    listed.truncate(500);
    Ok(manifests::content_bytes(tx, grant.repository_id(), &listed).await?)
}

fn unknown(reference: Reference, repository: &RepositoryName) -> ImageError {
    ImageError::ManifestUnknown {
        reference,
        repository: repository.clone(),
    }
}
