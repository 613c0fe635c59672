//! The table `users`.

use dockyard_oci::UserName;

use super::parse;
use crate::Id;
use crate::accounts::{Profile, User};
use crate::db::{Db, DbError, Tx, row, values};

row! {
    struct UserRow {
        id: String,
        name: String,
        is_admin: i64,
        generation: i64,
    }
}

impl UserRow {
    fn into_user(self) -> Result<User, DbError> {
        Ok(User {
            id: parse(&self.id)?,
            name: parse(&self.name)?,
            is_admin: self.is_admin != 0,
            generation: self.generation,
        })
    }
}

row! {
    struct CredentialsRow {
        password_hash: String,
        ..user: UserRow,
    }
}

/// A user to be written.
pub(crate) struct NewUser<'a> {
    pub user: &'a User,
    pub email: Option<String>,
    pub password_hash: String,
    pub created_ms: i64,
}

pub(crate) async fn insert(tx: &mut Tx, new: NewUser<'_>) -> Result<(), DbError> {
    let sql = "INSERT INTO users (id, name, email, password_hash, is_admin, created_ms)
        VALUES (?, ?, ?, ?, ?, ?)";
    let NewUser {
        user,
        email,
        password_hash,
        created_ms,
    } = new;
    let values = values![
        &user.id,
        &user.name,
        email,
        password_hash,
        user.is_admin,
        created_ms
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

pub(crate) async fn find_by_id(db: &Db, id: Id) -> Result<Option<User>, DbError> {
    let sql = "SELECT id, name, is_admin, generation FROM users WHERE id = ?";
    db.optional::<UserRow>(sql, values![&id])
        .await?
        .map(UserRow::into_user)
        .transpose()
}

pub(crate) async fn find_by_name(db: &Db, name: &UserName) -> Result<Option<User>, DbError> {
    let sql = "SELECT id, name, is_admin, generation FROM users WHERE name = ?";
    db.optional::<UserRow>(sql, values![name])
        .await?
        .map(UserRow::into_user)
        .transpose()
}

/// Reads a user with the hash that a password is checked against.
pub(crate) async fn find_credentials(
    db: &Db,
    name: &UserName,
) -> Result<Option<(User, String)>, DbError> {
    let sql = "SELECT id, name, is_admin, generation, password_hash FROM users WHERE name = ?";
    let Some(row) = db.optional::<CredentialsRow>(sql, values![name]).await? else {
        return Ok(None);
    };
    Ok(Some((row.user.into_user()?, row.password_hash)))
}

row! {
    struct ProfileRow {
        display_name: String,
        about: String,
        email: Option<String>,
        created_ms: i64,
    }
}

pub(crate) async fn find_profile(db: &Db, id: Id) -> Result<Option<Profile>, DbError> {
    let sql = "SELECT display_name, about, email, created_ms FROM users WHERE id = ?";
    let row = db.optional::<ProfileRow>(sql, values![&id]).await?;
    Ok(row.map(|row| Profile {
        display_name: row.display_name,
        about: row.about,
        email: row.email,
        created_ms: row.created_ms,
    }))
}

pub(crate) async fn update_profile(
    db: &Db,
    id: Id,
    display_name: &str,
    about: &str,
    email: Option<String>,
) -> Result<(), DbError> {
    let sql = "UPDATE users SET display_name = ?, about = ?, email = ? WHERE id = ?";
    db.execute(sql, values![display_name, about, email, &id])
        .await?;
    Ok(())
}

/// Changes a password and ends what was issued under it; false when it was changed since `generation`.
pub(crate) async fn update_password(
    tx: &mut Tx,
    id: Id,
    generation: i64,
    hash: &str,
) -> Result<bool, DbError> {
    let sql = "UPDATE users
        SET password_hash = ?, generation = generation + 1
        WHERE id = ? AND generation = ?";
    let changed = tx.execute(sql, values![hash, &id, generation]).await?;
    Ok(changed > 0)
}

/// Ends everything that was issued to a user.
pub(crate) async fn end_credentials(tx: &mut Tx, id: Id) -> Result<(), DbError> {
    let sql = "UPDATE users SET generation = generation + 1 WHERE id = ?";
    tx.execute(sql, values![&id]).await?;
    Ok(())
}

/// Tells whether what was issued to a user in a generation is still good, and keeps it so until the transaction ends.
pub(crate) async fn hold(tx: &mut Tx, id: Id, generation: i64) -> Result<bool, DbError> {
    let sql = "SELECT id FROM users WHERE id = ? AND generation = ?";
    let held = tx.optional_for_share::<(String,)>(sql, values![&id, generation]);
    Ok(held.await?.is_some())
}

/// Deletes a user who owns nothing any more, with tokens and sessions.
pub(crate) async fn delete(tx: &mut Tx, id: Id) -> Result<(), DbError> {
    tx.execute("DELETE FROM users WHERE id = ?", values![&id])
        .await?;
    Ok(())
}

pub(crate) async fn count_admins(tx: &mut Tx) -> Result<usize, DbError> {
    // Each is locked, so that the last two do not go at once.
    let sql = "SELECT id FROM users WHERE is_admin = 1 ORDER BY id";
    let rows = tx.all_for_update::<(String,)>(sql, values![]).await?;
    Ok(rows.len())
}

/// Lists the names of administrators.
pub(crate) async fn list_admins(db: &Db, limit: u32) -> Result<Vec<UserName>, DbError> {
    let sql = "SELECT name FROM users WHERE is_admin <> 0 ORDER BY name LIMIT ?";
    let rows = db.all::<(String,)>(sql, values![limit]).await?;
    rows.iter().map(|(name,)| parse(name)).collect()
}

const ANY_ADMIN: &str = "SELECT is_admin FROM users WHERE is_admin = 1 LIMIT 1";

row! {
    struct AdminRow {
        #[expect(dead_code, reason = "that there is a row says it all")]
        is_admin: i64,
    }
}

pub(crate) async fn has_admin(db: &Db) -> Result<bool, DbError> {
    Ok(db.lookup::<AdminRow>(ANY_ADMIN, values![]).await?.is_some())
}

pub(crate) async fn has_admin_in(tx: &mut Tx) -> Result<bool, DbError> {
    Ok(tx.optional::<(i64,)>(ANY_ADMIN, values![]).await?.is_some())
}
