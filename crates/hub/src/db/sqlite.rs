//! SQLite: WAL, one writer, a pool of readers.

use std::path::Path;
use std::time::Duration;

use sqlx::query::{Query, QueryAs};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{SqlSafeStr, Transaction};

use super::{DbError, Row, Value};

/// Connections that read; more than the machine has cores gains nothing.
const READERS: u32 = 4;
/// How long a connection waits for another process (a backup, a shell) before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Prepared statements kept on a connection; every statement of `tables` fits.
const STATEMENTS: usize = 200;

/// Begins by asking for the right to write: asking later, after a read, may be refused.
const BEGIN: &str = "BEGIN IMMEDIATE";

#[derive(Clone, Debug)]
pub(super) struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Sqlite {
    pub(super) async fn open(file: &Path) -> Result<Self, DbError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .statement_cache_capacity(STATEMENTS);
        let writer = pool(1).connect_with(options.clone()).await?;
        // A new schema is acknowledged to nobody: it is durable with the first change that is.
        set_synchronous(&writer, "PRAGMA synchronous = NORMAL").await?;
        sqlx::migrate!("../../migrations/sqlite")
            .run(&writer)
            .await?;
        set_synchronous(&writer, "PRAGMA synchronous = FULL").await?;
        let readers = pool(READERS).connect_with(options.read_only(true)).await?;
        Ok(Self { writer, readers })
    }

    pub(super) async fn begin(&self) -> Result<Tx, DbError> {
        let begun = match self.writer.begin_with(BEGIN).await {
            // A commit that failed on the disk was undone by SQLite itself, which the driver does
            // not see: it believes the connection in a transaction for ever. A new one is not.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                self.writer.acquire().await?.close().await?;
                self.writer.begin_with(BEGIN).await
            }
            other => other,
        };
        Ok(Tx { inner: begun? })
    }

    pub(super) async fn all<R: Row>(
        &self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Vec<R>, DbError> {
        Ok(query_as(sql, values).fetch_all(&self.readers).await?)
    }

    pub(super) async fn optional<R: Row>(
        &self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Option<R>, DbError> {
        Ok(query_as(sql, values).fetch_optional(&self.readers).await?)
    }

    pub(super) async fn execute(
        &self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<u64, DbError> {
        Ok(query(sql, values)
            .execute(&self.writer)
            .await?
            .rows_affected())
    }

    /// Source: SQLite, `PRAGMA integrity_check` and `PRAGMA foreign_key_check`.
    pub(super) async fn check(&self) -> Result<Vec<String>, DbError> {
        let rows = self.all::<(String,)>("PRAGMA integrity_check", Vec::new());
        let mut found: Vec<String> = rows.await?.into_iter().map(|(text,)| text).collect();
        found.retain(|text| text != "ok");
        let sql = "SELECT \"table\", COUNT(*) FROM pragma_foreign_key_check GROUP BY \"table\"";
        for (table, count) in self.all::<(String, i64)>(sql, Vec::new()).await? {
            found.push(format!(
                "{count} rows of {table} refer to rows that are not there"
            ));
        }
        Ok(found)
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A transaction that may write.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, sqlx::Sqlite>,
}

impl Tx {
    /// Makes everything of the transaction durable.
    pub async fn commit(self) -> Result<(), DbError> {
        Ok(self.inner.commit().await?)
    }

    pub(crate) async fn all<R: Row>(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Vec<R>, DbError> {
        Ok(query_as(sql, values).fetch_all(&mut *self.inner).await?)
    }

    pub(crate) async fn optional<R: Row>(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Option<R>, DbError> {
        Ok(query_as(sql, values)
            .fetch_optional(&mut *self.inner)
            .await?)
    }

    pub(crate) async fn execute(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<u64, DbError> {
        Ok(query(sql, values)
            .execute(&mut *self.inner)
            .await?
            .rows_affected())
    }
}

async fn set_synchronous(writer: &SqlitePool, sql: &'static str) -> Result<(), DbError> {
    sqlx::query(sql).execute(writer).await?;
    Ok(())
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(30))
        .test_before_acquire(false)
}

fn query(
    sql: impl SqlSafeStr,
    values: Vec<Value>,
) -> Query<'static, sqlx::Sqlite, SqliteArguments> {
    values
        .into_iter()
        .fold(sqlx::query(sql), |query, value| match value {
            Value::Int(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::OptionalText(value) => query.bind(value),
            Value::OptionalInt(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
        })
}

fn query_as<R: Row>(
    sql: impl SqlSafeStr,
    values: Vec<Value>,
) -> QueryAs<'static, sqlx::Sqlite, R, SqliteArguments> {
    values
        .into_iter()
        .fold(sqlx::query_as(sql), |query, value| match value {
            Value::Int(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::OptionalText(value) => query.bind(value),
            Value::OptionalInt(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
        })
}
