//! The table `leases`: work that one node does at a time, and now and then.

use crate::Id;
use crate::db::{Db, DbError, values};

/// Takes a lease until `until_ms` if it is due: nobody has it, and whoever had it last left it until now or, with
/// another plan than this one, until later than `next_ms`.
pub(crate) async fn take(
    db: &Db,
    name: &str,
    holder: Id,
    (now_ms, next_ms): (i64, i64),
    until_ms: i64,
) -> Result<bool, DbError> {
    let sql = "UPDATE leases SET holder = ?, until_ms = ?
        WHERE name = ? AND (until_ms <= ? OR (holder = '' AND until_ms > ?))";
    let taken = db.execute(sql, values![&holder, until_ms, name, now_ms, next_ms]);
    if taken.await? > 0 {
        return Ok(true);
    }
    let sql = "INSERT INTO leases (name, holder, until_ms) VALUES (?, ?, ?)";
    match db.execute(sql, values![name, &holder, until_ms]).await {
        Err(DbError::Duplicate) => Ok(false),
        other => other.map(|_| true),
    }
}

/// Tells whether somebody has a lease now.
pub(crate) async fn is_held(db: &Db, name: &str, now_ms: i64) -> Result<bool, DbError> {
    let sql = "SELECT COUNT(*) FROM leases WHERE name = ? AND holder <> '' AND until_ms > ?";
    Ok(super::count(db, sql, values![name, now_ms]).await? > 0)
}

/// Has a lease for longer.
pub(crate) async fn renew(db: &Db, name: &str, holder: Id, until_ms: i64) -> Result<(), DbError> {
    let sql = "UPDATE leases SET until_ms = ? WHERE name = ? AND holder = ?";
    db.execute(sql, values![until_ms, name, &holder]).await?;
    Ok(())
}

/// Leaves a lease to whoever comes first after `next_ms`.
pub(crate) async fn leave(db: &Db, name: &str, holder: Id, next_ms: i64) -> Result<(), DbError> {
    let sql = "UPDATE leases SET holder = '', until_ms = ? WHERE name = ? AND holder = ?";
    db.execute(sql, values![next_ms, name, &holder]).await?;
    Ok(())
}

/// Forgets all leases, in a copy of the database.
pub(crate) async fn delete_all(db: &Db) -> Result<(), DbError> {
    db.execute("DELETE FROM leases", values![]).await?;
    Ok(())
}
