//! The database: a handful of verbs over a pool, and transactions.
//!
//! SQL stands in `tables` and nowhere else: one text for all three databases, with `?` for its arguments. SQLite is
//! the embedded default: WAL, one connection that writes and a pool that reads. PostgreSQL and MariaDB run with
//! READ COMMITTED; what must not happen at once locks a row first (`begin_in`, `Tx::optional_for_update`), which SQLite
//! does not need.

mod address;
mod at_once;
mod error;
mod migrations;
mod row;
#[cfg_attr(not(feature = "servers"), path = "absent.rs")]
mod servers;
mod sqlite;
pub(crate) mod tables;
mod tx;
mod value;

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, SqlSafeStr};

pub use address::{DatabaseUrl, DatabaseUrlError};
pub(crate) use error::Contention;
pub use error::DbError;
pub(crate) use row::{ReadRow, row};
pub use servers::ServerUrl;
pub use tx::Tx;
pub(crate) use value::{Value, placeholders, values};

use crate::Id;
use crate::clock::Clock;
pub(crate) use sqlite::find_foreign;

use servers::{Server, ServerRow};
use value::bind;

/// How often a piece of work is done again that lost a race.
const TRIES: u32 = 8;
/// How often a question is asked again of a database that went away.
const READ_TRIES: u32 = 3;

/// Interval at which a server's clock is read, and the longest query whose answer is used.
const CLOCK_FOLLOWED: Duration = Duration::from_secs(10);
const CLOCK_EXACT: Duration = Duration::from_millis(500);

/// A row struct that each database can fill.
pub(crate) trait Row: for<'r> FromRow<'r, SqliteRow> + ServerRow + Send + Unpin {}
impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + ServerRow + Send + Unpin {}

/// A handle on the database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    engine: Engine,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(sqlite::Sqlite),
    Server(Server),
}

impl Db {
    /// Opens a database and brings its schema up to date; makes the file of an embedded one when it is missing.
    ///
    /// Several processes may do so at once. Errors: `Unreachable`, `SchemaNewer`, `NotMariaDb`.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, DbError> {
        let engine = match url {
            DatabaseUrl::Sqlite(file) => {
                let opened = Box::pin(sqlite::Sqlite::open(file)).await;
                Engine::Sqlite(opened.map_err(|error| error.of(url))?)
            }
            DatabaseUrl::Server(at) => Engine::Server(Box::pin(Server::open(url, at)).await?),
        };
        Ok(Self { engine })
    }

    /// Starts a transaction that may write. Dropped without `commit`, it is undone.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        for _ in 1..READ_TRIES {
            match self.begin_once().await {
                Err(DbError::Unavailable(error)) if is_lost(&error) => {}
                other => return other,
            }
        }
        self.begin_once().await
    }

    async fn begin_once(&self) -> Result<Tx, DbError> {
        Ok(match &self.engine {
            Engine::Sqlite(sqlite) => Tx::Sqlite(sqlite.begin().await?),
            Engine::Server(server) => Tx::Server(server.begin().await?),
        })
    }

    /// Starts a transaction in which nobody else writes to a repository.
    pub(crate) async fn begin_in(&self, repository_id: Id) -> Result<Tx, DbError> {
        let mut tx = self.begin().await?;
        tables::repositories::lock(&mut tx, repository_id).await?;
        Ok(tx)
    }

    /// Reads every row of a query.
    pub(crate) async fn all<R: Row>(
        &self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Vec<R>, DbError> {
        let sql = sql.into_sql_str();
        match &self.engine {
            Engine::Sqlite(sqlite) => {
                let query = bind!(sqlx::query_as(sql), values);
                Ok(query.fetch_all(sqlite.reader()).await?)
            }
            Engine::Server(server) => server.all(sql, values).await,
        }
    }

    /// Reads one row, or none.
    pub(crate) async fn optional<R: Row>(
        &self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Option<R>, DbError> {
        let sql = sql.into_sql_str();
        match &self.engine {
            Engine::Sqlite(sqlite) => {
                let query = bind!(sqlx::query_as(sql), values);
                Ok(query.fetch_optional(sqlite.reader()).await?)
            }
            Engine::Server(server) => server.optional(sql, values).await,
        }
    }

    /// Reads one row, or none, by its key: on the thread of the caller where that is the fastest.
    pub(crate) async fn lookup<R: Row + ReadRow>(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<R>, DbError> {
        if let Engine::Sqlite(sqlite) = &self.engine
            && let Ok(found) = sqlite.at_once().optional(sql, &values)
        {
            return Ok(found);
        }
        self.optional(sql, values).await
    }

    /// Runs one statement in a transaction of its own and returns the number of rows it found to change; again, when it
    /// lost a race.
    pub(crate) async fn execute(
        &self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<u64, DbError> {
        let sql = sql.into_sql_str();
        match &self.engine {
            Engine::Sqlite(sqlite) => {
                let done = bind!(sqlx::query(sql), values)
                    .execute(sqlite.writer())
                    .await;
                Ok(done?.rows_affected())
            }
            Engine::Server(server) => server.execute(sql, values).await,
        }
    }

    /// Is how many connections there are, and how many of them nothing uses.
    pub(crate) fn connections(&self) -> (u64, u64) {
        let of = |size: u32, idle: usize| (u64::from(size), idle as u64);
        match &self.engine {
            Engine::Sqlite(sqlite) => {
                let (readers, writer) = (sqlite.reader(), sqlite.writer());
                of(
                    readers.size() + writer.size(),
                    readers.num_idle() + writer.num_idle(),
                )
            }
            Engine::Server(server) => {
                let (size, idle) = server.connections();
                of(size, idle)
            }
        }
    }

    /// Returns a clock that follows the database server, so that all nodes agree on expiry; `own` for an embedded database
    /// or for a clock that tests have set.
    pub(crate) async fn clock(&self, own: Clock) -> Result<Clock, DbError> {
        let Engine::Server(server) = &self.engine else {
            return Ok(own);
        };
        if !own.is_machines() {
            return Ok(own);
        }
        let clock = Clock::following(server.now_ms().await?);
        tokio::spawn(follow(server.clone(), clock.clone()));
        Ok(clock)
    }

    /// Tells whether other processes may work on the same data.
    pub(crate) const fn is_shared(&self) -> bool {
        !matches!(self.engine, Engine::Sqlite(_))
    }

    /// Asks the database for an answer, to know that it is there.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.optional::<(i64,)>("SELECT CAST(1 AS BIGINT)", values![])
            .await
            .map(|_| ())
    }

    /// Lets an embedded database look for damage in itself, and returns what it found in its own words. A server has
    /// its own means.
    pub(crate) async fn check(&self) -> Result<Vec<String>, DbError> {
        match &self.engine {
            Engine::Sqlite(_) => sqlite::check(self).await,
            Engine::Server(_) => Ok(Vec::new()),
        }
    }

    /// Copies an embedded database, as it is now, to a file that does not exist. Others go on meanwhile.
    ///
    /// Nothing is durable yet. Errors: `Corrupt` for a server, which has its own means.
    pub(crate) async fn snapshot(&self, file: &Path) -> Result<(), DbError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.snapshot(file).await,
            Engine::Server(_) => Err(DbError::Corrupt("no file".to_owned())),
        }
    }

    /// Finishes what is under way and closes every connection.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Server(server) => server.close().await,
        }
    }
}

/// Keeps a clock in step with a server until its last other clone is dropped.
async fn follow(server: Server, clock: Clock) {
    while !clock.is_last() {
        tokio::time::sleep(CLOCK_FOLLOWED).await;
        let asked = Instant::now();
        match server.now_ms().await {
            // An answer that took long says little.
            Ok(now_ms) if asked.elapsed() < CLOCK_EXACT => clock.set_right(now_ms),
            _ => {}
        }
    }
}

/// Tells whether a connection was lost, as when the server restarts: a new one may work.
fn is_lost(error: &sqlx::Error) -> bool {
    !matches!(error, sqlx::Error::PoolTimedOut)
}

/// Does a piece of work again for as long as it only lost a race against another transaction; a few times.
pub(crate) async fn retrying<T, E: Contention, F>(mut work: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut tries = 1;
    loop {
        match work().await {
            Err(error) if error.is_contended() && tries < TRIES => {
                // Whoever lost together should not meet again.
                let spread = getrandom::u32().map_or(0, u64::from);
                tokio::time::sleep(Duration::from_millis(spread % (4 << tries))).await;
                tries += 1;
            }
            other => return other,
        }
    }
}
