//! The table `repositories`.

use dockyard_oci::{RepositoryName, Visibility};
use sqlx::AssertSqlSafe;

use super::former_names;
use super::{column_to_bytes, parse, parse_list, readable};
use crate::Id;
use crate::db::{Db, DbError, Tx, Value, placeholders, row, values};
use crate::images::Repository;

row! {
    struct RepositoryRow {
        id: String,
        name: String,
        owner_id: String,
        visibility: String,
        becomes: Option<String>,
        description: String,
        readme: String,
        created_ms: i64,
        pushed_ms: Option<i64>,
        tag_count: i64,
        stars: i64,
        pulls: i64,
        pulled_ms: Option<i64>,
        stored_bytes: i64,
        platforms: String,
    }
}

impl RepositoryRow {
    fn into_repository(self) -> Result<Repository, DbError> {
        Ok(Repository {
            id: parse(&self.id)?,
            name: parse(&self.name)?,
            owner_id: parse(&self.owner_id)?,
            visibility: parse(&self.visibility)?,
            becomes: self.becomes.as_deref().map(parse).transpose()?,
            description: self.description,
            readme: self.readme,
            created_ms: self.created_ms,
            pushed_ms: self.pushed_ms,
            tag_count: column_to_bytes(self.tag_count),
            stars: column_to_bytes(self.stars),
            pulls: column_to_bytes(self.pulls),
            pulled_ms: self.pulled_ms,
            stored_bytes: column_to_bytes(self.stored_bytes),
            platforms: parse_list(&self.platforms),
        })
    }
}

/// The columns of a whole repository, for every query below that lists some.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.name, r.owner_id, r.visibility, r.becomes, r.description, r.readme, r.created_ms,
            r.pushed_ms, r.tag_count, r.stars, r.pulls, r.pulled_ms, r.stored_bytes, r.platforms
        FROM repositories r ",
            $rest
        )
    };
}

/// Writes a new repository.
pub(crate) async fn insert(tx: &mut Tx, new: &Repository) -> Result<(), DbError> {
    let sql = "INSERT INTO repositories
            (id, name, owner_id, visibility, description, readme, created_ms, pushed_ms, becomes)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values = values![
        &new.id,
        &new.name,
        &new.owner_id,
        &new.visibility,
        new.description.as_str(),
        new.readme.as_str(),
        new.created_ms,
        new.pushed_ms,
        new.becomes.as_ref(),
    ];
    tx.execute(sql, values).await?;
    former_names::delete(tx, &new.name).await
}

/// Keeps others from writing to a repository until the transaction ends; nothing happens when it is gone.
pub(crate) async fn lock(tx: &mut Tx, id: Id) -> Result<(), DbError> {
    if tx.needs_locks() {
        let sql = "SELECT id FROM repositories WHERE id = ?";
        tx.optional_for_update::<(String,)>(sql, values![&id])
            .await?;
    }
    Ok(())
}

pub(crate) async fn find(db: &Db, id: Id) -> Result<Option<Repository>, DbError> {
    let sql = select!("WHERE r.id = ?");
    db.optional::<RepositoryRow>(sql, values![&id])
        .await?
        .map(RepositoryRow::into_repository)
        .transpose()
}

/// Reads several repositories by id, in no particular order.
pub(crate) async fn find_many(db: &Db, ids: &[Id]) -> Result<Vec<Repository>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(select!("WHERE r.id IN ({})"), placeholders(ids.len()));
    collect(
        db.all(AssertSqlSafe(sql), ids.iter().map(Value::from).collect())
            .await?,
    )
}

/// Lists a user's repositories by name, from after `after`.
pub(crate) async fn list_by_owner(
    db: &Db,
    owner_id: Id,
    after: &str,
    limit: u32,
) -> Result<Vec<Repository>, DbError> {
    let sql = select!("WHERE r.owner_id = ? AND r.name > ? ORDER BY r.name LIMIT ?");
    collect(db.all(sql, values![&owner_id, after, limit]).await?)
}

/// Lists a user's public repositories by name, from after `after`.
pub(crate) async fn list_public_by_owner(
    db: &Db,
    owner_id: Id,
    after: &str,
    limit: u32,
) -> Result<Vec<Repository>, DbError> {
    let sql = select!(
        "WHERE r.owner_id = ? AND r.visibility = 'public' AND r.name > ? ORDER BY r.name LIMIT ?"
    );
    collect(db.all(sql, values![&owner_id, after, limit]).await?)
}

pub(crate) async fn list_recent_public(db: &Db, limit: u32) -> Result<Vec<Repository>, DbError> {
    let sql = select!(
        "WHERE r.visibility = 'public' AND r.pushed_ms IS NOT NULL
        ORDER BY r.pushed_ms DESC LIMIT ?"
    );
    collect(db.all(sql, values![limit]).await?)
}

/// Lists the public repositories that were pulled most.
pub(crate) async fn list_most_pulled(db: &Db, limit: u32) -> Result<Vec<Repository>, DbError> {
    let sql = select!(
        "WHERE r.visibility = 'public' AND r.pulls > 0
        ORDER BY r.pulls DESC LIMIT ?"
    );
    collect(db.all(sql, values![limit]).await?)
}

/// Lists a user's repositories, those pushed to last first.
pub(crate) async fn list_recent_by_owner(
    db: &Db,
    owner_id: Id,
    limit: u32,
) -> Result<Vec<Repository>, DbError> {
    let sql = select!(
        "WHERE r.owner_id = ? AND r.pushed_ms IS NOT NULL
        ORDER BY r.pushed_ms DESC, r.name LIMIT ?"
    );
    let mut found = collect(db.all(sql, values![&owner_id, limit]).await?)?;
    // Databases do not agree whether what has no time comes first or last.
    let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(limit));
    if left > 0 {
        let sql = select!("WHERE r.owner_id = ? AND r.pushed_ms IS NULL ORDER BY r.name LIMIT ?");
        found.extend(collect(db.all(sql, values![&owner_id, left]).await?)?);
    }
    Ok(found)
}

/// Lists the repositories that a user starred, by name, from after `after`: those that are public or belong to
/// `viewer_id`.
pub(crate) async fn list_starred(
    db: &Db,
    user_id: Id,
    viewer_id: Option<&Id>,
    after: &str,
    limit: u32,
) -> Result<Vec<Repository>, DbError> {
    let sql = select!(
        "JOIN stars s ON s.repository_id = r.id
        WHERE s.user_id = ? AND (r.visibility = 'public' OR r.owner_id = ?) AND r.name > ?
        ORDER BY r.name LIMIT ?"
    );
    let values = values![&user_id, viewer_id, after, limit];
    collect(db.all(sql, values).await?)
}

/// Counts a user's repositories and the bytes they store, what several of them share counted in each.
pub(crate) async fn usage(db: &Db, owner_id: Id) -> Result<(u64, u64), DbError> {
    let sql = "SELECT COUNT(*), CAST(COALESCE(SUM(stored_bytes), 0) AS BIGINT)
        FROM repositories
        WHERE owner_id = ?";
    let row = db.optional::<(i64, i64)>(sql, values![&owner_id]).await?;
    let (count, bytes) = row.unwrap_or_default();
    Ok((column_to_bytes(count), column_to_bytes(bytes)))
}

/// Lists every repository by id, from after `after`: what the search index is rebuilt from.
pub(crate) async fn list_after(
    db: &Db,
    after: &str,
    limit: u32,
) -> Result<Vec<Repository>, DbError> {
    let sql = select!("WHERE r.id > ? ORDER BY r.id LIMIT ?");
    collect(db.all(sql, values![after, limit]).await?)
}

/// Reads the names of some repositories.
pub(crate) async fn names_of(db: &Db, ids: &[Id]) -> Result<Vec<(Id, RepositoryName)>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let these = placeholders(ids.len());
    let sql = format!("SELECT id, name FROM repositories WHERE id IN ({these})");
    let values = ids.iter().map(Value::from).collect();
    let rows = db
        .all::<(String, String)>(AssertSqlSafe(sql), values)
        .await?;
    rows.iter()
        .map(|(id, name)| Ok((parse(id)?, parse(name)?)))
        .collect()
}

/// Lists the ids of repositories with their names, from after `after`.
pub(crate) async fn list_ids(
    db: &Db,
    after: &str,
    limit: u32,
) -> Result<Vec<(Id, RepositoryName)>, DbError> {
    let sql = "SELECT id, name FROM repositories WHERE id > ? ORDER BY id LIMIT ?";
    let rows = db.all::<(String, String)>(sql, values![after, limit]);
    rows.await?
        .iter()
        .map(|(id, name)| Ok((parse(id)?, parse(name)?)))
        .collect()
}

/// Lists the ids of repositories, from after `after`, with their names as they stand there.
pub(crate) async fn list_all(
    db: &Db,
    after: &str,
    limit: u32,
) -> Result<Vec<(Id, String)>, DbError> {
    let sql = "SELECT id, name FROM repositories WHERE id > ? ORDER BY id LIMIT ?";
    let rows = db.all::<(String, String)>(sql, values![after, limit]);
    let rows = rows.await?.into_iter();
    Ok(readable(rows.map(|(id, name)| Ok((parse(&id)?, name)))))
}

/// Lists the names that a caller may read, by name, from after `after`; all public ones, and those
/// of `owner_id`.
pub(crate) async fn list_names(
    db: &Db,
    owner_id: Option<&Id>,
    after: &str,
    limit: u32,
) -> Result<Vec<RepositoryName>, DbError> {
    // Each half is a range of an index, so that a page costs the same however much is hidden.
    let sql = "SELECT name FROM (
            SELECT name FROM repositories
            WHERE visibility = 'public' AND name > ?
            ORDER BY name
            LIMIT ?
        ) p
        UNION
        SELECT name FROM (
            SELECT name FROM repositories
            WHERE owner_id = ? AND name > ?
            ORDER BY name
            LIMIT ?
        ) o
        ORDER BY name
        LIMIT ?";
    let values = values![after, limit, owner_id, after, limit, limit];
    let rows = db.all::<(String,)>(sql, values).await?;
    rows.iter().map(|(name,)| parse(name)).collect()
}

/// Lists the names of public repositories, from after `after`, each with the time of its last push, or else
/// of its beginning.
pub(crate) async fn list_public(
    db: &Db,
    after: &str,
    limit: u32,
) -> Result<Vec<(RepositoryName, i64)>, DbError> {
    let sql = "SELECT name, COALESCE(pushed_ms, created_ms)
        FROM repositories
        WHERE visibility = 'public' AND name > ?
        ORDER BY name
        LIMIT ?";
    let rows = db.all::<(String, i64)>(sql, values![after, limit]).await?;
    rows.iter()
        .map(|(name, ms)| Ok((parse(name)?, *ms)))
        .collect()
}

/// Finds the last name of a page of public repositories, from after `after`; `None` unless more follow.
pub(crate) async fn find_page_end(
    db: &Db,
    after: &str,
    page_len: u32,
) -> Result<Option<String>, DbError> {
    let sql = "SELECT name
        FROM repositories
        WHERE visibility = 'public' AND name > ?
        ORDER BY name
        LIMIT 2 OFFSET ?";
    let values = values![after, page_len.saturating_sub(1)];
    let mut rows = db.all::<(String,)>(sql, values).await?;
    Ok(if rows.len() == 2 {
        Some(rows.swap_remove(0).0)
    } else {
        None
    })
}

/// Sets who may see a repository; false when it is gone.
pub(crate) async fn set_visibility(
    tx: &mut Tx,
    id: Id,
    visibility: Visibility,
) -> Result<bool, DbError> {
    let sql = "UPDATE repositories SET visibility = ?, becomes = NULL WHERE id = ?";
    Ok(tx.execute(sql, values![&visibility, &id]).await? > 0)
}

pub(crate) async fn set_description(tx: &mut Tx, id: Id, text: &str) -> Result<bool, DbError> {
    let sql = "UPDATE repositories SET description = ? WHERE id = ?";
    Ok(tx.execute(sql, values![text, &id]).await? > 0)
}

pub(crate) async fn set_readme(tx: &mut Tx, id: Id, text: &str) -> Result<bool, DbError> {
    let sql = "UPDATE repositories SET readme = ? WHERE id = ?";
    Ok(tx.execute(sql, values![text, &id]).await? > 0)
}

/// Lists the ids of all repositories of a user.
pub(crate) async fn ids_of_owner(tx: &mut Tx, owner_id: Id) -> Result<Vec<Id>, DbError> {
    let sql = "SELECT id FROM repositories WHERE owner_id = ?";
    let rows = tx.all::<(String,)>(sql, values![&owner_id]).await?;
    rows.iter().map(|(id,)| parse(id)).collect()
}

/// Notes a push, the first of which shows a repository that a push made; false when the repository is gone.
pub(crate) async fn set_pushed(tx: &mut Tx, id: Id, now_ms: i64) -> Result<bool, DbError> {
    // One database sets columns one after the other: what is read comes first.
    let sql = "UPDATE repositories
        SET pushed_ms = ?, visibility = COALESCE(becomes, visibility), becomes = NULL
        WHERE id = ?";
    Ok(tx.execute(sql, values![now_ms, &id]).await? > 0)
}

/// Gives a repository another name. Errors: `Duplicate` when it is taken.
pub(crate) async fn rename(tx: &mut Tx, id: Id, name: &RepositoryName) -> Result<bool, DbError> {
    let sql = "UPDATE repositories SET name = ? WHERE id = ?";
    Ok(tx.execute(sql, values![name, &id]).await? > 0)
}

/// Notes for which platforms the image is that was tagged last.
pub(crate) async fn set_platforms(tx: &mut Tx, id: Id, platforms: &str) -> Result<(), DbError> {
    let sql = "UPDATE repositories SET platforms = ? WHERE id = ?";
    tx.execute(sql, values![platforms, &id]).await?;
    Ok(())
}

/// Lists repositories that a push made before `until_ms` and that have no manifest yet, from after `after`.
pub(crate) async fn list_unfinished(
    db: &Db,
    until_ms: i64,
    after: &str,
    limit: u32,
) -> Result<Vec<(Id, String)>, DbError> {
    let sql = "SELECT id, name FROM repositories
        WHERE becomes IS NOT NULL AND created_ms < ? AND id > ?
        ORDER BY id LIMIT ?";
    let rows = db.all::<(String, String)>(sql, values![until_ms, after, limit]);
    let rows = rows.await?.into_iter();
    Ok(readable(rows.map(|(id, name)| Ok((parse(&id)?, name)))))
}

/// Deletes a repository that a push made before `until_ms` and that nothing came of; false when it is another.
pub(crate) async fn delete_abandoned(tx: &mut Tx, id: Id, until_ms: i64) -> Result<bool, DbError> {
    let sql = "DELETE FROM repositories
        WHERE id = ? AND becomes IS NOT NULL AND created_ms < ? AND description = '' AND readme = ''
            AND NOT EXISTS (SELECT 1 FROM uploads WHERE uploads.repository_id = repositories.id)
            AND NOT EXISTS (
                SELECT 1 FROM repository_blobs WHERE repository_blobs.repository_id = repositories.id
            )";
    Ok(tx.execute(sql, values![&id, until_ms]).await? > 0)
}

pub(crate) async fn delete(tx: &mut Tx, id: Id) -> Result<bool, DbError> {
    Ok(tx
        .execute("DELETE FROM repositories WHERE id = ?", values![&id])
        .await?
        > 0)
}

fn collect(rows: Vec<RepositoryRow>) -> Result<Vec<Repository>, DbError> {
    rows.into_iter()
        .map(RepositoryRow::into_repository)
        .collect()
}
