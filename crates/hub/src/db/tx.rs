//! Transactions.

use sqlx::{AssertSqlSafe, MySql, Postgres, SqlSafeStr, SqlStr, Sqlite, Transaction};

use super::dialect::{bind, mariadb, postgres};
use super::{DbError, Row, Value};

/// A transaction that may write. Dropped without `commit`, it is undone.
#[derive(Debug)]
pub enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
    MariaDb(Transaction<'static, MySql>),
}

impl Tx {
    /// Makes everything of the transaction durable.
    pub async fn commit(self) -> Result<(), DbError> {
        Ok(match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
            Self::MariaDb(tx) => tx.commit().await,
        }?)
    }

    pub(crate) async fn all<R: Row>(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Vec<R>, DbError> {
        let sql = sql.into_sql_str();
        Ok(match self {
            Self::Sqlite(tx) => {
                bind!(sqlx::query_as(sql), values)
                    .fetch_all(&mut **tx)
                    .await
            }
            Self::Postgres(tx) => {
                let query = bind!(sqlx::query_as(postgres(sql)), values);
                query.fetch_all(&mut **tx).await
            }
            Self::MariaDb(tx) => {
                let query = bind!(sqlx::query_as(mariadb(sql)), values);
                query.fetch_all(&mut **tx).await
            }
        }?)
    }

    pub(crate) async fn optional<R: Row>(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Option<R>, DbError> {
        let sql = sql.into_sql_str();
        Ok(match self {
            Self::Sqlite(tx) => {
                let query = bind!(sqlx::query_as(sql), values);
                query.fetch_optional(&mut **tx).await
            }
            Self::Postgres(tx) => {
                let query = bind!(sqlx::query_as(postgres(sql)), values);
                query.fetch_optional(&mut **tx).await
            }
            Self::MariaDb(tx) => {
                let query = bind!(sqlx::query_as(mariadb(sql)), values);
                query.fetch_optional(&mut **tx).await
            }
        }?)
    }

    /// Reads one row and keeps others from changing it before this transaction ends. With SQLite nobody else writes
    /// anyway.
    pub(crate) async fn optional_for_update<R: Row>(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<R>, DbError> {
        let sql = self.locking(sql);
        self.optional(sql, values).await
    }

    /// Reads rows and keeps others from changing them before this transaction ends.
    pub(crate) async fn all_for_update<R: Row>(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<R>, DbError> {
        let sql = self.locking(sql);
        self.all(sql, values).await
    }

    fn locking(&self, sql: &'static str) -> SqlStr {
        match self {
            Self::Sqlite(_) => sql.into_sql_str(),
            // Rows that refer to these may come all the same.
            Self::Postgres(_) => AssertSqlSafe(format!("{sql} FOR NO KEY UPDATE")).into_sql_str(),
            Self::MariaDb(_) => AssertSqlSafe(format!("{sql} FOR UPDATE")).into_sql_str(),
        }
    }

    /// Tells whether rows must be locked to keep others from writing.
    pub(crate) const fn needs_locks(&self) -> bool {
        !matches!(self, Self::Sqlite(_))
    }

    /// Runs a statement and returns the number of rows it found to change.
    pub(crate) async fn execute(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<u64, DbError> {
        let sql = sql.into_sql_str();
        Ok(match self {
            Self::Sqlite(tx) => {
                let done = bind!(sqlx::query(sql), values).execute(&mut **tx).await;
                done?.rows_affected()
            }
            Self::Postgres(tx) => {
                let query = bind!(sqlx::query(postgres(sql)), values);
                query.execute(&mut **tx).await?.rows_affected()
            }
            Self::MariaDb(tx) => {
                let query = bind!(sqlx::query(mariadb(sql)), values);
                query.execute(&mut **tx).await?.rows_affected()
            }
        })
    }

    /// Runs an INSERT of one row; false when a row with its key exists, and the transaction goes on either way.
    pub(crate) async fn insert_new(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<bool, DbError> {
        if let Self::MariaDb(_) = self {
            // It has no words for this; a refused statement leaves its transactions as they are.
            return match self.execute(sql, values).await {
                Err(DbError::Duplicate) => Ok(false),
                other => other.map(|_| true),
            };
        }
        let sql = AssertSqlSafe(format!("{sql} ON CONFLICT DO NOTHING"));
        Ok(self.execute(sql, values).await? > 0)
    }
}
