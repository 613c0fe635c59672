//! The database: a handful of verbs over a pool, and transactions.
//!
//! SQL stands in `tables` and nowhere else. SQLite is the embedded default: WAL, one connection that
//! writes and a pool that reads.

mod sqlite;
pub(crate) mod tables;
mod value;

use std::path::Path;

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, SqlSafeStr};

pub use sqlite::Tx;
pub(crate) use value::{Value, placeholders, values};

/// A row struct that the database can fill.
pub(crate) trait Row: for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}
impl<T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin> Row for T {}

/// A handle on the database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    sqlite: sqlite::Sqlite,
}

impl Db {
    /// Opens the database in a file, makes it when missing and brings its schema up to date.
    ///
    /// Errors: the file can't be opened, or its schema is newer than this program.
    pub async fn open(file: &Path) -> Result<Self, DbError> {
        Ok(Self {
            sqlite: sqlite::Sqlite::open(file).await?,
        })
    }

    /// Starts a transaction that may write. Dropped without `commit`, it is undone.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        self.sqlite.begin().await
    }

    /// Reads every row of a query.
    pub(crate) async fn all<R: Row>(
        &self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Vec<R>, DbError> {
        self.sqlite.all(sql, values).await
    }

    /// Reads one row, or none.
    pub(crate) async fn optional<R: Row>(
        &self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Option<R>, DbError> {
        self.sqlite.optional(sql, values).await
    }

    /// Runs one statement in a transaction of its own and returns the number of rows it changed.
    pub(crate) async fn execute(
        &self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<u64, DbError> {
        self.sqlite.execute(sql, values).await
    }

    /// Asks the database for an answer, to know that it is there.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.optional::<(i64,)>("SELECT 1", values![])
            .await
            .map(|_| ())
    }

    /// Lets the database look for damage in itself, and returns what it found in its own words.
    pub(crate) async fn check(&self) -> Result<Vec<String>, DbError> {
        self.sqlite.check().await
    }

    /// Finishes what is under way and closes every connection.
    pub async fn close(&self) {
        self.sqlite.close().await;
    }
}

/// What can go wrong below every service.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("a row with this key exists")]
    Duplicate,
    #[error("a row that this one refers to does not exist")]
    Reference,
    #[error("the database failed: {0}")]
    Failed(#[source] sqlx::Error),
    #[error("the database's schema can't be used: {0}")]
    Schema(#[from] sqlx::migrate::MigrateError),
    #[error("the database holds \"{0}\", which is not valid there")]
    Corrupt(String),
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::error::ErrorKind;
        match error
            .as_database_error()
            .map(sqlx::error::DatabaseError::kind)
        {
            Some(ErrorKind::UniqueViolation) => Self::Duplicate,
            Some(ErrorKind::ForeignKeyViolation) => Self::Reference,
            _ => Self::Failed(error),
        }
    }
}
