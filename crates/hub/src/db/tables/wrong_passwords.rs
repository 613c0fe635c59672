//! The table `wrong_passwords`: what several nodes count together.

use sqlx::AssertSqlSafe;

use crate::db::{Db, DbError, Value, placeholders, values};

/// Finds when all tries of some keys are there again, in Unix milliseconds; those without wrong passwords are left out.
pub(crate) async fn find(db: &Db, keys: &[&str]) -> Result<Vec<(String, i64)>, DbError> {
    let places = placeholders(keys.len());
    let sql = format!("SELECT id, full_ms FROM wrong_passwords WHERE id IN ({places})");
    let keys = keys.iter().map(|key| Value::from(*key)).collect();
    db.all(AssertSqlSafe(sql), keys).await
}

/// Counts one more wrong password of a key, which takes `interval_ms` to be forgotten.
pub(crate) async fn add(db: &Db, key: &str, now_ms: i64, interval_ms: i64) -> Result<(), DbError> {
    let more = "UPDATE wrong_passwords
        SET full_ms = CASE WHEN full_ms > ? THEN full_ms ELSE ? END + ?
        WHERE id = ?";
    let values = || values![now_ms, now_ms, interval_ms, key];
    if db.execute(more, values()).await? > 0 {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    let first = "INSERT INTO wrong_passwords (id, full_ms) VALUES (?, ?)";
    let is_first = tx.insert_new(first, values![key, now_ms + interval_ms]);
    if is_first.await? {
        return tx.commit().await;
    }
    drop(tx);
    // Another node counted its first at the same moment.
    db.execute(more, values()).await.map(|_| ())
}

/// Forgets the wrong passwords of a key.
pub(crate) async fn forget(db: &Db, key: &str) -> Result<(), DbError> {
    let sql = "DELETE FROM wrong_passwords WHERE id = ?";
    db.execute(sql, values![key]).await.map(|_| ())
}

/// Deletes what does not count any more, and tells how many keys that were.
pub(crate) async fn delete_old(db: &Db, now_ms: i64) -> Result<u64, DbError> {
    let sql = "DELETE FROM wrong_passwords WHERE full_ms <= ?";
    db.execute(sql, values![now_ms]).await
}
