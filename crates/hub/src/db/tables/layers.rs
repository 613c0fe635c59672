//! The table `layers`: which blob an uncompressed layer became.

use dockyard_oci::Digest;

use super::parse;
use crate::Id;
use crate::db::{Db, DbError, Tx, values};

/// Finds the blob of an uncompressed layer among those that a repository already shows.
pub(crate) async fn find_in(
    db: &Db,
    repository_id: Id,
    diff_id: &Digest,
) -> Result<Option<(Digest, u64)>, DbError> {
    let sql = "SELECT l.digest, b.size_bytes
        FROM layers l
        JOIN repository_blobs rb ON rb.digest = l.digest
        JOIN blobs b ON b.digest = l.digest
        WHERE l.diff_id = ? AND rb.repository_id = ? AND b.damaged_ms IS NULL";
    let row = db
        .optional::<(String, i64)>(sql, values![diff_id, &repository_id])
        .await?;
    row.map(|(digest, size)| Ok((parse(&digest)?, super::column_to_bytes(size))))
        .transpose()
}

/// Remembers the blob that the server made of a layer; the first one stays.
pub(crate) async fn insert(tx: &mut Tx, diff_id: &Digest, digest: &Digest) -> Result<(), DbError> {
    let sql = "INSERT INTO layers (diff_id, digest)
        VALUES (?, ?)
        ON CONFLICT (diff_id) DO NOTHING";
    tx.execute(sql, values![diff_id, digest]).await?;
    Ok(())
}
