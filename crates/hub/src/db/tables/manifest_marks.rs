//! The columns `manifests.unreferenced_ms`: since when the collector knows that nothing refers to one, and
//! `manifests.subject_gone_ms`: when the manifest that one hangs on was deleted.

use dockyard_oci::Digest;
use sqlx::AssertSqlSafe;

use super::blobs::DIGESTS_A_QUERY;
use super::{count, parse, readable};
use crate::Id;
use crate::db::{Db, DbError, Tx, Value, placeholders, values};

/// Is true for a manifest that no tag points to, no index lists, and that hangs on no subject.
macro_rules! unreferenced {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " NOT EXISTS (
                SELECT 1 FROM tags t
                WHERE t.repository_id = manifests.repository_id AND t.digest = manifests.digest
            )
            AND NOT EXISTS (
                SELECT 1 FROM manifest_references mr
                WHERE mr.repository_id = manifests.repository_id AND mr.digest = manifests.digest
            )
            AND NOT EXISTS (
                SELECT 1 FROM manifests s
                WHERE s.repository_id = manifests.repository_id AND s.digest = manifests.subject
            ) ",
            $after
        )
    };
}

/// Lists unmarked manifests of a repository, by digest, from after `after`, that nothing refers to.
///
/// One whose subject was never pushed is left alone: what it belongs to may live elsewhere.
pub(crate) async fn list_unreferenced(
    db: &Db,
    repository_id: Id,
    after: &str,
    limit: u32,
) -> Result<Vec<Digest>, DbError> {
    let sql = unreferenced!(
        "SELECT digest FROM manifests
        WHERE repository_id = ? AND digest > ? AND unreferenced_ms IS NULL
            AND (subject IS NULL OR subject_gone_ms IS NOT NULL) AND",
        "ORDER BY digest LIMIT ?"
    );
    digests(db, sql, values![&repository_id, after, limit]).await
}

/// Lists manifests of a repository, by digest, from after `after`, that were marked at `until_ms` or before,
/// and that still nothing refers to.
pub(crate) async fn list_due(
    db: &Db,
    repository_id: Id,
    after: &str,
    until_ms: i64,
    limit: u32,
) -> Result<Vec<Digest>, DbError> {
    let sql = unreferenced!(
        "SELECT digest FROM manifests
        WHERE repository_id = ? AND digest > ? AND unreferenced_ms <= ? AND",
        "ORDER BY digest LIMIT ?"
    );
    digests(db, sql, values![&repository_id, after, until_ms, limit]).await
}

async fn digests(db: &Db, sql: &'static str, values: Vec<Value>) -> Result<Vec<Digest>, DbError> {
    let rows = db.all::<(String,)>(sql, values).await?;
    Ok(readable(rows.iter().map(|(digest,)| parse(digest))))
}

/// Marks a manifest as unreferenced since `since_ms`, if it is and has no mark.
pub(crate) async fn mark(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
    since_ms: i64,
) -> Result<bool, DbError> {
    let sql = unreferenced!(
        "UPDATE manifests SET unreferenced_ms = ?
        WHERE repository_id = ? AND digest = ? AND unreferenced_ms IS NULL AND",
        ""
    );
    let values = values![since_ms, &repository_id, digest];
    Ok(tx.execute(sql, values).await? > 0)
}

/// Takes the mark off a manifest that somebody asked for; false when it is gone.
pub(crate) async fn unmark(db: &Db, repository_id: Id, digest: &Digest) -> Result<bool, DbError> {
    let sql = "UPDATE manifests SET unreferenced_ms = NULL WHERE repository_id = ? AND digest = ?";
    Ok(db.execute(sql, values![&repository_id, digest]).await? > 0)
}

/// Takes the marks off the manifests that an index is about to list.
pub(crate) async fn unmark_listed(
    tx: &mut Tx,
    repository_id: Id,
    digests: &[&Digest],
) -> Result<(), DbError> {
    for some in digests.chunks(DIGESTS_A_QUERY) {
        let sql = AssertSqlSafe(format!(
            "UPDATE manifests SET unreferenced_ms = NULL
            WHERE repository_id = ? AND unreferenced_ms IS NOT NULL AND digest IN ({})",
            placeholders(some.len())
        ));
        let mut values = values![&repository_id];
        values.extend(some.iter().map(|digest| Value::from(*digest)));
        tx.execute(sql, values).await?;
    }
    Ok(())
}

/// Takes the marks off the manifests of a repository that something refers to again.
pub(crate) async fn unmark_referenced(db: &Db, repository_id: Id) -> Result<u64, DbError> {
    let sql = "UPDATE manifests SET unreferenced_ms = NULL
        WHERE repository_id = ? AND unreferenced_ms IS NOT NULL AND (
            EXISTS (
                SELECT 1 FROM tags t
                WHERE t.repository_id = manifests.repository_id AND t.digest = manifests.digest
            )
            OR EXISTS (
                SELECT 1 FROM manifest_references mr
                WHERE mr.repository_id = manifests.repository_id AND mr.digest = manifests.digest
            )
            OR EXISTS (
                SELECT 1 FROM manifests s
                WHERE s.repository_id = manifests.repository_id AND s.digest = manifests.subject
            )
        )";
    db.execute(sql, values![&repository_id]).await
}

/// Deletes a manifest that was marked at `until_ms` or before, if still nothing refers to it.
pub(crate) async fn delete_due(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
    until_ms: i64,
) -> Result<bool, DbError> {
    let sql = unreferenced!(
        "DELETE FROM manifests
        WHERE repository_id = ? AND digest = ? AND unreferenced_ms <= ? AND",
        ""
    );
    let values = values![&repository_id, digest, until_ms];
    Ok(tx.execute(sql, values).await? > 0)
}

/// Counts the marked manifests of a repository.
pub(crate) async fn count_marked(db: &Db, repository_id: Id) -> Result<u64, DbError> {
    let sql = "SELECT COUNT(*) FROM manifests
        WHERE repository_id = ? AND unreferenced_ms IS NOT NULL";
    count(db, sql, values![&repository_id]).await
}

/// Counts what `list_unreferenced` would list.
pub(crate) async fn count_unreferenced(db: &Db, repository_id: Id) -> Result<u64, DbError> {
    let sql = unreferenced!(
        "SELECT COUNT(*) FROM manifests
        WHERE repository_id = ? AND unreferenced_ms IS NULL
            AND (subject IS NULL OR subject_gone_ms IS NOT NULL) AND",
        ""
    );
    count(db, sql, values![&repository_id]).await
}

/// Counts what `list_due` would list.
pub(crate) async fn count_due(db: &Db, repository_id: Id, until_ms: i64) -> Result<u64, DbError> {
    let sql = unreferenced!(
        "SELECT COUNT(*) FROM manifests
        WHERE repository_id = ? AND unreferenced_ms <= ? AND",
        ""
    );
    count(db, sql, values![&repository_id, until_ms]).await
}

/// Lists the digests of what a manifest refers to.
pub(crate) async fn references(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
) -> Result<Vec<Digest>, DbError> {
    let sql = "SELECT digest FROM manifest_references WHERE repository_id = ? AND manifest = ?";
    let rows = tx.all::<(String,)>(sql, values![&repository_id, digest]);
    rows.await?.iter().map(|(digest,)| parse(digest)).collect()
}

/// Notes that the subject of some manifests goes now, so that they can go as well once nothing else
/// refers to them, and marks those of which that is true already.
pub(crate) async fn lose_subject(
    tx: &mut Tx,
    repository_id: Id,
    subject: &Digest,
    now_ms: i64,
) -> Result<(), DbError> {
    let sql = "UPDATE manifests SET subject_gone_ms = ? WHERE repository_id = ? AND subject = ?";
    let values = values![now_ms, &repository_id, subject];
    tx.execute(sql, values).await?;
    let sql = unreferenced!(
        "UPDATE manifests SET unreferenced_ms = ?
        WHERE repository_id = ? AND subject = ? AND unreferenced_ms IS NULL AND",
        ""
    );
    let values = values![now_ms, &repository_id, subject];
    tx.execute(sql, values).await?;
    Ok(())
}
