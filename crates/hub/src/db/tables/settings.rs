//! Values that the instance made for itself: keys, the set-up key.

use sqlx::AssertSqlSafe;

use crate::db::{Db, DbError, Tx, Value, row, values};

row! {
    struct Setting {
        value: Vec<u8>,
    }
}

/// Gives each of the names that has no value yet the one beside it, all at once. The first writer wins.
pub(crate) async fn insert_missing(
    db: &Db,
    offered: &[(&'static str, Vec<u8>)],
) -> Result<(), DbError> {
    loop {
        let mut missing: Vec<Value> = Vec::new();
        for (name, value) in offered {
            if find(db, name).await?.is_none() {
                missing.extend(values![*name, value.clone()]);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let places = vec!["(?, ?)"; missing.len() / 2].join(", ");
        let sql = format!("INSERT INTO settings (name, value) VALUES {places}");
        match db.execute(AssertSqlSafe(sql), missing).await {
            Err(DbError::Duplicate) => {}
            other => return other.map(|_| ()),
        }
    }
}

/// Keeps others who ask for the same from going on until the transaction ends.
pub(crate) async fn lock(tx: &mut Tx, name: &str) -> Result<(), DbError> {
    if tx.needs_locks() {
        let sql = "SELECT name FROM settings WHERE name = ?";
        tx.optional_for_update::<(String,)>(sql, values![name])
            .await?;
    }
    Ok(())
}

/// Reads a value.
pub(crate) async fn find(db: &Db, name: &str) -> Result<Option<Vec<u8>>, DbError> {
    let sql = "SELECT value FROM settings WHERE name = ?";
    let row = db.lookup::<Setting>(sql, values![name]).await?;
    Ok(row.map(|row| row.value))
}

/// Reads a value in a transaction; empty when there is none.
pub(crate) async fn find_in(tx: &mut Tx, name: &str) -> Result<Vec<u8>, DbError> {
    let sql = "SELECT value FROM settings WHERE name = ?";
    let row = tx.optional::<(Vec<u8>,)>(sql, values![name]).await?;
    Ok(row.map(|(value,)| value).unwrap_or_default())
}

/// Replaces a value.
pub(crate) async fn set(tx: &mut Tx, name: &str, value: Vec<u8>) -> Result<(), DbError> {
    let sql = "UPDATE settings SET value = ? WHERE name = ?";
    tx.execute(sql, values![value, name]).await?;
    Ok(())
}
