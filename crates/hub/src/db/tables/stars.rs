//! The table `stars`, and the count of them that each repository carries.

use crate::Id;
use crate::db::{Db, DbError, Tx, values};

/// Adds a star; false when it is there already.
pub(crate) async fn insert(
    tx: &mut Tx,
    user_id: Id,
    repository_id: Id,
    now_ms: i64,
) -> Result<bool, DbError> {
    let sql = "INSERT INTO stars (user_id, repository_id, starred_ms) VALUES (?, ?, ?)";
    let new = tx.insert_new(sql, values![&user_id, &repository_id, now_ms]);
    if !new.await? {
        return Ok(false);
    }
    let sql = "UPDATE repositories SET stars = stars + 1 WHERE id = ?";
    tx.execute(sql, values![&repository_id]).await?;
    Ok(true)
}

/// Takes a star away; false when there is none.
pub(crate) async fn delete(tx: &mut Tx, user_id: Id, repository_id: Id) -> Result<bool, DbError> {
    let sql = "DELETE FROM stars WHERE user_id = ? AND repository_id = ?";
    if tx.execute(sql, values![&user_id, &repository_id]).await? == 0 {
        return Ok(false);
    }
    let sql = "UPDATE repositories SET stars = stars - 1 WHERE id = ?";
    tx.execute(sql, values![&repository_id]).await?;
    Ok(true)
}

/// Takes all stars of a user away, before the user goes.
pub(crate) async fn delete_all_of(tx: &mut Tx, user_id: Id) -> Result<(), DbError> {
    let sql = "UPDATE repositories SET stars = stars - 1
        WHERE id IN (SELECT repository_id FROM stars WHERE user_id = ?)";
    tx.execute(sql, values![&user_id]).await?;
    tx.execute("DELETE FROM stars WHERE user_id = ?", values![&user_id])
        .await?;
    Ok(())
}

/// Tells whether a user starred a repository.
pub(crate) async fn exists(db: &Db, user_id: Id, repository_id: Id) -> Result<bool, DbError> {
    let sql = "SELECT starred_ms FROM stars WHERE user_id = ? AND repository_id = ?";
    let row = db.optional::<(i64,)>(sql, values![&user_id, &repository_id]);
    Ok(row.await?.is_some())
}
