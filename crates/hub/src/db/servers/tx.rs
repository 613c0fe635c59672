//! Transactions on a database server.

use sqlx::{MySql, Postgres, SqlStr, Transaction};

use super::dialect::{mariadb, postgres};
use crate::db::value::bind;
use crate::db::{DbError, Row, Value};

/// A transaction that may write. Dropped without `commit`, it is undone.
#[derive(Debug)]
pub enum ServerTx {
    Postgres(Transaction<'static, Postgres>),
    MariaDb(Transaction<'static, MySql>),
}

impl ServerTx {
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(tx) => tx.commit().await,
            Self::MariaDb(tx) => tx.commit().await,
        }
    }

    pub(crate) async fn all<R: Row>(
        &mut self,
        sql: SqlStr,
        values: Vec<Value>,
    ) -> Result<Vec<R>, sqlx::Error> {
        match self {
            Self::Postgres(tx) => {
                let query = bind!(sqlx::query_as(postgres(sql)), values);
                query.fetch_all(&mut **tx).await
            }
            Self::MariaDb(tx) => {
                let query = bind!(sqlx::query_as(mariadb(sql)), values);
                query.fetch_all(&mut **tx).await
            }
        }
    }

    pub(crate) async fn optional<R: Row>(
        &mut self,
        sql: SqlStr,
        values: Vec<Value>,
    ) -> Result<Option<R>, sqlx::Error> {
        match self {
            Self::Postgres(tx) => {
                let query = bind!(sqlx::query_as(postgres(sql)), values);
                query.fetch_optional(&mut **tx).await
            }
            Self::MariaDb(tx) => {
                let query = bind!(sqlx::query_as(mariadb(sql)), values);
                query.fetch_optional(&mut **tx).await
            }
        }
    }

    pub(crate) async fn execute(
        &mut self,
        sql: SqlStr,
        values: Vec<Value>,
    ) -> Result<u64, DbError> {
        Ok(match self {
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

    /// Returns the clause that locks the rows of a SELECT against changes by others.
    pub(crate) const fn lock_clause(&self) -> &'static str {
        match self {
            // Rows that refer to these may come all the same.
            Self::Postgres(_) => "FOR NO KEY UPDATE",
            Self::MariaDb(_) => "FOR UPDATE",
        }
    }

    /// Returns the clause that locks the rows of a SELECT against changes, and lets others lock them alike.
    pub(crate) const fn share_clause(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "FOR SHARE",
            Self::MariaDb(_) => "LOCK IN SHARE MODE",
        }
    }

    /// Returns true when the database knows `ON CONFLICT`.
    pub(crate) const fn has_on_conflict(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}
