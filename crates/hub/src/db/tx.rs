//! Transactions.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr, Sqlite, Transaction};

use super::servers::ServerTx;
use super::value::bind;
use super::{DbError, Row, Value};

/// A transaction that may write. Dropped without `commit`, it is undone.
#[derive(Debug)]
pub enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Server(ServerTx),
}

impl Tx {
    /// Makes everything of the transaction durable.
    pub async fn commit(self) -> Result<(), DbError> {
        Ok(match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Server(tx) => tx.commit().await,
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
            Self::Server(tx) => tx.all(sql, values).await,
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
            Self::Server(tx) => tx.optional(sql, values).await,
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

    /// Reads one row and keeps others from changing it before this transaction ends; they may read it so as well.
    pub(crate) async fn optional_for_share<R: Row>(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<R>, DbError> {
        let sql = match self {
            Self::Sqlite(_) => sql.into_sql_str(),
            Self::Server(tx) => {
                AssertSqlSafe(format!("{sql} {}", tx.share_clause())).into_sql_str()
            }
        };
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
            Self::Server(tx) => AssertSqlSafe(format!("{sql} {}", tx.lock_clause())).into_sql_str(),
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
            Self::Server(tx) => tx.execute(sql, values).await?,
        })
    }

    /// Runs an INSERT of one row; false when a row with its key exists, and the transaction goes on either way.
    pub(crate) async fn insert_new(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<bool, DbError> {
        if let Self::Server(tx) = self
            && !tx.has_on_conflict()
        {
            // MariaDB has no words for this; a refused statement leaves its transactions as they are.
            return match self.execute(sql, values).await {
                Err(DbError::Duplicate) => Ok(false),
                other => other.map(|_| true),
            };
        }
        let sql = AssertSqlSafe(format!("{sql} ON CONFLICT DO NOTHING"));
        Ok(self.execute(sql, values).await? > 0)
    }
}
