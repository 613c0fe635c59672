//! The table `access_tokens`: personal and refresh tokens, of which only a hash is kept.

use super::parse;
use crate::Id;
use crate::accounts::{TokenKind, TokenReach, TokenSummary, User};
use crate::db::{Db, DbError, Tx, row, values};

/// Most tokens of a list: far more than anybody keeps track of.
const LISTED_MAX: u32 = 1000;

row! {
    struct OwnerRow {
        token_id: String,
        kind: String,
        created_ms: i64,
        last_used_ms: Option<i64>,
        reach: String,
        expires_ms: Option<i64>,
        user_id: String,
        name: String,
        is_admin: i64,
        generation: i64,
    }
}

/// A token that was presented, and whose it is.
pub(crate) struct TokenOwner {
    pub token_id: Id,
    pub kind: TokenKind,
    pub created_ms: i64,
    pub last_used_ms: Option<i64>,
    pub reach: TokenReach,
    pub expires_ms: Option<i64>,
    pub user: User,
}

/// A token to be kept.
pub(crate) struct NewToken<'a> {
    pub id: Id,
    pub user_id: Id,
    pub generation: i64,
    pub name: &'a str,
    pub kind: TokenKind,
    pub secret_hash: &'a str,
    pub reach: TokenReach,
    pub created_ms: i64,
    pub expires_ms: Option<i64>,
}

pub(crate) async fn insert(tx: &mut Tx, new: NewToken<'_>) -> Result<(), DbError> {
    let sql = "INSERT INTO access_tokens
            (id, user_id, generation, name, kind, reach, secret_hash, created_ms, expires_ms)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values = values![
        &new.id,
        &new.user_id,
        new.generation,
        new.name,
        new.kind.as_str(),
        new.reach.as_str(),
        new.secret_hash,
        new.created_ms,
        new.expires_ms,
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Finds a token that is good, by the hash of its secret.
pub(crate) async fn find_owner(db: &Db, secret_hash: &str) -> Result<Option<TokenOwner>, DbError> {
    let sql = "SELECT t.id AS token_id, t.kind, t.created_ms, t.last_used_ms, t.reach,
            t.expires_ms, u.id AS user_id, u.name, u.is_admin, u.generation
        FROM access_tokens t
        JOIN users u ON u.id = t.user_id AND u.generation = t.generation
        WHERE t.secret_hash = ?";
    let Some(row) = db.optional::<OwnerRow>(sql, values![secret_hash]).await? else {
        return Ok(None);
    };
    let user = User {
        id: parse(&row.user_id)?,
        name: parse(&row.name)?,
        is_admin: row.is_admin != 0,
        generation: row.generation,
    };
    Ok(Some(TokenOwner {
        token_id: parse(&row.token_id)?,
        kind: TokenKind::of(&row.kind),
        created_ms: row.created_ms,
        last_used_ms: row.last_used_ms,
        reach: TokenReach::of(&row.reach),
        expires_ms: row.expires_ms,
        user,
    }))
}

row! {
    struct ListedRow {
        id: String,
        name: String,
        kind: String,
        reach: String,
        created_ms: i64,
        last_used_ms: Option<i64>,
        expires_ms: Option<i64>,
    }
}

/// Lists the tokens of a user, newest first.
pub(crate) async fn list(db: &Db, user_id: Id) -> Result<Vec<TokenSummary>, DbError> {
    let sql = "SELECT t.id, t.name, t.kind, t.reach, t.created_ms, t.last_used_ms, t.expires_ms
        FROM access_tokens t
        JOIN users u ON u.id = t.user_id AND u.generation = t.generation
        WHERE t.user_id = ?
        ORDER BY t.created_ms DESC, t.id DESC
        LIMIT ?";
    let rows = db.all::<ListedRow>(sql, values![&user_id, LISTED_MAX]);
    rows.await?
        .into_iter()
        .map(|row| {
            Ok(TokenSummary {
                id: parse(&row.id)?,
                name: row.name,
                kind: TokenKind::of(&row.kind),
                reach: TokenReach::of(&row.reach),
                created_ms: row.created_ms,
                last_used_ms: row.last_used_ms,
                expires_ms: row.expires_ms,
            })
        })
        .collect()
}

/// Notes a use, unless one is noted that is younger than `unless_after_ms`.
pub(crate) async fn touch(
    db: &Db,
    id: Id,
    now_ms: i64,
    unless_after_ms: i64,
) -> Result<(), DbError> {
    let sql = "UPDATE access_tokens
        SET last_used_ms = ?
        WHERE id = ? AND (last_used_ms IS NULL OR last_used_ms < ?)";
    db.execute(sql, values![now_ms, &id, unless_after_ms])
        .await?;
    Ok(())
}

/// Deletes a token of a user; false when that user has no such token.
pub(crate) async fn delete(db: &Db, user_id: Id, id: Id) -> Result<bool, DbError> {
    let sql = "DELETE FROM access_tokens WHERE id = ? AND user_id = ?";
    Ok(db.execute(sql, values![&id, &user_id]).await? > 0)
}

/// Takes a user's personal tokens along into the generation that follows `generation`.
pub(crate) async fn carry_over(tx: &mut Tx, user_id: Id, generation: i64) -> Result<(), DbError> {
    let sql = "UPDATE access_tokens SET generation = ?
        WHERE user_id = ? AND generation = ? AND kind = 'personal'";
    tx.execute(sql, values![generation + 1, &user_id, generation])
        .await?;
    Ok(())
}

/// Deletes the tokens of a user that ended with a password.
pub(crate) async fn delete_ended(tx: &mut Tx, user_id: Id, generation: i64) -> Result<(), DbError> {
    let sql = "DELETE FROM access_tokens WHERE user_id = ? AND generation <= ?";
    tx.execute(sql, values![&user_id, generation]).await?;
    Ok(())
}

/// Tells whether a token was not revoked and what was issued to its user in a generation is still good, and keeps it so
/// until the transaction ends.
pub(crate) async fn hold(
    tx: &mut Tx,
    id: Id,
    user_id: Id,
    generation: i64,
) -> Result<bool, DbError> {
    let sql = "SELECT t.id FROM users u
        JOIN access_tokens t ON t.user_id = u.id
        WHERE u.id = ? AND u.generation = ? AND t.id = ?";
    let held = tx.optional_for_share::<(String,)>(sql, values![&user_id, generation, &id]);
    Ok(held.await?.is_some())
}

/// Deletes tokens of a kind that were neither made nor used since `until_ms`.
pub(crate) async fn delete_idle(db: &Db, kind: TokenKind, until_ms: i64) -> Result<u64, DbError> {
    let sql = "DELETE FROM access_tokens
        WHERE kind = ? AND COALESCE(last_used_ms, created_ms) <= ?";
    db.execute(sql, values![kind.as_str(), until_ms]).await
}
