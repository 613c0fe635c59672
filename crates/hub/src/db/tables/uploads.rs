//! The table `uploads`: blobs on their way in.

use super::{bytes_to_column, column_to_bytes, parse, readable};
use crate::Id;
use crate::db::{Db, DbError, Tx, row, values};
use crate::store::Location;

row! {
    struct UploadRow {
        location: String,
        offset_bytes: i64,
        hash_state: Vec<u8>,
        store_state: Option<Vec<u8>>,
    }
}

row! {
    struct UsageRow {
        uploads: i64,
        bytes: i64,
    }
}

/// An upload as far as it is durable.
pub(crate) struct StoredUpload {
    pub location: Location,
    pub offset: u64,
    pub hash_state: Vec<u8>,
    /// What its store needs to go on with it.
    pub store_state: Option<Vec<u8>>,
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

/// Counts what a user has under way: uploads, and the bytes that came of them.
pub(crate) async fn usage(db: &Db, user_id: Id) -> Result<(u64, u64), DbError> {
    let sql = "SELECT COUNT(*) AS uploads, CAST(COALESCE(SUM(offset_bytes), 0) AS BIGINT) AS bytes
        FROM uploads
        WHERE user_id = ?";
    let row = db.lookup::<UsageRow>(sql, values![&user_id]).await?;
    Ok(row.map_or((0, 0), |row| {
        (column_to_bytes(row.uploads), column_to_bytes(row.bytes))
    }))
}

/// Finds an upload of this user in this repository; another's is not there.
pub(crate) async fn find(
    db: &Db,
    id: Id,
    repository_id: Id,
    user_id: Id,
) -> Result<Option<StoredUpload>, DbError> {
    let sql = "SELECT location, offset_bytes, hash_state, store_state
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
            store_state: row.store_state,
        })
    })
    .transpose()
}

/// Notes who writes to an upload until when; false while somebody else does.
///
/// Nobody has one that is gone: whoever looks for it next is told that it is not there.
pub(crate) async fn claim(
    db: &Db,
    id: Id,
    writer: Id,
    now_ms: i64,
    until_ms: i64,
) -> Result<bool, DbError> {
    let sql = "UPDATE uploads SET writer = ?, writer_until_ms = ?
        WHERE id = ? AND (writer IS NULL OR writer = ? OR writer_until_ms <= ?)";
    let values = values![&writer, until_ms, &id, &writer, now_ms];
    if db.execute(sql, values).await? > 0 {
        return Ok(true);
    }
    let sql = "SELECT started_ms FROM uploads WHERE id = ?";
    let row = db.optional::<(i64,)>(sql, values![&id]).await?;
    Ok(row.is_none())
}

/// Notes that nobody writes to an upload any more.
pub(crate) async fn release(db: &Db, id: Id, writer: Id) -> Result<(), DbError> {
    let sql = "UPDATE uploads SET writer = NULL, writer_until_ms = NULL
        WHERE id = ? AND writer = ?";
    db.execute(sql, values![&id, &writer]).await?;
    Ok(())
}

/// Moves an upload on from `from` bytes, to be written to by whoever comes next; false when it is elsewhere or gone.
pub(crate) async fn advance(
    db: &Db,
    id: Id,
    from: u64,
    to: &StoredUpload,
    now_ms: i64,
) -> Result<bool, DbError> {
    let sql = "UPDATE uploads
        SET offset_bytes = ?, hash_state = ?, store_state = ?, updated_ms = ?,
            writer = NULL, writer_until_ms = NULL
        WHERE id = ? AND offset_bytes = ?";
    let values = values![
        bytes_to_column(to.offset),
        to.hash_state.clone(),
        to.store_state.clone(),
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

/// An upload that nothing was written to for long, and what its store needs to delete it.
pub(crate) struct IdleUpload {
    pub id: Id,
    pub location: Location,
    pub store_state: Option<Vec<u8>>,
}

/// Lists uploads by id, from after `after`, that nothing was written to since `until_ms`.
pub(crate) async fn list_idle(
    db: &Db,
    after: &str,
    until_ms: i64,
    limit: u32,
) -> Result<Vec<IdleUpload>, DbError> {
    let sql = "SELECT id, location, store_state FROM uploads
        WHERE id > ? AND updated_ms <= ?
        ORDER BY id
        LIMIT ?";
    let rows = db.all::<(String, String, Option<Vec<u8>>)>(sql, values![after, until_ms, limit]);
    let rows = rows.await?.into_iter();
    Ok(readable(rows.map(|(id, location, store_state)| {
        Ok(IdleUpload {
            id: parse(&id)?,
            location: parse(&location)?,
            store_state,
        })
    })))
}

/// Deletes an upload if still nothing was written to it since `until_ms`.
pub(crate) async fn delete_idle(tx: &mut Tx, id: Id, until_ms: i64) -> Result<bool, DbError> {
    let sql = "DELETE FROM uploads WHERE id = ? AND updated_ms <= ?";
    Ok(tx.execute(sql, values![&id, until_ms]).await? > 0)
}

/// Forgets all uploads, in a copy of the database.
pub(crate) async fn delete_all(db: &Db) -> Result<(), DbError> {
    db.execute("DELETE FROM uploads", values![]).await?;
    Ok(())
}

/// Counts all uploads that are not finished.
pub(crate) async fn count(db: &Db) -> Result<u64, DbError> {
    super::count(db, "SELECT COUNT(*) FROM uploads", values![]).await
}

/// Counts uploads that nothing was written to since `until_ms`.
pub(crate) async fn count_idle(db: &Db, until_ms: i64) -> Result<u64, DbError> {
    let sql = "SELECT COUNT(*) FROM uploads WHERE updated_ms <= ?";
    super::count(db, sql, values![until_ms]).await
}
