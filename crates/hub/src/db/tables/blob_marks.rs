//! The column `repository_blobs.unreferenced_ms`: since when the collector knows that no manifest of the
//! repository refers to a blob.

use dockyard_oci::Digest;

use super::{count, parse, readable};
use crate::Id;
use crate::db::{Db, DbError, Tx, Value, values};

/// Is true for a link that no manifest of its repository stands behind.
macro_rules! unreferenced {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " NOT EXISTS (
                SELECT 1 FROM manifest_references mr
                WHERE mr.repository_id = repository_blobs.repository_id
                    AND mr.digest = repository_blobs.digest
            ) ",
            $after
        )
    };
}

/// Lists unmarked links of a repository, by digest, from after `after`, that no manifest stands behind.
pub(crate) async fn list_unreferenced(
    db: &Db,
    repository_id: Id,
    after: &str,
    limit: u32,
) -> Result<Vec<Digest>, DbError> {
    let sql = unreferenced!(
        "SELECT digest FROM repository_blobs
        WHERE repository_id = ? AND digest > ? AND unreferenced_ms IS NULL AND",
        "ORDER BY digest LIMIT ?"
    );
    digests(db, sql, values![&repository_id, after, limit]).await
}

/// Lists links of a repository, by digest, from after `after`, that were marked at `until_ms` or before, and
/// that still no manifest stands behind.
pub(crate) async fn list_due(
    db: &Db,
    repository_id: Id,
    after: &str,
    until_ms: i64,
    limit: u32,
) -> Result<Vec<Digest>, DbError> {
    let sql = unreferenced!(
        "SELECT digest FROM repository_blobs
        WHERE repository_id = ? AND digest > ? AND unreferenced_ms <= ? AND",
        "ORDER BY digest LIMIT ?"
    );
    digests(db, sql, values![&repository_id, after, until_ms, limit]).await
}

async fn digests(db: &Db, sql: &'static str, values: Vec<Value>) -> Result<Vec<Digest>, DbError> {
    let rows = db.all::<(String,)>(sql, values).await?;
    Ok(readable(rows.iter().map(|(digest,)| parse(digest))))
}

/// Marks a link as unreferenced from now on, if it still is and has no mark.
pub(crate) async fn mark(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
    now_ms: i64,
) -> Result<bool, DbError> {
    let sql = unreferenced!(
        "UPDATE repository_blobs SET unreferenced_ms = ?
        WHERE repository_id = ? AND digest = ? AND unreferenced_ms IS NULL AND",
        ""
    );
    let values = values![now_ms, &repository_id, digest];
    Ok(tx.execute(sql, values).await? > 0)
}

/// Takes the marks off the links of a repository that a manifest stands behind again.
pub(crate) async fn unmark_referenced(db: &Db, repository_id: Id) -> Result<u64, DbError> {
    let sql = "UPDATE repository_blobs SET unreferenced_ms = NULL
        WHERE repository_id = ? AND unreferenced_ms IS NOT NULL
            AND EXISTS (
                SELECT 1 FROM manifest_references mr
                WHERE mr.repository_id = repository_blobs.repository_id
                    AND mr.digest = repository_blobs.digest
            )";
    db.execute(sql, values![&repository_id]).await
}

/// Deletes a link that was marked at `until_ms` or before, if still no manifest stands behind it.
pub(crate) async fn delete_due(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
    until_ms: i64,
) -> Result<bool, DbError> {
    let sql = unreferenced!(
        "DELETE FROM repository_blobs
        WHERE repository_id = ? AND digest = ? AND unreferenced_ms <= ? AND",
        ""
    );
    let values = values![&repository_id, digest, until_ms];
    let gone = tx.execute(sql, values).await? > 0;
    if gone {
        super::repository_blobs::uncount(tx, repository_id, digest).await?;
    }
    Ok(gone)
}

/// Counts the marked links of a repository.
pub(crate) async fn count_marked(db: &Db, repository_id: Id) -> Result<u64, DbError> {
    let sql = "SELECT COUNT(*) FROM repository_blobs
        WHERE repository_id = ? AND unreferenced_ms IS NOT NULL";
    count(db, sql, values![&repository_id]).await
}

/// Counts what `list_unreferenced` would list.
pub(crate) async fn count_unreferenced(db: &Db, repository_id: Id) -> Result<u64, DbError> {
    let sql = unreferenced!(
        "SELECT COUNT(*) FROM repository_blobs
        WHERE repository_id = ? AND unreferenced_ms IS NULL AND",
        ""
    );
    count(db, sql, values![&repository_id]).await
}

/// Counts what `list_due` would list.
pub(crate) async fn count_due(db: &Db, repository_id: Id, until_ms: i64) -> Result<u64, DbError> {
    let sql = unreferenced!(
        "SELECT COUNT(*) FROM repository_blobs
        WHERE repository_id = ? AND unreferenced_ms <= ? AND",
        ""
    );
    count(db, sql, values![&repository_id, until_ms]).await
}

/// Notes that somebody asked for a blob that nothing refers to, which keeps the collector away; false
/// when it is gone.
pub(crate) async fn unmark(db: &Db, repository_id: Id, digest: &Digest) -> Result<bool, DbError> {
    let sql = "UPDATE repository_blobs SET unreferenced_ms = NULL
        WHERE repository_id = ? AND digest = ?";
    Ok(db.execute(sql, values![&repository_id, digest]).await? > 0)
}

/// Takes the mark off a blob that a manifest is about to refer to.
pub(crate) async fn unmark_in(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
) -> Result<(), DbError> {
    let sql = "UPDATE repository_blobs SET unreferenced_ms = NULL
        WHERE repository_id = ? AND digest = ?";
    tx.execute(sql, values![&repository_id, digest]).await?;
    Ok(())
}
