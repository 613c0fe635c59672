//! PostgreSQL and MariaDB: the verbs of `Db` and `Tx` over their drivers.
//!
//! Compiled with the feature `servers`. Without it, `absent` takes the place of this module.

mod connect;
mod dialect;
mod tx;
mod url;

use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlDatabaseError, MySqlPool, MySqlRow};
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{FromRow, SqlSafeStr, SqlStr};

use super::value::bind;
use super::{DatabaseUrl, DbError, READ_TRIES, Row, Value, is_lost, retrying};
use dialect::{mariadb, postgres};
pub(crate) use tx::ServerTx;
pub use url::ServerUrl;

/// A row struct that each database server can fill.
pub(crate) trait ServerRow:
    for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, MySqlRow>
{
}
impl<T> ServerRow for T where T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, MySqlRow> {}

/// A pool of connections to a database server. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) enum Server {
    Postgres(PgPool),
    MariaDb(MySqlPool),
}

impl Server {
    /// Connects and brings the schema up to date. `url` is `at` as messages name it.
    pub(super) async fn open(url: &DatabaseUrl, at: &ServerUrl) -> Result<Self, DbError> {
        Ok(match at {
            ServerUrl::Postgres(at) => Self::Postgres(connect::open_postgres(url, at).await?),
            ServerUrl::MariaDb(at) => Self::MariaDb(connect::open_mariadb(url, at).await?),
        })
    }

    pub(super) async fn begin(&self) -> Result<ServerTx, DbError> {
        Ok(match self {
            Self::Postgres(pool) => ServerTx::Postgres(pool.begin().await?),
            Self::MariaDb(pool) => ServerTx::MariaDb(pool.begin().await?),
        })
    }

    /// Returns what the server's clock shows, in Unix milliseconds.
    pub(super) async fn now_ms(&self) -> Result<i64, DbError> {
        let sql = match self {
            Self::Postgres(_) => {
                "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
            }
            Self::MariaDb(_) => "SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS BIGINT)",
        };
        let found = self
            .optional::<(i64,)>(sql.into_sql_str(), Vec::new())
            .await?;
        let nothing = || DbError::Corrupt("no time".to_owned());
        found.map(|(now_ms,)| now_ms).ok_or_else(nothing)
    }

    pub(super) async fn all<R: Row>(
        &self,
        sql: SqlStr,
        values: Vec<Value>,
    ) -> Result<Vec<R>, DbError> {
        match self {
            Self::Postgres(pool) => {
                let sql = postgres(sql);
                asked(|| bind!(sqlx::query_as(sql.clone()), values.clone()).fetch_all(pool)).await
            }
            Self::MariaDb(pool) => {
                let sql = mariadb(sql);
                asked(|| bind!(sqlx::query_as(sql.clone()), values.clone()).fetch_all(pool)).await
            }
        }
    }

    pub(super) async fn optional<R: Row>(
        &self,
        sql: SqlStr,
        values: Vec<Value>,
    ) -> Result<Option<R>, DbError> {
        match self {
            Self::Postgres(pool) => {
                let sql = postgres(sql);
                let ask =
                    || bind!(sqlx::query_as(sql.clone()), values.clone()).fetch_optional(pool);
                asked(ask).await
            }
            Self::MariaDb(pool) => {
                let sql = mariadb(sql);
                let ask =
                    || bind!(sqlx::query_as(sql.clone()), values.clone()).fetch_optional(pool);
                asked(ask).await
            }
        }
    }

    pub(super) async fn execute(&self, sql: SqlStr, values: Vec<Value>) -> Result<u64, DbError> {
        match self {
            Self::Postgres(pool) => {
                let sql = postgres(sql);
                let run = || bind!(sqlx::query(sql.clone()), values.clone()).execute(pool);
                Ok(retrying(|| async { Ok::<_, DbError>(run().await?) })
                    .await?
                    .rows_affected())
            }
            Self::MariaDb(pool) => {
                let sql = mariadb(sql);
                let run = || bind!(sqlx::query(sql.clone()), values.clone()).execute(pool);
                Ok(retrying(|| async { Ok::<_, DbError>(run().await?) })
                    .await?
                    .rows_affected())
            }
        }
    }

    /// Returns the number of connections and the number of idle ones.
    pub(super) fn connections(&self) -> (u32, usize) {
        match self {
            Self::Postgres(pool) => (pool.size(), pool.num_idle()),
            Self::MariaDb(pool) => (pool.size(), pool.num_idle()),
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Postgres(pool) => pool.close().await,
            Self::MariaDb(pool) => pool.close().await,
        }
    }
}

/// Returns the number of an error of MariaDB, which says more than its SQLSTATE; `None` for other databases.
pub(super) fn error_number(error: &dyn DatabaseError) -> Option<u16> {
    let error = error.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(error.number())
}

/// Asks a question again on a new connection when the old one turns out to be gone.
async fn asked<T, F>(mut ask: impl FnMut() -> F) -> Result<T, DbError>
where
    F: Future<Output = Result<T, sqlx::Error>>,
{
    let mut tries = 1;
    loop {
        match ask().await.map_err(DbError::from) {
            Err(DbError::Unavailable(error)) if tries < READ_TRIES && is_lost(&error) => tries += 1,
            Err(DbError::Contended(_)) if tries < READ_TRIES => tries += 1,
            other => return other,
        }
    }
}
