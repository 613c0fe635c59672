//! The table `sessions`: what the browser's cookie points to. The data is the server's own.

use crate::Id;
use crate::accounts::{NewSession, SessionSummary};
use crate::db::{Db, DbError, Tx, row, values};

/// Most sessions of a list: far more than anybody keeps track of.
const LISTED_MAX: u32 = 200;

/// Writes a session that must not exist yet.
pub(crate) async fn insert(db: &Db, new: NewSession<'_>, now_ms: i64) -> Result<(), DbError> {
    let sql = "INSERT INTO sessions
            (id, data, expires_ms, user_id, generation, client, created_ms, seen_ms)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let values = values![
        new.id,
        new.data,
        new.expires_ms,
        new.user_id.as_ref(),
        new.generation,
        new.client,
        now_ms,
        now_ms
    ];
    db.execute(sql, values).await?;
    Ok(())
}

/// Writes a session over itself; one that was ended meanwhile stays ended, and whose it is stays.
pub(crate) async fn update(db: &Db, new: NewSession<'_>, now_ms: i64) -> Result<(), DbError> {
    let sql = "UPDATE sessions SET data = ?, expires_ms = ?, seen_ms = ? WHERE id = ?";
    let values = values![new.data, new.expires_ms, now_ms, new.id];
    db.execute(sql, values).await?;
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

row! {
    struct ListedRow {
        id: String,
        client: String,
        created_ms: i64,
        seen_ms: i64,
    }
}

/// Lists the sessions in which a user is logged in, the one seen last first.
pub(crate) async fn list(
    db: &Db,
    user_id: Id,
    now_ms: i64,
) -> Result<Vec<SessionSummary>, DbError> {
    let sql = "SELECT s.id, s.client, s.created_ms, s.seen_ms
        FROM sessions s
        JOIN users u ON u.id = s.user_id AND u.generation = s.generation
        WHERE s.user_id = ? AND s.expires_ms > ?
        ORDER BY s.seen_ms DESC
        LIMIT ?";
    let rows = db.all::<ListedRow>(sql, values![&user_id, now_ms, LISTED_MAX]);
    Ok(rows
        .await?
        .into_iter()
        .map(|row| SessionSummary {
            handle: row.id,
            client: row.client,
            created_ms: row.created_ms,
            seen_ms: row.seen_ms,
        })
        .collect())
}

pub(crate) async fn delete(db: &Db, id: &str) -> Result<(), DbError> {
    db.execute("DELETE FROM sessions WHERE id = ?", values![id])
        .await?;
    Ok(())
}

/// Deletes a session of a user; false when that user has no such session.
pub(crate) async fn delete_of(db: &Db, user_id: Id, id: &str) -> Result<bool, DbError> {
    let sql = "DELETE FROM sessions WHERE user_id = ? AND id = ?";
    Ok(db.execute(sql, values![&user_id, id]).await? > 0)
}

/// Deletes all sessions of a user.
pub(crate) async fn delete_all_of(tx: &mut Tx, user_id: Id) -> Result<(), DbError> {
    let sql = "DELETE FROM sessions WHERE user_id = ?";
    tx.execute(sql, values![&user_id]).await?;
    Ok(())
}

/// Deletes all sessions of a user but one.
pub(crate) async fn delete_others(db: &Db, user_id: Id, but: &str) -> Result<u64, DbError> {
    let sql = "DELETE FROM sessions WHERE user_id = ? AND id <> ?";
    db.execute(sql, values![&user_id, but]).await
}

pub(crate) async fn delete_expired(db: &Db, now_ms: i64) -> Result<u64, DbError> {
    db.execute(
        "DELETE FROM sessions WHERE expires_ms <= ?",
        values![now_ms],
    )
    .await
}
