//! Manifests: put, found, deleted, and the referrers of one.

use std::sync::Arc;

use dockyard_oci::{
    Algorithm, Descriptor, Digest, Manifest, ManifestKind, ManifestReference, MediaType, Reference,
    Tag,
};
use tokio::sync::Notify;

use super::hasher::Hasher;
use super::{ImageError, StoredManifest};
use crate::accounts::{Delete, Grant, Pull, Push};
use crate::clock::Clock;
use crate::db::tables::manifests::{self, NewManifest, Referrer};
use crate::db::tables::{blobs, outbox, repositories, tags};
use crate::db::{Db, DbError, Tx};

/// What a put did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestPut {
    pub digest: Digest,
    /// The subject that the manifest names, to be told to the client.
    pub subject: Option<Digest>,
    /// Bytes of the config and layers.
    pub size_bytes: u64,
}

/// One page of the referrers of a digest.
#[derive(Debug, Clone)]
pub struct ReferrerPage {
    pub descriptors: Vec<Descriptor>,
    /// The digest after which the next page starts.
    pub next: Option<Digest>,
}

/// Keeps manifests.
#[derive(Debug, Clone)]
pub struct Manifests {
    db: Db,
    clock: Clock,
    changed: Arc<Notify>,
}

impl Manifests {
    pub(crate) const fn new(db: Db, clock: Clock, changed: Arc<Notify>) -> Self {
        Self { db, clock, changed }
    }

    /// Stores a manifest under its digest, and points tags at it, in one transaction.
    ///
    /// `digest` is what the client says it is. Every blob it refers to must be in the repository;
    /// manifests of an index and the subject may come later.
    /// Errors: `ManifestInvalid`, `DigestMismatch`, `ManifestBlobUnknown`.
    /// Source: OCI distribution-spec, "Pushing Manifests".
    pub async fn put(
        &self,
        grant: &Grant<Push>,
        bytes: &[u8],
        content_type: Option<&str>,
        digest: Option<&Digest>,
        tags: &[Tag],
    ) -> Result<ManifestPut, ImageError> {
        let manifest = Manifest::parse(bytes, content_type)?;
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
        let mut tx = self.db.begin().await?;
        match self
            .write(&mut tx, grant, &manifest, bytes, &actual, tags)
            .await
        {
            Err(ImageError::Database(DbError::Reference)) => Err(ImageError::Gone),
            Err(error) => Err(error),
            Ok(size_bytes) => {
                tx.commit().await?;
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

    async fn write(
        &self,
        tx: &mut Tx,
        grant: &Grant<Push>,
        manifest: &Manifest,
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
            size_bytes,
            pushed_ms: now_ms,
            pushed_by: user_id.as_ref(),
        };
        manifests::insert(tx, new).await?;
        for tag in tags {
            tags::set(tx, repository_id, tag, digest, now_ms, user_id.as_ref()).await?;
        }
        if !repositories::set_pushed(tx, repository_id, now_ms).await? {
            return Err(ImageError::Gone);
        }
        outbox::insert(tx, repository_id, now_ms).await?;
        Ok(size_bytes)
    }

    /// Finds a manifest by tag or digest. One indexed query.
    ///
    /// Errors: `ManifestUnknown`. Source: OCI distribution-spec, "Pulling manifests".
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

    /// Deletes a manifest with the tags that point to it.
    ///
    /// Errors: `ManifestUnknown`. Source: OCI distribution-spec, "Deleting Manifests".
    pub async fn delete(&self, grant: &Grant<Delete>, digest: &Digest) -> Result<(), ImageError> {
        let mut tx = self.db.begin().await?;
        if !manifests::delete(&mut tx, grant.repository_id(), digest).await? {
            return Err(unknown(
                Reference::Digest(digest.clone()),
                grant.repository(),
            ));
        }
        outbox::insert(&mut tx, grant.repository_id(), self.clock.now_ms()).await?;
        tx.commit().await?;
        self.changed.notify_one();
        Ok(())
    }

    /// Lists the manifests that name a digest as their subject, by digest.
    ///
    /// A subject that is not there has referrers all the same.
    /// Source: OCI distribution-spec, "Listing Referrers".
    pub async fn referrers(
        &self,
        grant: &Grant<Pull>,
        subject: &Digest,
        artifact_type: Option<&MediaType>,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<ReferrerPage, ImageError> {
        let after = after.map_or("", Digest::as_str);
        let repository_id = grant.repository_id();
        let rows =
            manifests::list_referrers(&self.db, repository_id, subject, after, limit).await?;
        let full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let next = rows.last().filter(|_| full).map(|row| row.digest.clone());
        let wanted = |row: &Referrer| {
            artifact_type.is_none_or(|wanted| row.artifact_type.as_ref() == Some(wanted))
        };
        let descriptors = rows.into_iter().filter(wanted).map(describe).collect();
        Ok(ReferrerPage { descriptors, next })
    }
}

fn describe(row: Referrer) -> Descriptor {
    let manifest = Manifest::parse(&row.bytes, Some(row.media_type.as_str()));
    Descriptor {
        media_type: row.media_type,
        digest: row.digest,
        size: row.bytes.len() as u64,
        artifact_type: row.artifact_type,
        platform: None,
        annotations: manifest
            .map(|manifest| manifest.annotations)
            .unwrap_or_default(),
    }
}

async fn require_blobs(
    tx: &mut Tx,
    grant: &Grant<Push>,
    manifest: &Manifest,
) -> Result<(), ImageError> {
    let needed: Vec<&Digest> = manifest
        .references()
        .filter_map(|reference| match reference {
            ManifestReference::Blob(blob) if !blob.media_type.is_foreign() => Some(&blob.digest),
            ManifestReference::Blob(_) | ManifestReference::Manifest(_) => None,
        })
        .collect();
    let present = blobs::present_in(tx, grant.repository_id(), &needed).await?;
    match needed.into_iter().find(|digest| !present.contains(*digest)) {
        None => Ok(()),
        Some(missing) => Err(ImageError::ManifestBlobUnknown {
            digest: missing.clone(),
            repository: grant.repository().clone(),
        }),
    }
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

fn unknown(reference: Reference, repository: &dockyard_oci::RepositoryName) -> ImageError {
    ImageError::ManifestUnknown {
        reference,
        repository: repository.clone(),
    }
}
