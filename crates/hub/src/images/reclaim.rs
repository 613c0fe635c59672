//! What deleting something gives back, worked out before it is deleted.

use std::collections::HashSet;

use dockyard_oci::{Digest, Tag};

use super::{Blobs, ImageError, TagSummary};
use crate::Id;
use crate::accounts::{Administer, Delete, Grant};
use crate::db::tables::{holdings, tags};
use crate::db::{Db, DbError};

/// Deepest nesting of indexes that is followed.
const DEPTH_MAX: usize = 8;

/// What would go, and how much space comes back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reclaimed {
    /// The tags that would go, by name.
    pub tags: Vec<TagSummary>,
    /// Manifests that nothing would refer to any more.
    pub manifests: u64,
    /// Bytes of the blobs that no other manifest holds, of those that the caller may see: what
    /// others keep in private is nobody's business.
    pub bytes: u64,
}

impl Blobs {
    /// Works out what deleting some tags gives back, once the collector has passed.
    pub async fn reclaimed_by_tags(
        &self,
        grant: &Grant<Delete>,
        names: &[Tag],
    ) -> Result<Reclaimed, ImageError> {
        let db = self.db();
        let id = grant.repository_id();
        let gone = tags::find_many(db, id, names).await?;
        let dead: Vec<Digest> = dead_manifests(db, id, &gone).await?.into_iter().collect();
        let blobs = dead_blobs(db, id, &dead).await?;
        let viewer = grant.user_id();
        let bytes = holdings::bytes_held_here_only(db, id, viewer.as_ref(), &blobs).await?;
        Ok(Reclaimed {
            tags: gone,
            manifests: dead.len() as u64,
            bytes,
        })
    }

    /// Works out how many bytes deleting a whole repository gives back, once the collector has passed.
    pub async fn reclaimed_by_all(&self, grant: &Grant<Administer>) -> Result<u64, ImageError> {
        let (id, viewer) = (grant.repository_id(), grant.user_id());
        Ok(holdings::all_bytes_held_here_only(self.db(), id, viewer.as_ref()).await?)
    }
}

/// Finds the manifests that nothing refers to when some tags are gone: what the tags point to, then
/// what those list, and what is attached to them.
async fn dead_manifests(db: &Db, id: Id, gone: &[TagSummary]) -> Result<HashSet<Digest>, DbError> {
    let names: HashSet<&str> = gone.iter().map(|tag| tag.name.as_str()).collect();
    let mut candidates: HashSet<Digest> = gone.iter().map(|tag| tag.digest.clone()).collect();
    let mut dead = HashSet::new();
    for _ in 0..DEPTH_MAX {
        let asked: Vec<Digest> = candidates.drain().collect();
        if asked.is_empty() {
            break;
        }
        let mut dying: HashSet<Digest> = asked.iter().cloned().collect();
        for (digest, tag) in holdings::tags_of(db, id, &asked).await? {
            if !names.contains(tag.as_str()) {
                dying.remove(&digest);
            }
        }
        for (digest, holder) in holdings::holders_of(db, id, &asked).await? {
            if !dead.contains(&holder) {
                dying.remove(&digest);
            }
        }
        let dying: Vec<Digest> = dying.into_iter().collect();
        dead.extend(dying.iter().cloned());
        candidates.extend(holdings::manifests_of(db, id, &dying).await?);
        candidates.extend(holdings::referrers_of(db, id, &dying).await?);
        candidates.retain(|digest| !dead.contains(digest));
    }
    Ok(dead)
}

/// Finds the blobs of a repository that only dead manifests refer to.
async fn dead_blobs(db: &Db, id: Id, dead: &[Digest]) -> Result<Vec<Digest>, DbError> {
    let held = holdings::blobs_of(db, id, dead).await?;
    let mut free: HashSet<Digest> = held.iter().cloned().collect();
    let dead: HashSet<&Digest> = dead.iter().collect();
    for (digest, holder) in holdings::holders_of(db, id, &held).await? {
        if !dead.contains(&holder) {
            free.remove(&digest);
        }
    }
    Ok(free.into_iter().collect())
}
