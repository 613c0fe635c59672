//! The table `tags`.

use dockyard_oci::{Digest, MediaType, Tag};
use sqlx::AssertSqlSafe;

use super::{column_to_bytes, parse, parse_list, parse_optional};
use crate::Id;
use crate::db::{Db, DbError, Tx, Value, placeholders, row, values};
use crate::images::TagSummary;

row! {
    struct TagRow {
        name: String,
        digest: String,
        media_type: String,
        size_bytes: i64,
        pushed_ms: i64,
        pushed_by: Option<String>,
        pulled_ms: Option<i64>,
        platforms: String,
        /// Of an image it is its configuration's type, as referrers are filtered by it.
        artifact_type: Option<String>,
    }
}

impl TagRow {
    fn into_summary(self) -> Result<TagSummary, DbError> {
        let artifact_type: Option<MediaType> = parse_optional(self.artifact_type.as_deref())?;
        Ok(TagSummary {
            name: parse(&self.name)?,
            digest: parse(&self.digest)?,
            media_type: parse(&self.media_type)?,
            size_bytes: column_to_bytes(self.size_bytes),
            pushed_ms: self.pushed_ms,
            pushed_by: parse_optional(self.pushed_by.as_deref())?,
            pulled_ms: self.pulled_ms,
            platforms: parse_list(&self.platforms),
            artifact_type: artifact_type.filter(|kind| !kind.is_image_config()),
        })
    }
}

/// The columns of a tag with its manifest's, for every query below that lists some.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT t.name, t.digest, m.media_type, m.size_bytes, t.pushed_ms,
            u.name AS pushed_by, m.pulled_ms, m.platforms, m.artifact_type
        FROM tags t
        JOIN manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest
        LEFT JOIN users u ON u.id = t.pushed_by ",
            $rest
        )
    };
}

/// What pointing a tag at a manifest changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagSet {
    New,
    Moved,
    /// It pointed there already.
    Same,
}

/// A tag to be set.
pub(crate) struct NewTag<'a> {
    pub repository_id: Id,
    pub tag: &'a Tag,
    pub digest: &'a Digest,
    pub pushed_ms: i64,
    pub pushed_by: Option<&'a Id>,
}

/// Points a tag at a manifest, and counts it when it is new.
pub(crate) async fn set(tx: &mut Tx, new: &NewTag<'_>) -> Result<TagSet, DbError> {
    let NewTag {
        repository_id,
        tag,
        digest,
        pushed_ms,
        pushed_by,
    } = new;
    let sql = "SELECT digest FROM tags WHERE repository_id = ? AND name = ?";
    let before = tx.optional::<(String,)>(sql, values![repository_id, *tag]);
    if let Some((before,)) = before.await? {
        let sql = "UPDATE tags SET digest = ?, pushed_ms = ?, pushed_by = ?
            WHERE repository_id = ? AND name = ?";
        let values = values![*digest, *pushed_ms, *pushed_by, repository_id, *tag];
        tx.execute(sql, values).await?;
        return Ok(if before == digest.as_str() {
            TagSet::Same
        } else {
            TagSet::Moved
        });
    }
    let sql = "INSERT INTO tags
            (repository_id, name, digest, pushed_ms, pushed_by, version_key)
        VALUES (?, ?, ?, ?, ?, ?)";
    let key = tag.version_key();
    let values = values![repository_id, *tag, *digest, *pushed_ms, *pushed_by, key];
    tx.execute(sql, values).await?;
    add_count(tx, *repository_id, 1).await?;
    Ok(TagSet::New)
}

async fn add_count(tx: &mut Tx, repository_id: Id, count: i64) -> Result<(), DbError> {
    let sql = "UPDATE repositories SET tag_count = tag_count + ? WHERE id = ?";
    tx.execute(sql, values![count, &repository_id]).await?;
    Ok(())
}

/// Deletes every tag that points to a manifest.
pub(crate) async fn delete_all_to(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
) -> Result<(), DbError> {
    let sql = "DELETE FROM tags WHERE repository_id = ? AND digest = ?";
    let gone = tx.execute(sql, values![&repository_id, digest]).await?;
    if gone > 0 {
        add_count(tx, repository_id, -super::bytes_to_column(gone)).await?;
    }
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
    collect(db.all(sql, values![&repository_id, after, limit]).await?)
}

/// Lists tags by version, the newest first, from after a tag, those whose names hold `part`.
pub(crate) async fn list_by_version(
    db: &Db,
    repository_id: Id,
    part: &str,
    after: Option<&Tag>,
    limit: u32,
) -> Result<Vec<TagSummary>, DbError> {
    let sql = select!(
        "WHERE t.repository_id = ? AND t.version_key <= ?
            AND (t.version_key < ? OR t.name < ?) AND LOWER(t.name) LIKE ? ESCAPE '!'
        ORDER BY t.version_key DESC, t.name DESC
        LIMIT ?"
    );
    // Without a tag to start after: a key above every key.
    let key = after.map_or_else(|| "~".to_owned(), Tag::version_key);
    let name = after.map_or("", Tag::as_str);
    let values = values![
        &repository_id,
        key.as_str(),
        key.as_str(),
        name,
        like(part),
        limit
    ];
    collect(db.all(sql, values).await?)
}

/// Lists tags by the time of their push, newest first, from after a time and tag, those whose names
/// hold `part`.
pub(crate) async fn list_by_push(
    db: &Db,
    repository_id: Id,
    part: &str,
    after: Option<(i64, &Tag)>,
    limit: u32,
) -> Result<Vec<TagSummary>, DbError> {
    let sql = select!(
        "WHERE t.repository_id = ? AND t.pushed_ms <= ?
            AND (t.pushed_ms < ? OR t.name < ?) AND LOWER(t.name) LIKE ? ESCAPE '!'
        ORDER BY t.pushed_ms DESC, t.name DESC
        LIMIT ?"
    );
    let (ms, name) = after.map_or((i64::MAX, ""), |(ms, tag)| (ms, tag.as_str()));
    let values = values![&repository_id, ms, ms, name, like(part), limit];
    collect(db.all(sql, values).await?)
}

/// Lists tags by name, from after a tag, those whose names hold `part`.
pub(crate) async fn list_by_name(
    db: &Db,
    repository_id: Id,
    part: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<TagSummary>, DbError> {
    let sql = select!(
        "WHERE t.repository_id = ? AND t.name > ? AND LOWER(t.name) LIKE ? ESCAPE '!'
        ORDER BY t.name
        LIMIT ?"
    );
    let values = values![&repository_id, after, like(part), limit];
    collect(db.all(sql, values).await?)
}

/// Finds several tags, by name.
pub(crate) async fn find_many(
    db: &Db,
    repository_id: Id,
    tags: &[Tag],
) -> Result<Vec<TagSummary>, DbError> {
    if tags.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        select!("WHERE t.repository_id = ? AND t.name IN ({}) ORDER BY t.name"),
        placeholders(tags.len())
    );
    let mut values = values![&repository_id];
    values.extend(tags.iter().map(Value::from));
    collect(db.all(AssertSqlSafe(sql), values).await?)
}

/// Lists the tags that were pushed last, newest first.
pub(crate) async fn list_recent(
    db: &Db,
    repository_id: Id,
    limit: u32,
) -> Result<Vec<TagSummary>, DbError> {
    let sql = select!("WHERE t.repository_id = ? ORDER BY t.pushed_ms DESC, t.name DESC LIMIT ?");
    collect(db.all(sql, values![&repository_id, limit]).await?)
}

fn collect(rows: Vec<TagRow>) -> Result<Vec<TagSummary>, DbError> {
    rows.into_iter().map(TagRow::into_summary).collect()
}

/// Is the pattern of everything in lower case that holds a text.
fn like(part: &str) -> String {
    let mut pattern = String::from("%");
    for c in part.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
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
    let gone = tx.execute(sql, values![&repository_id, tag]).await? > 0;
    if gone {
        add_count(tx, repository_id, -1).await?;
    }
    Ok(gone)
}
