//! Questions over several tables: who holds on to what, asked before something is deleted.

use dockyard_oci::Digest;
use sqlx::AssertSqlSafe;

use super::blobs::DIGESTS_A_QUERY;
use super::{column_to_bytes, parse};
use crate::Id;
use crate::db::{Db, DbError, Value, placeholders, values};

/// Is true for a link `l` whose blob no manifest of another repository holds, of those that everybody
/// or a viewer may see.
macro_rules! not_held_elsewhere {
    () => {
        "NOT EXISTS (
            SELECT 1 FROM repository_blobs o
            JOIN repositories r ON r.id = o.repository_id
            JOIN manifest_references mr
                ON mr.repository_id = o.repository_id AND mr.digest = o.digest
            WHERE o.digest = l.digest AND o.repository_id <> l.repository_id
                AND (r.visibility = 'public' OR r.owner_id = ?)
        )"
    };
}
/// Lists what tags of a repository point to some manifests: (digest, tag).
pub(crate) async fn tags_of(
    db: &Db,
    repository_id: Id,
    digests: &[Digest],
) -> Result<Vec<(Digest, String)>, DbError> {
    let sql = "SELECT digest, name FROM tags WHERE repository_id = ? AND digest IN";
    let rows: Vec<(String, String)> = each(db, sql, repository_id, digests).await?;
    rows.into_iter()
        .map(|(digest, name)| Ok((parse(&digest)?, name)))
        .collect()
}

/// Lists which manifests of a repository refer to some digests: (digest, the manifest).
pub(crate) async fn holders_of(
    db: &Db,
    repository_id: Id,
    digests: &[Digest],
) -> Result<Vec<(Digest, Digest)>, DbError> {
    let sql = "SELECT digest, manifest FROM manifest_references
        WHERE repository_id = ? AND digest IN";
    pairs(each(db, sql, repository_id, digests).await?)
}

/// Lists the blobs that some manifests of a repository refer to.
pub(crate) async fn blobs_of(
    db: &Db,
    repository_id: Id,
    manifests: &[Digest],
) -> Result<Vec<Digest>, DbError> {
    let sql = "SELECT DISTINCT digest FROM manifest_references
        WHERE kind = 'blob' AND repository_id = ? AND manifest IN";
    let rows: Vec<(String,)> = each(db, sql, repository_id, manifests).await?;
    rows.iter().map(|(digest,)| parse(digest)).collect()
}

/// Lists the manifests that some indexes of a repository list and that are there.
pub(crate) async fn manifests_of(
    db: &Db,
    repository_id: Id,
    indexes: &[Digest],
) -> Result<Vec<Digest>, DbError> {
    let sql = "SELECT DISTINCT m.digest
        FROM manifest_references mr
        JOIN manifests m ON m.repository_id = mr.repository_id AND m.digest = mr.digest
        WHERE mr.kind = 'manifest' AND mr.repository_id = ? AND mr.manifest IN";
    let rows: Vec<(String,)> = each(db, sql, repository_id, indexes).await?;
    rows.iter().map(|(digest,)| parse(digest)).collect()
}

/// Lists the manifests of a repository that name some others as their subject.
pub(crate) async fn referrers_of(
    db: &Db,
    repository_id: Id,
    subjects: &[Digest],
) -> Result<Vec<Digest>, DbError> {
    let sql = "SELECT digest FROM manifests WHERE repository_id = ? AND subject IN";
    let rows: Vec<(String,)> = each(db, sql, repository_id, subjects).await?;
    rows.iter().map(|(digest,)| parse(digest)).collect()
}

/// Sums the sizes in bytes of those of some blobs of a repository that no manifest of another
/// repository holds that everybody, or `viewer_id`, may see.
pub(crate) async fn bytes_held_here_only(
    db: &Db,
    repository_id: Id,
    viewer_id: Option<&Id>,
    digests: &[Digest],
) -> Result<u64, DbError> {
    let mut sum = 0;
    for some in digests.chunks(DIGESTS_A_QUERY) {
        let sql = format!(
            concat!(
                "SELECT CAST(COALESCE(SUM(b.size_bytes), 0) AS BIGINT)
                FROM repository_blobs l
                JOIN blobs b ON b.digest = l.digest
                WHERE l.repository_id = ? AND ",
                not_held_elsewhere!(),
                " AND l.digest IN ({})"
            ),
            placeholders(some.len())
        );
        let mut values = values![&repository_id, viewer_id];
        values.extend(some.iter().map(Value::from));
        let row = db.optional::<(i64,)>(AssertSqlSafe(sql), values).await?;
        sum += row.map_or(0, |(bytes,)| column_to_bytes(bytes));
    }
    Ok(sum)
}

/// Sums the sizes of all blobs of a repository that no manifest of another holds that everybody, or
/// `viewer_id`, may see.
pub(crate) async fn all_bytes_held_here_only(
    db: &Db,
    repository_id: Id,
    viewer_id: Option<&Id>,
) -> Result<u64, DbError> {
    let sql = concat!(
        "SELECT CAST(COALESCE(SUM(b.size_bytes), 0) AS BIGINT)
        FROM repository_blobs l
        JOIN blobs b ON b.digest = l.digest
        WHERE l.repository_id = ? AND ",
        not_held_elsewhere!()
    );
    super::count(db, sql, values![&repository_id, viewer_id]).await
}

async fn each<R: crate::db::Row>(
    db: &Db,
    before: &'static str,
    repository_id: Id,
    digests: &[Digest],
) -> Result<Vec<R>, DbError> {
    let mut found = Vec::new();
    for some in digests.chunks(DIGESTS_A_QUERY) {
        let sql = format!("{before} ({})", placeholders(some.len()));
        let mut values = values![&repository_id];
        values.extend(some.iter().map(Value::from));
        found.extend(db.all::<R>(AssertSqlSafe(sql), values).await?);
    }
    Ok(found)
}

fn pairs(rows: Vec<(String, String)>) -> Result<Vec<(Digest, Digest)>, DbError> {
    rows.iter()
        .map(|(a, b)| Ok((parse(a)?, parse(b)?)))
        .collect()
}
