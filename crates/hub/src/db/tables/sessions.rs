//! The table `sessions`: what the browser's cookie points to. The data is the server's own.

use crate::db::{Db, DbError, values};

/// Writes a session that must not exist yet.
pub(crate) async fn insert(
    db: &Db,
    id: &str,
    data: Vec<u8>,
    expires_ms: i64,
) -> Result<(), DbError> {
    let sql = "INSERT INTO sessions (id, data, expires_ms) VALUES (?, ?, ?)";
    db.execute(sql, values![id, data, expires_ms]).await?;
    Ok(())
}

/// Writes a session over itself; one that was ended meanwhile stays ended.
pub(crate) async fn update(
    db: &Db,
    id: &str,
    data: Vec<u8>,
    expires_ms: i64,
) -> Result<(), DbError> {
    let sql = "UPDATE sessions SET data = ?, expires_ms = ? WHERE id = ?";
    db.execute(sql, values![data, expires_ms, id]).await?;
    Ok(())
}

/// Reads a session that has not expired: its data and expiry.
pub(crate) async fn find(
    db: &Db,
    id: &str,
    now_ms: i64,
) -> Result<Option<(Vec<u8>, i64)>, DbError> {
    let sql = "SELECT data, expires_ms FROM sessions WHERE id = ? AND expires_ms > ?";
    db.optional(sql, values![id, now_ms]).await
}

pub(crate) async fn delete(db: &Db, id: &str) -> Result<(), DbError> {
    db.execute("DELETE FROM sessions WHERE id = ?", values![id])
        .await?;
    Ok(())
}

pub(crate) async fn delete_expired(db: &Db, now_ms: i64) -> Result<u64, DbError> {
    db.execute(
        "DELETE FROM sessions WHERE expires_ms <= ?",
        values![now_ms],
    )
    .await
}
