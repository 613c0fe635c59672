//! All the SQL, one file a table. A function is one statement; rows become domain types here.

use std::str::FromStr;

use tracing::warn;

use super::{Db, DbError, Value};

pub(crate) mod access;
pub(crate) mod access_tokens;
pub(crate) mod blob_marks;
pub(crate) mod blobs;
pub(crate) mod former_names;
pub(crate) mod former_users;
pub(crate) mod holdings;
pub(crate) mod layers;
pub(crate) mod leases;
pub(crate) mod manifest_marks;
pub(crate) mod manifests;
pub(crate) mod outbox;
pub(crate) mod pulls;
pub(crate) mod repositories;
pub(crate) mod repository_blobs;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod stars;
pub(crate) mod tag_moves;
pub(crate) mod tags;
pub(crate) mod uploads;
pub(crate) mod users;
pub(crate) mod wrong_passwords;

/// Parses a column that was written from the same type.
fn parse<T: FromStr>(text: &str) -> Result<T, DbError> {
    text.parse().map_err(|_| DbError::Corrupt(text.to_owned()))
}

fn parse_optional<T: FromStr>(text: Option<&str>) -> Result<Option<T>, DbError> {
    text.map(parse).transpose()
}

/// Parses a column of texts with commas between them.
fn parse_list(text: &str) -> Vec<String> {
    text.split(',')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Keeps those rows of a list that can be read, and logs the others: to maintenance, one of them is no
/// reason to leave the rest alone.
fn readable<T>(rows: impl Iterator<Item = Result<T, DbError>>) -> Vec<T> {
    let told = rows.inspect(|row| {
        if let Err(error) = row {
            warn!(%error, "a row is left alone");
        }
    });
    told.filter_map(Result::ok).collect()
}

/// Turns a size in bytes into the column's type; no object comes near the limit.
fn bytes_to_column(size_bytes: u64) -> i64 {
    i64::try_from(size_bytes).unwrap_or(i64::MAX)
}

fn column_to_bytes(column: i64) -> u64 {
    u64::try_from(column).unwrap_or_default()
}

/// Runs a statement that counts.
async fn count(db: &Db, sql: &'static str, values: Vec<Value>) -> Result<u64, DbError> {
    let row = db.optional::<(i64,)>(sql, values).await?;
    Ok(row.map_or(0, |(count,)| column_to_bytes(count)))
}
