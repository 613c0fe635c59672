//! Opens pools of connections to PostgreSQL and MariaDB that are set up alike.

use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPool};
use sqlx::pool::{PoolConnectionMetadata, PoolOptions};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{Connection, Database, Executor};
use tracing::warn;

use crate::db::{DatabaseUrl, DbError, migrations};

/// Connections of one process: more than a few per core of the database gains nothing.
const CONNECTIONS: u32 = 16;
/// How long a request waits for a connection before it is told to come again.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that was idle for longer is asked whether it lives before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(5);
/// How long a start waits for a server that is starting too.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Prepared statements kept on a connection; every statement of `tables` fits.
const STATEMENTS: usize = 200;

/// What each connection to PostgreSQL is told first: no statement, lock or forgotten transaction lasts for ever.
const POSTGRES_SETTINGS: &str = "SET statement_timeout = '30s'; SET lock_timeout = '10s';
    SET idle_in_transaction_session_timeout = '60s'; SET default_transaction_isolation = 'read committed'";
/// The same for MariaDB, whose default isolation reads stale rows and locks gaps; texts that are too long are errors.
const MARIADB_SETTINGS: &str = "SET SESSION max_statement_time = 30; SET SESSION innodb_lock_wait_timeout = 10;
    SET SESSION idle_transaction_timeout = 60; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO'";

/// Connects to PostgreSQL and brings its schema up to date.
pub(super) async fn open_postgres(
    url: &DatabaseUrl,
    options: &PgConnectOptions,
) -> Result<PgPool, DbError> {
    let options = options
        .clone()
        .application_name("dockyard")
        .statement_cache_capacity(STATEMENTS);
    // On a connection of its own: a migration may take longer than a statement, and tells at once what is wrong.
    let mut first: PgConnection = connect(url, &options).await?;
    migrations::postgres().run(&mut first).await?;
    first.close().await?;
    let pool = pool::<sqlx::Postgres>().after_connect(|connection, _| {
        Box::pin(async move {
            connection.execute(sqlx::raw_sql(POSTGRES_SETTINGS)).await?;
            Ok(())
        })
    });
    Ok(pool.connect_lazy_with(options))
}

/// Connects to MariaDB and brings its schema up to date.
pub(super) async fn open_mariadb(
    url: &DatabaseUrl,
    options: &MySqlConnectOptions,
) -> Result<MySqlPool, DbError> {
    let options = options
        .clone()
        .charset("utf8mb4")
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .statement_cache_capacity(STATEMENTS);
    let mut first: MySqlConnection = connect(url, &options).await?;
    let (version,): (String,) = sqlx::query_as("SELECT VERSION()")
        .fetch_one(&mut first)
        .await?;
    if !version.contains("MariaDB") {
        return Err(DbError::NotMariaDb(format!(
            "the database server ({version})"
        )));
    }
    migrations::mariadb().run(&mut first).await?;
    first.close().await?;
    let pool = pool::<sqlx::MySql>().after_connect(|connection, _| {
        Box::pin(async move {
            connection.execute(sqlx::raw_sql(MARIADB_SETTINGS)).await?;
            Ok(())
        })
    });
    Ok(pool.connect_lazy_with(options))
}

/// Connects, and waits a while for a server that does not answer yet.
async fn connect<C: Connection>(url: &DatabaseUrl, options: &C::Options) -> Result<C, DbError> {
    let started = Instant::now();
    let mut told = false;
    loop {
        let error = match C::connect_with(options).await {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        if !is_starting(&error) || started.elapsed() > START_TIMEOUT {
            let database = url.to_string();
            return Err(DbError::Unreachable {
                database,
                cause: error,
            });
        }
        if !std::mem::replace(&mut told, true) {
            warn!(%error, "waiting up to {} s for {url}", START_TIMEOUT.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn is_starting(error: &sqlx::Error) -> bool {
    use std::io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, UnexpectedEof,
    };
    match error {
        sqlx::Error::Io(error) => matches!(
            error.kind(),
            ConnectionRefused | ConnectionReset | ConnectionAborted | UnexpectedEof
        ),
        // PostgreSQL: cannot_connect_now.
        sqlx::Error::Database(told) => told.code().is_some_and(|code| code == "57P03"),
        _ => false,
    }
}

fn pool<DB: Database>() -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(Duration::from_mins(10))
        .max_lifetime(Duration::from_hours(1))
        .test_before_acquire(false)
        .before_acquire(
            |connection: &mut DB::Connection, known: PoolConnectionMetadata| {
                Box::pin(async move {
                    if known.idle_for < TRUSTED_FOR {
                        return Ok(true);
                    }
                    Ok(connection.ping().await.is_ok())
                })
            },
        )
}
