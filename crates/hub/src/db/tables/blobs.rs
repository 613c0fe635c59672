//! The tables `blobs` (what is stored) and `repository_blobs` (who may see it).

use std::collections::HashSet;

use dockyard_oci::Digest;
use sqlx::{AssertSqlSafe, FromRow};

use super::{bytes_to_column, column_to_bytes, parse};
use crate::Id;
use crate::db::{Db, DbError, Tx, Value, placeholders, values};
use crate::images::Blob;
use crate::store::Location;

/// Digests asked for in one statement: below every database's limit on arguments.
const DIGESTS_A_QUERY: usize = 500;

#[derive(FromRow)]
struct BlobRow {
    digest: String,
    size_bytes: i64,
    location: String,
}

impl BlobRow {
    fn into_blob(self) -> Result<Blob, DbError> {
        Ok(Blob {
            digest: parse(&self.digest)?,
            size_bytes: column_to_bytes(self.size_bytes),
            location: parse(&self.location)?,
        })
    }
}

/// Finds a blob through a repository: the only way that a caller may see it.
pub(crate) async fn find_in(
    db: &Db,
    repository_id: Id,
    digest: &Digest,
) -> Result<Option<Blob>, DbError> {
    let sql = "SELECT b.digest, b.size_bytes, b.location
        FROM repository_blobs rb
        JOIN blobs b ON b.digest = rb.digest
        WHERE rb.repository_id = ? AND rb.digest = ?";
    let row = db
        .optional::<BlobRow>(sql, values![&repository_id, digest])
        .await?;
    row.map(BlobRow::into_blob).transpose()
}

/// Finds several blobs through a repository, in no particular order.
pub(crate) async fn find_many_in(
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
            WHERE rb.repository_id = ? AND rb.digest IN ({})",
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

/// Tells which of some digests a repository has.
pub(crate) async fn present_in(
    tx: &mut Tx,
    repository_id: Id,
    digests: &[&Digest],
) -> Result<HashSet<Digest>, DbError> {
    let mut found = HashSet::new();
    for some in digests.chunks(DIGESTS_A_QUERY) {
        let sql = format!(
            "SELECT digest FROM repository_blobs WHERE repository_id = ? AND digest IN ({})",
            placeholders(some.len())
        );
        let mut values = values![&repository_id];
        values.extend(some.iter().map(|digest| Value::from(*digest)));
        for (digest,) in tx.all::<(String,)>(AssertSqlSafe(sql), values).await? {
            found.insert(parse(&digest)?);
        }
    }
    Ok(found)
}

/// Finds where a digest is stored, whoever may see it; never to be told to a caller.
pub(crate) async fn find_location(
    tx: &mut Tx,
    digest: &Digest,
) -> Result<Option<Location>, DbError> {
    let sql = "SELECT location FROM blobs WHERE digest = ?";
    let row = tx.optional::<(String,)>(sql, values![digest]).await?;
    row.map(|(location,)| parse(&location)).transpose()
}

pub(crate) async fn insert(tx: &mut Tx, blob: &Blob, now_ms: i64) -> Result<(), DbError> {
    let sql = "INSERT INTO blobs (digest, size_bytes, location, created_ms, seen_ms)
        VALUES (?, ?, ?, ?, ?)";
    let size = bytes_to_column(blob.size_bytes);
    let location = blob.location.to_string();
    tx.execute(sql, values![&blob.digest, size, location, now_ms, now_ms])
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

/// Makes a blob visible through a repository; false when it already is.
pub(crate) async fn link(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
    now_ms: i64,
) -> Result<bool, DbError> {
    let sql = "INSERT INTO repository_blobs (repository_id, digest, linked_ms)
        VALUES (?, ?, ?)
        ON CONFLICT (repository_id, digest) DO NOTHING";
    Ok(tx
        .execute(sql, values![&repository_id, digest, now_ms])
        .await?
        > 0)
}

/// Takes a blob out of a repository; false when it was not in it.
pub(crate) async fn unlink(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
) -> Result<bool, DbError> {
    let sql = "DELETE FROM repository_blobs WHERE repository_id = ? AND digest = ?";
    Ok(tx.execute(sql, values![&repository_id, digest]).await? > 0)
}
