//! Tags: listed and deleted. They are set by putting a manifest.

use std::sync::Arc;

use dockyard_oci::{Reference, Tag};
use tokio::sync::Notify;

use super::{ImageError, MoveKind, Page, TagSummary};
use crate::accounts::{Delete, Grant, Pull};
use crate::clock::Clock;
use crate::db::Db;
use crate::db::tables::tag_moves::{self, NewMove};
use crate::db::tables::{outbox, tags};
use crate::fault::Fault;

/// The orders in which tags are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TagOrder {
    /// `latest`, then the highest version first.
    #[default]
    Version,
    /// Pushed last first.
    Newest,
    /// By name, byte by byte.
    Name,
}

/// A part of a tag list as pages show it.
#[derive(Debug, Clone, Default)]
pub struct TagQuery {
    pub order: TagOrder,
    /// What the names must hold; empty for all.
    pub part: String,
    /// The tag after which the page starts, with the time of its push for `Newest`.
    pub after: Option<(Tag, i64)>,
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
        page: Page,
    ) -> Result<Vec<TagSummary>, ImageError> {
        let after = page.after_name();
        Ok(tags::list(&self.db, grant.repository_id(), &after, page.limit).await?)
    }

    /// Lists tags in the order and with the filter that a person chose.
    pub async fn find_some(
        &self,
        grant: &Grant<Pull>,
        query: &TagQuery,
    ) -> Result<Vec<TagSummary>, ImageError> {
        let (db, id, part) = (&self.db, grant.repository_id(), query.part.as_str());
        // No tag holds it, and no database has to be asked.
        let may_be_in_a_tag = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if part.len() > Tag::MAX_BYTES || !part.bytes().all(may_be_in_a_tag) {
            return Ok(Vec::new());
        }
        let tag = query.after.as_ref().map(|(tag, _)| tag);
        Ok(match query.order {
            TagOrder::Version => tags::list_by_version(db, id, part, tag, query.limit).await?,
            TagOrder::Newest => {
                let after = query.after.as_ref().map(|(tag, ms)| (*ms, tag));
                tags::list_by_push(db, id, part, after, query.limit).await?
            }
            TagOrder::Name => {
                let after = tag.map_or("", Tag::as_str);
                tags::list_by_name(db, id, part, after, query.limit).await?
            }
        })
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
    pub async fn names(&self, grant: &Grant<Pull>, page: Page) -> Result<Vec<Tag>, ImageError> {
        let after = page.after_name();
        Ok(tags::list_names(&self.db, grant.repository_id(), &after, page.limit).await?)
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
        if self.delete_all(grant, std::slice::from_ref(tag)).await? == 0 {
            return Err(unknown(tag, grant.repository()));
        }
        Ok(())
    }

    /// Deletes tags, all at once, and leaves their manifests; those that are not there are skipped.
    ///
    /// Returns how many were there.
    pub async fn delete_all(
        &self,
        grant: &Grant<Delete>,
        to_delete: &[Tag],
    ) -> Result<u64, ImageError> {
        let (repository_id, user_id) = (grant.repository_id(), grant.user_id());
        let now_ms = self.clock.now_ms();
        let mut deleted = 0;
        let mut tx = grant.begin(&self.db).await?;
        for tag in to_delete {
            if !tags::delete(&mut tx, repository_id, tag).await? {
                continue;
            }
            deleted += 1;
            let moved = NewMove {
                repository_id,
                tag,
                kind: MoveKind::Delete,
                digest: None,
                moved_ms: now_ms,
                moved_by: user_id.as_ref(),
            };
            tag_moves::insert(&mut tx, moved).await?;
        }
        if deleted == 0 {
            return Ok(0);
        }
        outbox::insert(&mut tx, repository_id, now_ms).await?;
        Fault::TagDeleting.reach();
        tx.commit().await?;
        Fault::TagDeleted.reach();
        self.changed.notify_one();
        Ok(deleted)
    }
}

fn unknown(tag: &Tag, repository: &dockyard_oci::RepositoryName) -> ImageError {
    ImageError::ManifestUnknown {
        reference: Reference::Tag(tag.clone()),
        repository: repository.clone(),
    }
}
