//! Tags: listed and deleted. They are set by putting a manifest.

use std::sync::Arc;

use dockyard_oci::{Reference, Tag};
use tokio::sync::Notify;

use super::{ImageError, TagSummary};
use crate::accounts::{Delete, Grant, Pull};
use crate::clock::Clock;
use crate::db::Db;
use crate::db::tables::{outbox, tags};
use crate::fault::Fault;

/// A part of a tag list, sorted by name.
#[derive(Debug, Clone, Default)]
pub struct TagPage {
    /// The text after which the page starts; it need not be a tag that exists.
    pub after: Option<String>,
    /// Most entries.
    pub limit: u32,
}

/// Keeps tags.
#[derive(Debug, Clone)]
pub struct Tags {
    db: Db,
    clock: Clock,
    changed: Arc<Notify>,
}

impl Tags {
    pub(crate) const fn new(db: Db, clock: Clock, changed: Arc<Notify>) -> Self {
        Self { db, clock, changed }
    }

    /// Lists tags by name with what they point to.
    pub async fn list(
        &self,
        grant: &Grant<Pull>,
        page: TagPage,
    ) -> Result<Vec<TagSummary>, ImageError> {
        let after = page.after.as_deref().unwrap_or_default();
        Ok(tags::list(&self.db, grant.repository_id(), after, page.limit).await?)
    }

    /// Lists the tags that were pushed last, newest first.
    pub async fn recent(
        &self,
        grant: &Grant<Pull>,
        limit: u32,
    ) -> Result<Vec<TagSummary>, ImageError> {
        Ok(tags::list_recent(&self.db, grant.repository_id(), limit).await?)
    }

    /// Lists the names of tags. Source: OCI distribution-spec, "Listing Tags".
    pub async fn names(&self, grant: &Grant<Pull>, page: TagPage) -> Result<Vec<Tag>, ImageError> {
        let after = page.after.as_deref().unwrap_or_default();
        Ok(tags::list_names(&self.db, grant.repository_id(), after, page.limit).await?)
    }

    /// Shows one tag. Errors: `ManifestUnknown`.
    pub async fn find(&self, grant: &Grant<Pull>, tag: &Tag) -> Result<TagSummary, ImageError> {
        let found = tags::find(&self.db, grant.repository_id(), tag).await?;
        found.ok_or_else(|| unknown(tag, grant.repository()))
    }

    /// Deletes a tag and leaves its manifest.
    ///
    /// Errors: `ManifestUnknown`. Source: OCI distribution-spec, "Deleting tags".
    pub async fn delete(&self, grant: &Grant<Delete>, tag: &Tag) -> Result<(), ImageError> {
        let mut tx = self.db.begin().await?;
        if !tags::delete(&mut tx, grant.repository_id(), tag).await? {
            return Err(unknown(tag, grant.repository()));
        }
        outbox::insert(&mut tx, grant.repository_id(), self.clock.now_ms()).await?;
        Fault::TagDeleting.reach();
        tx.commit().await?;
        Fault::TagDeleted.reach();
        self.changed.notify_one();
        Ok(())
    }
}

fn unknown(tag: &Tag, repository: &dockyard_oci::RepositoryName) -> ImageError {
    ImageError::ManifestUnknown {
        reference: Reference::Tag(tag.clone()),
        repository: repository.clone(),
    }
}
