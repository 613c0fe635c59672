//! The table `uploads`: blobs on their way in.

use sqlx::FromRow;

use super::{bytes_to_column, column_to_bytes, parse, readable};
use crate::Id;
use crate::db::{Db, DbError, Tx, values};
use crate::store::Location;

#[derive(FromRow)]
struct UploadRow {
    location: String,
    offset_bytes: i64,
    hash_state: Vec<u8>,
}

/// An upload as far as it is durable.
pub(crate) struct StoredUpload {
    pub location: Location,
    pub offset: u64,
    pub hash_state: Vec<u8>,
}

pub(crate) async fn insert(
    db: &Db,
    id: Id,
    repository_id: Id,
    user_id: Id,
    upload: &StoredUpload,
    now_ms: i64,
) -> Result<(), DbError> {
    let sql = "INSERT INTO uploads
            (id, repository_id, user_id, location, offset_bytes, hash_state, started_ms, updated_ms)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let values = values![
        &id,
        &repository_id,
        &user_id,
        upload.location.to_string(),
        bytes_to_column(upload.offset),
        upload.hash_state.clone(),
        now_ms,
        now_ms,
    ];
    db.execute(sql, values).await?;
    Ok(())
}

/// Finds an upload of this user in this repository; another's is not there.
pub(crate) async fn find(
    db: &Db,
    id: Id,
    repository_id: Id,
    user_id: Id,
) -> Result<Option<StoredUpload>, DbError> {
    let sql = "SELECT location, offset_bytes, hash_state
        FROM uploads
        WHERE id = ? AND repository_id = ? AND user_id = ?";
    let row = db
        .optional::<UploadRow>(sql, values![&id, &repository_id, &user_id])
        .await?;
    row.map(|row| {
        Ok(StoredUpload {
            location: parse(&row.location)?,
            offset: column_to_bytes(row.offset_bytes),
            hash_state: row.hash_state,
        })
    })
    .transpose()
}

/// Moves an upload on from `from` bytes; false when it is elsewhere or gone.
pub(crate) async fn advance(
    db: &Db,
    id: Id,
    from: u64,
    to: u64,
    hash_state: Vec<u8>,
    now_ms: i64,
) -> Result<bool, DbError> {
    let sql = "UPDATE uploads
        SET offset_bytes = ?, hash_state = ?, updated_ms = ?
        WHERE id = ? AND offset_bytes = ?";
    let values = values![
        bytes_to_column(to),
        hash_state,
        now_ms,
        &id,
        bytes_to_column(from)
    ];
    Ok(db.execute(sql, values).await? > 0)
}

pub(crate) async fn delete(tx: &mut Tx, id: Id) -> Result<bool, DbError> {
    Ok(tx
        .execute("DELETE FROM uploads WHERE id = ?", values![&id])
        .await?
        > 0)
}

/// Lists uploads by id, from after `after`, with their locations, that nothing was written to since
/// `until_ms`.
pub(crate) async fn list_idle(
    db: &Db,
    after: &str,
    until_ms: i64,
    limit: u32,
) -> Result<Vec<(Id, Location)>, DbError> {
    let sql = "SELECT id, location FROM uploads
        WHERE id > ? AND updated_ms <= ?
        ORDER BY id
        LIMIT ?";
    let rows = db.all::<(String, String)>(sql, values![after, until_ms, limit]);
    let rows = rows.await?.into_iter();
    Ok(readable(rows.map(|(id, location)| {
        Ok((parse(&id)?, parse(&location)?))
    })))
}

/// Deletes an upload if still nothing was written to it since `until_ms`.
pub(crate) async fn delete_idle(tx: &mut Tx, id: Id, until_ms: i64) -> Result<bool, DbError> {
    let sql = "DELETE FROM uploads WHERE id = ? AND updated_ms <= ?";
    Ok(tx.execute(sql, values![&id, until_ms]).await? > 0)
}

/// Counts uploads that nothing was written to since `until_ms`.
pub(crate) async fn count_idle(db: &Db, until_ms: i64) -> Result<u64, DbError> {
    let sql = "SELECT COUNT(*) FROM uploads WHERE updated_ms <= ?";
    super::count(db, sql, values![until_ms]).await
}
