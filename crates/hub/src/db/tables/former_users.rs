//! The table `former_users`: names that nobody gets any more.

use dockyard_oci::UserName;

use crate::db::{Db, DbError, Tx, values};

/// Keeps the name of an account that goes.
pub(crate) async fn insert(tx: &mut Tx, name: &UserName, now_ms: i64) -> Result<(), DbError> {
    let sql = "INSERT INTO former_users (name, deleted_ms) VALUES (?, ?)";
    tx.insert_new(sql, values![name, now_ms]).await?;
    Ok(())
}

/// Tells whether an account had a name.
pub(crate) async fn exists(db: &Db, name: &UserName) -> Result<bool, DbError> {
    let sql = "SELECT name FROM former_users WHERE name = ?";
    let row = db.optional::<(String,)>(sql, values![name]).await?;
    Ok(row.is_some())
}
