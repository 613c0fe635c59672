//! The table `blobs`: what is stored, whoever may see it.

use std::collections::HashSet;

use dockyard_oci::Digest;
use sqlx::AssertSqlSafe;

use super::{bytes_to_column, column_to_bytes, parse, readable};
use crate::Id;
use crate::db::{Db, DbError, Tx, Value, placeholders, row, values};
use crate::images::Blob;
use crate::store::Location;

/// Digests asked for in one statement: below every database's limit on arguments.
pub(super) const DIGESTS_A_QUERY: usize = 500;

row! {
    pub(super) struct BlobRow {
        digest: String,
        size_bytes: i64,
        location: String,
    }
}

impl BlobRow {
    pub(super) fn into_blob(self) -> Result<Blob, DbError> {
        Ok(Blob {
            digest: parse(&self.digest)?,
            size_bytes: column_to_bytes(self.size_bytes),
            location: parse(&self.location)?,
        })
    }
}

/// Where a digest is stored.
pub(crate) struct Place {
    pub location: Location,
    pub is_damaged: bool,
}

/// Finds where a digest is stored, whoever may see it, and keeps it there; never to be told to a caller.
pub(crate) async fn find_place(tx: &mut Tx, digest: &Digest) -> Result<Option<Place>, DbError> {
    let sql = "SELECT location, damaged_ms FROM blobs WHERE digest = ?";
    let row = tx
        .optional_for_update::<(String, Option<i64>)>(sql, values![digest])
        .await?;
    row.map(|(location, damaged_ms)| {
        Ok(Place {
            location: parse(&location)?,
            is_damaged: damaged_ms.is_some(),
        })
    })
    .transpose()
}

/// Writes a blob; false when its digest is stored already.
pub(crate) async fn insert(tx: &mut Tx, blob: &Blob, now_ms: i64) -> Result<bool, DbError> {
    let sql = "INSERT INTO blobs (digest, size_bytes, location, created_ms, seen_ms)
        VALUES (?, ?, ?, ?, ?)";
    let size = bytes_to_column(blob.size_bytes);
    let location = blob.location.to_string();
    tx.insert_new(sql, values![&blob.digest, size, location, now_ms, now_ms])
        .await
}

/// Puts a blob that was pushed again in the place of a damaged one.
pub(crate) async fn replace(tx: &mut Tx, blob: &Blob, now_ms: i64) -> Result<(), DbError> {
    let sql = "UPDATE blobs
        SET size_bytes = ?, location = ?, seen_ms = ?, damaged_ms = NULL
        WHERE digest = ?";
    let size = bytes_to_column(blob.size_bytes);
    let location = blob.location.to_string();
    tx.execute(sql, values![size, location, now_ms, &blob.digest])
        .await?;
    Ok(())
}

/// Notes that a blob was uploaded or mounted again, which keeps the collector away from it.
pub(crate) async fn touch(tx: &mut Tx, digest: &Digest, now_ms: i64) -> Result<(), DbError> {
    tx.execute(
        "UPDATE blobs SET seen_ms = ? WHERE digest = ?",
        values![now_ms, digest],
    )
    .await?;
    Ok(())
}

/// Notes that a repository lets go of all its blobs, from when on their grace period counts.
pub(crate) async fn touch_all_of(
    tx: &mut Tx,
    repository_id: Id,
    now_ms: i64,
) -> Result<(), DbError> {
    let sql = "UPDATE blobs SET seen_ms = ?
        WHERE digest IN (SELECT digest FROM repository_blobs WHERE repository_id = ?)";
    tx.execute(sql, values![now_ms, &repository_id]).await?;
    Ok(())
}

/// Puts a damaged blob back that turned out to be whole; false when it was pushed again meanwhile.
pub(crate) async fn set_whole(db: &Db, blob: &Blob) -> Result<bool, DbError> {
    let sql = "UPDATE blobs SET damaged_ms = NULL WHERE digest = ? AND location = ?";
    let location = blob.location.to_string();
    Ok(db.execute(sql, values![&blob.digest, location]).await? > 0)
}

/// Notes that what is stored is not what was pushed: from then on the blob is as good as not there.
///
/// False when it was pushed again meanwhile.
pub(crate) async fn set_damaged(db: &Db, blob: &Blob, now_ms: i64) -> Result<bool, DbError> {
    let sql = "UPDATE blobs SET damaged_ms = ?
        WHERE digest = ? AND location = ? AND damaged_ms IS NULL";
    let location = blob.location.to_string();
    Ok(db
        .execute(sql, values![now_ms, &blob.digest, location])
        .await?
        > 0)
}

/// Counts all blobs, those known to be damaged included.
pub(crate) async fn count(db: &Db) -> Result<u64, DbError> {
    super::count(db, "SELECT COUNT(*) FROM blobs", values![]).await
}

/// Lists blobs by digest, from after `after`, those known to be damaged included.
pub(crate) async fn list(db: &Db, after: &str, limit: u32) -> Result<Vec<(Blob, bool)>, DbError> {
    row! {
        struct ListedRow {
            damaged_ms: Option<i64>,
            ..blob: BlobRow,
        }
    }
    let sql = "SELECT digest, size_bytes, location, damaged_ms
        FROM blobs
        WHERE digest > ?
        ORDER BY digest
        LIMIT ?";
    let rows = db.all::<ListedRow>(sql, values![after, limit]).await?;
    rows.into_iter()
        .map(|row| Ok((row.blob.into_blob()?, row.damaged_ms.is_some())))
        .collect()
}

/// Lists blobs by digest, from after `after`, that no repository shows and that were uploaded or
/// mounted last at `until_ms` or before.
pub(crate) async fn list_due(
    db: &Db,
    after: &str,
    until_ms: i64,
    limit: u32,
) -> Result<Vec<Blob>, DbError> {
    let sql = "SELECT b.digest, b.size_bytes, b.location
        FROM blobs b
        WHERE b.digest > ? AND b.seen_ms <= ?
            AND NOT EXISTS (SELECT 1 FROM repository_blobs rb WHERE rb.digest = b.digest)
        ORDER BY b.digest
        LIMIT ?";
    let rows = db.all::<BlobRow>(sql, values![after, until_ms, limit]);
    Ok(readable(rows.await?.into_iter().map(BlobRow::into_blob)))
}

/// Deletes a blob's row if it is still as `list_due` found it.
pub(crate) async fn delete_due(tx: &mut Tx, blob: &Blob, until_ms: i64) -> Result<bool, DbError> {
    let sql = "DELETE FROM blobs
        WHERE digest = ? AND location = ? AND seen_ms <= ?
            AND NOT EXISTS (SELECT 1 FROM repository_blobs rb WHERE rb.digest = blobs.digest)";
    let values = values![&blob.digest, blob.location.to_string(), until_ms];
    Ok(tx.execute(sql, values).await? > 0)
}

/// Tells which of some objects a row of a table (`uploads` or `blobs`) stands behind.
pub(crate) async fn known_locations(
    db: &Db,
    locations: &[Location],
    table: &'static str,
) -> Result<HashSet<Location>, DbError> {
    let mut known = HashSet::with_capacity(locations.len());
    for some in locations.chunks(DIGESTS_A_QUERY) {
        let marks = placeholders(some.len());
        let sql = format!("SELECT location FROM {table} WHERE location IN ({marks})");
        let values = some.iter().map(|at| Value::from(at.to_string())).collect();
        for (location,) in db.all::<(String,)>(AssertSqlSafe(sql), values).await? {
            known.insert(parse(&location)?);
        }
    }
    Ok(known)
}
