//! The table `layers`: which uncompressed layer is inside a blob.

use dockyard_oci::Digest;
use sqlx::AssertSqlSafe;

use super::blobs::DIGESTS_A_QUERY;
use super::{column_to_bytes, parse};
use crate::Id;
use crate::db::{Db, DbError, Tx, Value, placeholders, values};

/// A blob, and the digest of the layer inside.
pub(crate) struct KnownLayer {
    pub digest: Digest,
    pub size_bytes: u64,
    /// Where it was looked at so far.
    pub diff_id: Option<Digest>,
    /// Of the blob, by its first bytes.
    pub media_type: String,
}

/// Finds a blob that was compressed here and has a layer inside, among what everyone, a user, or whoever sees a
/// repository may read. What somebody else compressed is theirs: nobody gets it in place of a plain layer.
pub(crate) async fn find_readable(
    db: &Db,
    diff_id: &Digest,
    repository_id: Id,
    user_id: Option<Id>,
) -> Result<Option<KnownLayer>, DbError> {
    let sql = "SELECT l.digest, b.size_bytes, l.diff_id, l.media_type
        FROM layers l
        JOIN blobs b ON b.digest = l.digest
        WHERE l.diff_id = ? AND l.made_here = 1 AND b.damaged_ms IS NULL
            AND EXISTS (
                SELECT 1 FROM repository_blobs rb
                JOIN repositories r ON r.id = rb.repository_id
                WHERE rb.digest = l.digest
                    AND (r.id = ? OR r.owner_id = ? OR r.visibility = 'public')
            )
        LIMIT 1";
    let values = values![diff_id, &repository_id, user_id.as_ref()];
    find_one(db, sql, values).await
}

/// Finds a blob of a tarball among what everyone, a user, or whoever sees a repository may read.
pub(crate) async fn find_readable_blob(
    db: &Db,
    digest: &Digest,
    repository_id: Id,
    user_id: Option<Id>,
) -> Result<Option<KnownLayer>, DbError> {
    let sql = "SELECT l.digest, b.size_bytes, l.diff_id, l.media_type
        FROM layers l
        JOIN blobs b ON b.digest = l.digest
        WHERE l.digest = ? AND b.damaged_ms IS NULL
            AND EXISTS (
                SELECT 1 FROM repository_blobs rb
                JOIN repositories r ON r.id = rb.repository_id
                WHERE rb.digest = l.digest
                    AND (r.id = ? OR r.owner_id = ? OR r.visibility = 'public')
            )";
    let values = values![digest, &repository_id, user_id.as_ref()];
    find_one(db, sql, values).await
}

async fn find_one(
    db: &Db,
    sql: &'static str,
    values: Vec<Value>,
) -> Result<Option<KnownLayer>, DbError> {
    let row = db
        .optional::<(String, i64, Option<String>, String)>(sql, values)
        .await?;
    row.map(|(digest, size, diff_id, media_type)| {
        Ok(KnownLayer {
            digest: parse(&digest)?,
            size_bytes: column_to_bytes(size),
            diff_id: diff_id.as_deref().map(parse).transpose()?,
            media_type,
        })
    })
    .transpose()
}

/// Tells which of some digests are layers, or blobs with a layer inside, that everyone or a user may read.
pub(crate) async fn list_readable(
    db: &Db,
    digests: &[Digest],
    user_id: Id,
) -> Result<Vec<Digest>, DbError> {
    let mut known = Vec::new();
    for some in digests.chunks(DIGESTS_A_QUERY) {
        let these = placeholders(some.len());
        // Each digest may be either, and is found by its own index.
        let either = |column: &str, also: &str| {
            format!(
                "SELECT l.{column}
                FROM layers l
                JOIN blobs b ON b.digest = l.digest
                WHERE l.{column} IN ({these}){also} AND b.damaged_ms IS NULL
                    AND EXISTS (
                        SELECT 1 FROM repository_blobs rb
                        JOIN repositories r ON r.id = rb.repository_id
                        WHERE rb.digest = l.digest
                            AND (r.owner_id = ? OR r.visibility = 'public')
                    )"
            )
        };
        let sql = format!(
            "{} UNION {}",
            either("digest", ""),
            either("diff_id", " AND l.made_here = 1")
        );
        let mut values = Vec::with_capacity(2 * some.len() + 2);
        for _ in 0..2 {
            values.extend(some.iter().map(Value::from));
            values.extend(values![&user_id]);
        }
        let rows = db.all::<(String,)>(AssertSqlSafe(sql), values).await?;
        for (digest,) in rows {
            known.push(parse(&digest)?);
        }
    }
    Ok(known)
}

/// Facts about a stored layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewLayer<'a> {
    pub media_type: &'a str,
    /// Digest of the uncompressed layer, if it was computed.
    pub diff_id: Option<&'a Digest>,
    /// True if Dockyard compressed it.
    pub made_here: bool,
}

/// Remembers that a blob is a layer.
pub(crate) async fn insert(tx: &mut Tx, digest: &Digest, new: NewLayer<'_>) -> Result<(), DbError> {
    let NewLayer {
        media_type,
        diff_id,
        made_here,
    } = new;
    let made_here = i64::from(made_here);
    let sql = "INSERT INTO layers (digest, diff_id, media_type, made_here) VALUES (?, ?, ?, ?)";
    let new = tx.insert_new(sql, values![digest, diff_id, media_type, made_here]);
    if !new.await? {
        // The same bytes are the same layer, whoever compressed them first.
        let sql = "UPDATE layers
            SET diff_id = COALESCE(diff_id, ?), made_here = CASE WHEN ? = 1 THEN 1 ELSE made_here END
            WHERE digest = ?";
        tx.execute(sql, values![diff_id, made_here, digest]).await?;
    }
    Ok(())
}

/// Remembers which layer is inside a blob that was looked at.
pub(crate) async fn set_diff_id(db: &Db, digest: &Digest, diff_id: &Digest) -> Result<(), DbError> {
    let sql = "UPDATE layers SET diff_id = ? WHERE digest = ?";
    db.execute(sql, values![diff_id, digest]).await?;
    Ok(())
}
