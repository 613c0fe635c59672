//! Values that the instance made for itself: keys, the set-up key.

use crate::db::{Db, DbError, values};

pub(crate) async fn find(db: &Db, name: &str) -> Result<Option<Vec<u8>>, DbError> {
    let sql = "SELECT value FROM settings WHERE name = ?";
    Ok(db
        .optional::<(Vec<u8>,)>(sql, values![name])
        .await?
        .map(|(value,)| value))
}

/// Writes a value unless the name has one; the first writer wins.
pub(crate) async fn insert_once(db: &Db, name: &str, value: Vec<u8>) -> Result<(), DbError> {
    match db
        .execute(
            "INSERT INTO settings (name, value) VALUES (?, ?)",
            values![name, value],
        )
        .await
    {
        Err(DbError::Duplicate) => Ok(()),
        other => other.map(|_| ()),
    }
}
