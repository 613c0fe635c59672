//! The table `repository_blobs`: through which repositories a blob may be seen.

use std::collections::HashMap;

use dockyard_oci::{Digest, RepositoryName};
use sqlx::AssertSqlSafe;

use super::blobs::{BlobRow, DIGESTS_A_QUERY};
use super::{column_to_bytes, parse};
use crate::Id;
use crate::db::{Db, DbError, Tx, Value, placeholders, row, values};
use crate::images::Blob;

row! {
    struct LinkedRow {
        unreferenced_ms: Option<i64>,
        ..blob: BlobRow,
    }
}

/// A blob of a repository.
pub(crate) struct Linked {
    pub blob: Blob,
    /// Whether the collector saw that no manifest refers to it.
    pub is_marked: bool,
}

/// Finds a blob through a repository: the only way that a caller may see it.
pub(crate) async fn find(
    db: &Db,
    repository_id: Id,
    digest: &Digest,
) -> Result<Option<Linked>, DbError> {
    let sql = "SELECT b.digest, b.size_bytes, b.location, rb.unreferenced_ms
        FROM repository_blobs rb
        JOIN blobs b ON b.digest = rb.digest
        WHERE rb.repository_id = ? AND rb.digest = ? AND b.damaged_ms IS NULL";
    let row = db
        .lookup::<LinkedRow>(sql, values![&repository_id, digest])
        .await?;
    row.map(|row| {
        Ok(Linked {
            blob: row.blob.into_blob()?,
            is_marked: row.unreferenced_ms.is_some(),
        })
    })
    .transpose()
}

/// Finds several blobs through a repository, in no particular order.
pub(crate) async fn find_many(
    db: &Db,
    repository_id: Id,
    digests: &[&Digest],
) -> Result<Vec<Blob>, DbError> {
    let mut found = Vec::with_capacity(digests.len());
    for some in digests.chunks(DIGESTS_A_QUERY) {
        let sql = format!(
            "SELECT b.digest, b.size_bytes, b.location
            FROM repository_blobs rb
            JOIN blobs b ON b.digest = rb.digest
            WHERE rb.repository_id = ? AND b.damaged_ms IS NULL AND rb.digest IN ({})",
            placeholders(some.len())
        );
        let mut values = values![&repository_id];
        values.extend(some.iter().map(|digest| Value::from(*digest)));
        for row in db.all::<BlobRow>(AssertSqlSafe(sql), values).await? {
            found.push(row.into_blob()?);
        }
    }
    Ok(found)
}

/// Reads the sizes in bytes of those of some digests that a repository has, and whether the collector
/// saw that no manifest refers to them.
pub(crate) async fn sizes(
    tx: &mut Tx,
    repository_id: Id,
    digests: &[&Digest],
) -> Result<HashMap<Digest, (u64, bool)>, DbError> {
    let mut found = HashMap::with_capacity(digests.len());
    for some in digests.chunks(DIGESTS_A_QUERY) {
        let sql = format!(
            "SELECT b.digest, b.size_bytes, rb.unreferenced_ms IS NOT NULL
            FROM repository_blobs rb
            JOIN blobs b ON b.digest = rb.digest
            WHERE rb.repository_id = ? AND b.damaged_ms IS NULL AND rb.digest IN ({})",
            placeholders(some.len())
        );
        let mut values = values![&repository_id];
        values.extend(some.iter().map(|digest| Value::from(*digest)));
        let rows = tx.all::<(String, i64, bool)>(AssertSqlSafe(sql), values);
        for (digest, size, is_marked) in rows.await? {
            found.insert(parse(&digest)?, (column_to_bytes(size), is_marked));
        }
    }
    Ok(found)
}

/// Finds a repository through which everyone, or this owner, sees a blob.
pub(crate) async fn find_source(
    db: &Db,
    digest: &Digest,
    owner_id: Option<&Id>,
) -> Result<Option<(Id, RepositoryName)>, DbError> {
    let sql = "SELECT r.id, r.name
        FROM repository_blobs rb
        JOIN repositories r ON r.id = rb.repository_id
        WHERE rb.digest = ? AND (COALESCE(r.becomes, r.visibility) = 'public' OR r.owner_id = ?)
        LIMIT 1";
    let row = db
        .optional::<(String, String)>(sql, values![digest, owner_id])
        .await?;
    row.map(|(id, name)| Ok((parse(&id)?, parse(&name)?)))
        .transpose()
}

/// Lists some of the repositories that show a blob, by name.
pub(crate) async fn repositories_of(
    db: &Db,
    digest: &Digest,
    limit: u32,
) -> Result<Vec<RepositoryName>, DbError> {
    let sql = "SELECT r.name
        FROM repository_blobs rb
        JOIN repositories r ON r.id = rb.repository_id
        WHERE rb.digest = ?
        ORDER BY r.name
        LIMIT ?";
    let rows = db.all::<(String,)>(sql, values![digest, limit]).await?;
    rows.iter().map(|(name,)| parse(name)).collect()
}

/// Makes a blob visible through a repository; false when it already is.
///
/// Either way it counts as wanted again.
pub(crate) async fn link(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
    now_ms: i64,
) -> Result<bool, DbError> {
    let sql = "INSERT INTO repository_blobs (repository_id, digest, linked_ms) VALUES (?, ?, ?)";
    let new = tx.insert_new(sql, values![&repository_id, digest, now_ms]);
    if !new.await? {
        let sql = "UPDATE repository_blobs SET unreferenced_ms = NULL
            WHERE repository_id = ? AND digest = ? AND unreferenced_ms IS NOT NULL";
        tx.execute(sql, values![&repository_id, digest]).await?;
        return Ok(false);
    }
    let sql = "UPDATE repositories
        SET stored_bytes = stored_bytes + (SELECT size_bytes FROM blobs WHERE digest = ?)
        WHERE id = ?";
    tx.execute(sql, values![digest, &repository_id]).await?;
    Ok(true)
}

/// Takes a blob that was just taken out of a repository off the bytes counted there.
pub(super) async fn uncount(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
) -> Result<(), DbError> {
    let sql = "UPDATE repositories
        SET stored_bytes = stored_bytes - (SELECT size_bytes FROM blobs WHERE digest = ?)
        WHERE id = ?";
    tx.execute(sql, values![digest, &repository_id]).await?;
    Ok(())
}

/// Takes a blob out of a repository, unless a manifest there refers to it; false when nothing was
/// taken out.
pub(crate) async fn unlink(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
) -> Result<bool, DbError> {
    let sql = "DELETE FROM repository_blobs
        WHERE repository_id = ? AND digest = ?
            AND NOT EXISTS (
                SELECT 1 FROM manifest_references mr
                WHERE mr.repository_id = repository_blobs.repository_id
                    AND mr.digest = repository_blobs.digest
            )";
    let gone = tx.execute(sql, values![&repository_id, digest]).await? > 0;
    if gone {
        uncount(tx, repository_id, digest).await?;
    }
    Ok(gone)
}
