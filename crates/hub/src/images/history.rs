//! What tags pointed to over time: shown, and put back.

use std::sync::Arc;

use dockyard_oci::{Digest, Reference, RepositoryName, Tag, UserName};
use tokio::sync::Notify;

use super::ImageError;
use crate::Id;
use crate::accounts::{Caller, Grant, Pull, Push};
use crate::clock::Clock;
use crate::db::tables::tag_moves::{self, NewMove};
use crate::db::tables::tags::{NewTag, TagSet};
use crate::db::tables::{manifest_marks, manifests, outbox, repositories, tags};
use crate::db::{Db, DbError, Tx};

/// How far back the news of a user's repositories go, in milliseconds: 30 days.
const NEWS_MS: i64 = 30 * 24 * 3600 * 1000;

/// Why a tag moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveKind {
    Push,
    /// It was put back to what it pointed to before.
    Restore,
    Delete,
}

impl MoveKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Restore => "restore",
            Self::Delete => "delete",
        }
    }

    pub(crate) fn of(text: &str) -> Self {
        match text {
            "restore" => Self::Restore,
            "delete" => Self::Delete,
            _ => Self::Push,
        }
    }
}

/// One move of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub tag: Tag,
    pub moved_ms: i64,
    pub kind: MoveKind,
    /// What it points to since then; `None` when it was deleted.
    pub digest: Option<Digest>,
    pub moved_by: Option<UserName>,
    /// Bytes of what it points to, while that is kept.
    pub kept_bytes: Option<u64>,
}

/// Keeps what tags pointed to.
#[derive(Debug, Clone)]
pub struct History {
    db: Db,
    clock: Clock,
    changed: Arc<Notify>,
}

impl History {
    pub(crate) const fn new(db: Db, clock: Clock, changed: Arc<Notify>) -> Self {
        Self { db, clock, changed }
    }

    /// Lists the moves of a tag, newest first, from before a time in Unix milliseconds.
    pub async fn of_tag(
        &self,
        grant: &Grant<Pull>,
        tag: &Tag,
        before_ms: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Move>, ImageError> {
        let before_ms = before_ms.unwrap_or(i64::MAX);
        let id = grant.repository_id();
        Ok(tag_moves::list_of_tag(&self.db, id, tag, before_ms, limit).await?)
    }

    /// Lists the moves of all tags of a repository, newest first, from before a move.
    pub async fn of_repository(
        &self,
        grant: &Grant<Pull>,
        before: Option<(i64, &Tag)>,
        limit: u32,
    ) -> Result<Vec<Move>, ImageError> {
        let before = before.map_or((i64::MAX, ""), |(ms, tag)| (ms, tag.as_str()));
        Ok(tag_moves::list(&self.db, grant.repository_id(), before, limit).await?)
    }

    /// Lists what happened lately in the repositories that a caller owns or starred, newest first.
    pub async fn news(
        &self,
        caller: &Caller,
        limit: u32,
    ) -> Result<Vec<(RepositoryName, Move)>, DbError> {
        let Some(user) = caller.user().filter(|_| caller.lists()) else {
            return Ok(Vec::new());
        };
        let since_ms = self.clock.now_ms() - NEWS_MS;
        tag_moves::list_news(&self.db, user.id, since_ms, limit).await
    }

    /// Points a tag again at what it pointed to before.
    ///
    /// Errors: `NeverThere` when the tag never pointed to the digest; `ManifestUnknown` when that is
    /// not kept any more.
    pub async fn restore(
        &self,
        grant: &Grant<Push>,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<(), ImageError> {
        let id = grant.repository_id();
        let now_ms = self.clock.now_ms();
        let mut tx = grant.begin(&self.db).await?;
        if !tag_moves::has_been(&mut tx, id, tag, digest).await? {
            return Err(ImageError::NeverThere {
                tag: tag.clone(),
                digest: digest.clone(),
            });
        }
        if !manifests::exists(&mut tx, id, digest).await? {
            return Err(ImageError::ManifestUnknown {
                reference: Reference::Digest(digest.clone()),
                repository: grant.repository().clone(),
            });
        }
        manifest_marks::unmark_listed(&mut tx, id, &[digest]).await?;
        let tags = std::slice::from_ref(tag);
        point(&mut tx, grant, tags, digest, now_ms, MoveKind::Restore).await?;
        repositories::set_pushed(&mut tx, id, now_ms).await?;
        outbox::insert(&mut tx, id, now_ms).await?;
        tx.commit().await?;
        self.changed.notify_one();
        Ok(())
    }
}

/// Points tags at a manifest, and notes those that moved.
pub(super) async fn point(
    tx: &mut Tx,
    grant: &Grant<Push>,
    to_point: &[Tag],
    digest: &Digest,
    now_ms: i64,
    kind: MoveKind,
) -> Result<(), DbError> {
    let (repository_id, user_id): (Id, _) = (grant.repository_id(), grant.user_id());
    for tag in to_point {
        let new = NewTag {
            repository_id,
            tag,
            digest,
            pushed_ms: now_ms,
            pushed_by: user_id.as_ref(),
        };
        if tags::set(tx, &new).await? == TagSet::Same {
            continue;
        }
        let moved = NewMove {
            repository_id,
            tag,
            kind,
            digest: Some(digest),
            moved_ms: now_ms,
            moved_by: user_id.as_ref(),
        };
        tag_moves::insert(tx, moved).await?;
    }
    Ok(())
}
