//! The query of an access decision over `repositories`, `users` and `access_tokens`.

use dockyard_oci::{RepositoryName, Visibility};

use super::parse;
use crate::Id;
use crate::accounts::Credential;
use crate::db::{Db, DbError, Value, row, values};

row! {
    pub(super) struct AccessRow {
        id: String,
        owner_id: String,
        visibility: String,
        caller_admin: Option<i64>,
    }
}

/// The facts that an access decision is made from.
#[derive(Debug)]
pub(crate) struct RepositoryAccess {
    pub id: Id,
    pub owner_id: Id,
    pub visibility: Visibility,
    /// True if the caller is an administrator; `None` if the credentials are void.
    pub caller_admin: Option<bool>,
}

impl AccessRow {
    pub(super) fn into_access(self) -> Result<RepositoryAccess, DbError> {
        Ok(RepositoryAccess {
            id: parse(&self.id)?,
            owner_id: parse(&self.owner_id)?,
            visibility: parse(&self.visibility)?,
            caller_admin: self.caller_admin.map(|admin| admin != 0),
        })
    }
}

/// The subquery for the administrator flag of the caller, NULL for void credentials. `shown` lists its arguments.
macro_rules! caller_admin {
    () => {
        "(SELECT u.is_admin FROM users u
            WHERE u.id = ? AND u.generation = ?
                AND (? = '' OR EXISTS (SELECT 1 FROM access_tokens a WHERE a.id = ?)))"
    };
}
pub(super) use caller_admin;

/// Returns the arguments of `caller_admin`.
pub(super) fn shown(credential: Option<&Credential>) -> Vec<Value> {
    let token_id = credential.and_then(|shown| shown.token_id);
    let token_id = token_id.map_or_else(String::new, |id| id.to_string());
    values![
        credential.map(|shown| &shown.user_id),
        credential.map_or(0, |shown| shown.generation),
        token_id.as_str(),
        token_id.as_str(),
    ]
}

/// Finds a repository by name, together with the administrator flag of the caller.
pub(crate) async fn find(
    db: &Db,
    name: &RepositoryName,
    credential: Option<&Credential>,
) -> Result<Option<RepositoryAccess>, DbError> {
    let sql = concat!(
        "SELECT id, owner_id, COALESCE(becomes, visibility) AS visibility, ",
        caller_admin!(),
        " AS caller_admin FROM repositories WHERE name = ?"
    );
    let mut values = shown(credential);
    values.push(name.into());
    let row = db.lookup::<AccessRow>(sql, values);
    row.await?.map(AccessRow::into_access).transpose()
}

row! {
    struct CallerRow {
        caller_admin: Option<i64>,
    }
}

/// Returns the administrator flag of the user behind a credential; `None` if it is void.
pub(crate) async fn find_caller(db: &Db, credential: &Credential) -> Result<Option<bool>, DbError> {
    let sql = concat!("SELECT ", caller_admin!(), " AS caller_admin");
    let row = db.lookup::<CallerRow>(sql, shown(Some(credential))).await?;
    Ok(row.and_then(|row| row.caller_admin).map(|admin| admin != 0))
}
