//! The table `tags`.

use dockyard_oci::{Digest, Tag};
use sqlx::FromRow;

use super::{column_to_bytes, parse, parse_optional};
use crate::Id;
use crate::db::{Db, DbError, Tx, values};
use crate::images::TagSummary;

#[derive(FromRow)]
struct TagRow {
    name: String,
    digest: String,
    media_type: String,
    size_bytes: i64,
    pushed_ms: i64,
    pushed_by: Option<String>,
}

impl TagRow {
    fn into_summary(self) -> Result<TagSummary, DbError> {
        Ok(TagSummary {
            name: parse(&self.name)?,
            digest: parse(&self.digest)?,
            media_type: parse(&self.media_type)?,
            size_bytes: column_to_bytes(self.size_bytes),
            pushed_ms: self.pushed_ms,
            pushed_by: parse_optional(self.pushed_by.as_deref())?,
        })
    }
}

/// The columns of a tag with its manifest's, for every query below that lists some.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT t.name, t.digest, m.media_type, m.size_bytes, t.pushed_ms,
            u.name AS pushed_by
        FROM tags t
        JOIN manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest
        LEFT JOIN users u ON u.id = t.pushed_by ",
            $rest
        )
    };
}

/// Points a tag at a manifest.
pub(crate) async fn set(
    tx: &mut Tx,
    repository_id: Id,
    tag: &Tag,
    digest: &Digest,
    pushed_ms: i64,
    pushed_by: Option<&Id>,
) -> Result<(), DbError> {
    let sql = "INSERT INTO tags (repository_id, name, digest, pushed_ms, pushed_by)
        VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (repository_id, name) DO UPDATE
        SET digest = excluded.digest, pushed_ms = excluded.pushed_ms,
            pushed_by = excluded.pushed_by";
    tx.execute(
        sql,
        values![&repository_id, tag, digest, pushed_ms, pushed_by],
    )
    .await?;
    Ok(())
}

pub(crate) async fn find(
    db: &Db,
    repository_id: Id,
    tag: &Tag,
) -> Result<Option<TagSummary>, DbError> {
    let sql = select!("WHERE t.repository_id = ? AND t.name = ?");
    db.optional::<TagRow>(sql, values![&repository_id, tag])
        .await?
        .map(TagRow::into_summary)
        .transpose()
}

/// Lists tags by name, from after `after`.
pub(crate) async fn list(
    db: &Db,
    repository_id: Id,
    after: &str,
    limit: u32,
) -> Result<Vec<TagSummary>, DbError> {
    let sql = select!("WHERE t.repository_id = ? AND t.name > ? ORDER BY t.name LIMIT ?");
    let rows = db
        .all::<TagRow>(sql, values![&repository_id, after, limit])
        .await?;
    rows.into_iter().map(TagRow::into_summary).collect()
}

/// Lists the tags that were pushed last, newest first.
pub(crate) async fn list_recent(
    db: &Db,
    repository_id: Id,
    limit: u32,
) -> Result<Vec<TagSummary>, DbError> {
    let sql = select!("WHERE t.repository_id = ? ORDER BY t.pushed_ms DESC, t.name DESC LIMIT ?");
    let rows = db
        .all::<TagRow>(sql, values![&repository_id, limit])
        .await?;
    rows.into_iter().map(TagRow::into_summary).collect()
}

/// Lists names only, as the protocol's tag list shows them.
pub(crate) async fn list_names(
    db: &Db,
    repository_id: Id,
    after: &str,
    limit: u32,
) -> Result<Vec<Tag>, DbError> {
    let sql = "SELECT name FROM tags
        WHERE repository_id = ? AND name > ?
        ORDER BY name
        LIMIT ?";
    let rows = db
        .all::<(String,)>(sql, values![&repository_id, after, limit])
        .await?;
    rows.iter().map(|(name,)| parse(name)).collect()
}

/// Deletes a tag and leaves its manifest; false when there is no such tag.
pub(crate) async fn delete(tx: &mut Tx, repository_id: Id, tag: &Tag) -> Result<bool, DbError> {
    let sql = "DELETE FROM tags WHERE repository_id = ? AND name = ?";
    Ok(tx.execute(sql, values![&repository_id, tag]).await? > 0)
}
