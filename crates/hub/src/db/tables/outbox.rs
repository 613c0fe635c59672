//! The table `outbox`: which repositories changed, in order, for the search index.

use super::parse;
use crate::Id;
use crate::db::{Db, DbError, Tx, values};

pub(crate) async fn insert(tx: &mut Tx, repository_id: Id, now_ms: i64) -> Result<(), DbError> {
    let sql = "INSERT INTO outbox (repository_id, created_ms) VALUES (?, ?)";
    tx.execute(sql, values![&repository_id, now_ms]).await?;
    Ok(())
}

/// Lists changes with their sequence numbers, from after `after`.
pub(crate) async fn list(db: &Db, after: i64, limit: u32) -> Result<Vec<(i64, Id)>, DbError> {
    let sql = "SELECT sequence, repository_id FROM outbox
        WHERE sequence > ?
        ORDER BY sequence
        LIMIT ?";
    let rows = db.all::<(i64, String)>(sql, values![after, limit]).await?;
    rows.into_iter()
        .map(|(sequence, id)| Ok((sequence, parse(&id)?)))
        .collect()
}

/// Is the number of the newest change, 0 when there is none.
pub(crate) async fn newest(db: &Db) -> Result<i64, DbError> {
    let row = db.optional::<(i64,)>("SELECT COALESCE(MAX(sequence), 0) FROM outbox", values![]);
    Ok(row.await?.map_or(0, |(sequence,)| sequence))
}

/// Is the number of the newest change from `until_ms` or before, 0 when there is none.
pub(crate) async fn newest_until(db: &Db, until_ms: i64) -> Result<i64, DbError> {
    let sql = "SELECT COALESCE(MAX(sequence), 0) FROM outbox WHERE created_ms <= ?";
    let row = db.optional::<(i64,)>(sql, values![until_ms]);
    Ok(row.await?.map_or(0, |(sequence,)| sequence))
}

/// Is the number of the oldest change that is kept, 0 when there is none.
pub(crate) async fn oldest(db: &Db) -> Result<i64, DbError> {
    let row = db.optional::<(i64,)>("SELECT COALESCE(MIN(sequence), 0) FROM outbox", values![]);
    Ok(row.await?.map_or(0, |(sequence,)| sequence))
}

/// Counts the changes after `after`.
pub(crate) async fn count_after(db: &Db, after: i64) -> Result<u64, DbError> {
    let sql = "SELECT COUNT(*) FROM outbox WHERE sequence > ?";
    super::count(db, sql, values![after]).await
}

/// Forgets changes from before `until_ms`, all but the newest, whose number goes on counting.
pub(crate) async fn prune(db: &Db, newest: i64, until_ms: i64) -> Result<u64, DbError> {
    let sql = "DELETE FROM outbox WHERE created_ms <= ? AND sequence < ?";
    db.execute(sql, values![until_ms, newest]).await
}
