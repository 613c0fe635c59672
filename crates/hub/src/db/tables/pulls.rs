//! The table `pulls`, and the counts and times of pulls that repositories and manifests carry.

use dockyard_oci::Digest;

use super::column_to_bytes;
use crate::Id;
use crate::db::{Db, DbError, Tx, values};

/// Adds pulls of a repository on a day (days since 1970, UTC); nothing when it is gone.
pub(crate) async fn add(
    tx: &mut Tx,
    repository_id: Id,
    day: i64,
    count: i64,
    last_ms: i64,
) -> Result<(), DbError> {
    let sql = "UPDATE repositories SET pulls = pulls + ?, pulled_ms = ? WHERE id = ?";
    if tx
        .execute(sql, values![count, last_ms, &repository_id])
        .await?
        == 0
    {
        return Ok(());
    }
    let sql = "INSERT INTO pulls (repository_id, day, pulls) VALUES (?, ?, ?)";
    let new = tx.insert_new(sql, values![&repository_id, day, count]);
    if !new.await? {
        let sql = "UPDATE pulls SET pulls = pulls + ? WHERE repository_id = ? AND day = ?";
        tx.execute(sql, values![count, &repository_id, day]).await?;
    }
    Ok(())
}

/// Notes when a manifest was pulled last.
pub(crate) async fn touch_manifest(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
    last_ms: i64,
) -> Result<(), DbError> {
    let sql = "UPDATE manifests SET pulled_ms = ? WHERE repository_id = ? AND digest = ?";
    tx.execute(sql, values![last_ms, &repository_id, digest])
        .await?;
    Ok(())
}

/// Lists pulls a day from `first` on, days without any left out.
pub(crate) async fn list_days(
    db: &Db,
    repository_id: Id,
    first: i64,
) -> Result<Vec<(i64, u64)>, DbError> {
    let sql = "SELECT day, pulls FROM pulls WHERE repository_id = ? AND day >= ? ORDER BY day";
    let rows = db.all::<(i64, i64)>(sql, values![&repository_id, first]);
    Ok(rows
        .await?
        .into_iter()
        .map(|(day, pulls)| (day, column_to_bytes(pulls)))
        .collect())
}
