//! Values that the instance made for itself: keys, the set-up key.

use crate::db::{Db, DbError, Tx, values};

/// Reads a value; a name without one gets the value that is offered. The first writer wins.
pub(crate) async fn find_or_insert(
    db: &Db,
    name: &str,
    offered: Vec<u8>,
) -> Result<Vec<u8>, DbError> {
    if let Some(value) = find(db, name).await? {
        return Ok(value);
    }
    let sql = "INSERT INTO settings (name, value) VALUES (?, ?)";
    match db.execute(sql, values![name, offered.clone()]).await {
        Err(DbError::Duplicate) => Ok(find(db, name).await?.unwrap_or_default()),
        other => other.map(|_| offered),
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

async fn find(db: &Db, name: &str) -> Result<Option<Vec<u8>>, DbError> {
    let sql = "SELECT value FROM settings WHERE name = ?";
    let row = db.optional::<(Vec<u8>,)>(sql, values![name]).await?;
    Ok(row.map(|(value,)| value))
}
