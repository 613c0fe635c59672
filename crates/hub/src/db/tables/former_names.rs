//! The table `former_names`: where the names lead that repositories had.

use dockyard_oci::RepositoryName;

use super::parse;
use crate::Id;
use crate::db::{Db, DbError, Tx, values};

/// Lets a name lead to a repository from now on.
pub(crate) async fn insert(
    tx: &mut Tx,
    name: &RepositoryName,
    repository_id: Id,
    now_ms: i64,
) -> Result<(), DbError> {
    let sql = "INSERT INTO former_names (name, repository_id, renamed_ms) VALUES (?, ?, ?)";
    let new = tx.insert_new(sql, values![name, &repository_id, now_ms]);
    if !new.await? {
        let sql = "UPDATE former_names SET repository_id = ?, renamed_ms = ? WHERE name = ?";
        tx.execute(sql, values![&repository_id, now_ms, name])
            .await?;
    }
    Ok(())
}

/// Ends where a name led, since a repository takes it.
pub(crate) async fn delete(tx: &mut Tx, name: &RepositoryName) -> Result<(), DbError> {
    tx.execute("DELETE FROM former_names WHERE name = ?", values![name])
        .await?;
    Ok(())
}

/// Finds what a repository is called now that once had a name.
pub(crate) async fn find(
    db: &Db,
    name: &RepositoryName,
) -> Result<Option<RepositoryName>, DbError> {
    let sql = "SELECT r.name
        FROM former_names f
        JOIN repositories r ON r.id = f.repository_id
        WHERE f.name = ?";
    let row = db.optional::<(String,)>(sql, values![name]).await?;
    row.map(|(name,)| parse(&name)).transpose()
}
