//! SQLite: WAL, one writer, a pool of readers.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Sqlite as Driver, Transaction};

use super::at_once::AtOnce;
use super::{Db, DbError, migrations};
use crate::private;

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
    at_once: Arc<AtOnce>,
}

impl Sqlite {
    pub(super) async fn open(file: &Path) -> Result<Self, DbError> {
        // What SQLite puts beside it gets the same rights.
        private::make_file(file).map_err(sqlx::Error::Io)?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .statement_cache_capacity(STATEMENTS);
        let writer = pool(1).connect_with(options.clone()).await?;
        // In one transaction, each page is written once.
        let mut tx = writer.begin_with(BEGIN).await?;
        migrations::sqlite().run(&mut *tx).await?;
        tx.commit().await?;
        let readers = pool(READERS).connect_lazy_with(options.read_only(true));
        Ok(Self {
            writer,
            readers,
            at_once: Arc::new(AtOnce::new(file)),
        })
    }

    pub(super) const fn reader(&self) -> &SqlitePool {
        &self.readers
    }

    pub(super) const fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    pub(super) fn at_once(&self) -> &AtOnce {
        &self.at_once
    }

    pub(super) async fn begin(&self) -> Result<Transaction<'static, Driver>, DbError> {
        let begun = match self.writer.begin_with(BEGIN).await {
            // A commit that failed on the disk was undone by SQLite itself, which the driver does
            // not see: it believes the connection in a transaction for ever. A new one is not.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                self.writer.acquire().await?.close().await?;
                self.writer.begin_with(BEGIN).await
            }
            other => other,
        };
        Ok(begun?)
    }

    /// Source: SQLite, `VACUUM INTO`.
    pub(super) async fn snapshot(&self, file: &Path) -> Result<(), DbError> {
        private::make_file(file).map_err(sqlx::Error::Io)?;
        let path = file.to_string_lossy().into_owned();
        let query = sqlx::query("VACUUM INTO ?").bind(path);
        query.execute(&self.readers).await?;
        Ok(())
    }

    pub(super) async fn close(&self) {
        self.at_once.close();
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Lets the database look for damage in itself.
///
/// Source: SQLite, `PRAGMA integrity_check` and `PRAGMA foreign_key_check`.
pub(super) async fn check(db: &Db) -> Result<Vec<String>, DbError> {
    let rows = db.all::<(String,)>("PRAGMA integrity_check", Vec::new());
    let mut found: Vec<String> = rows.await?.into_iter().map(|(text,)| text).collect();
    found.retain(|text| text != "ok");
    let sql = "SELECT \"table\", COUNT(*) FROM pragma_foreign_key_check GROUP BY \"table\"";
    for (table, count) in db.all::<(String, i64)>(sql, Vec::new()).await? {
        found.push(format!(
            "{count} rows of {table} refer to rows that are not there"
        ));
    }
    Ok(found)
}

/// Compares the schema of a restored database with the one that the migrations make, and describes the first difference;
/// `None` if there is none.
///
/// A foreign trigger would run with the rights of the server. The file is only read.
pub(crate) async fn find_foreign(file: &Path) -> Result<Option<String>, DbError> {
    let found = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .pragma("trusted_schema", "OFF");
    let mut found = found.connect().await?;
    let applied = "SELECT version FROM _sqlx_migrations ORDER BY version DESC LIMIT 1";
    let applied: Option<(i64,)> = match sqlx::query_as(applied).fetch_optional(&mut found).await {
        Err(sqlx::Error::Database(error)) => return Ok(Some(error.to_string())),
        other => other?,
    };
    let Some((version,)) = applied else {
        return Ok(Some("it has no version".to_owned()));
    };
    let mut own = SqliteConnectOptions::new()
        .in_memory(true)
        .connect()
        .await?;
    let migrator = migrations::sqlite();
    if migrator.iter().all(|step| step.version < version) {
        return Ok(Some(format!("its version {version} is not known here")));
    }
    migrator.run_to(version, &mut own).await?;
    let (expected, actual) = (objects(&mut own).await?, objects(&mut found).await?);
    let other = |one: &Objects, another: &Objects| one.difference(another).next().cloned();
    let difference = match (other(&actual, &expected), other(&expected, &actual)) {
        (Some(more), _) => Some(format!("the {} {} is not Dockyard's", more.0, more.1)),
        (None, Some(less)) => Some(format!("the {} {} is missing", less.0, less.1)),
        (None, None) => None,
    };
    found.close().await?;
    own.close().await?;
    Ok(difference)
}

/// The objects of a schema: kind, name and SQL of each.
type Objects = BTreeSet<(String, String, String)>;

async fn objects(connection: &mut SqliteConnection) -> Result<Objects, DbError> {
    // SQLite's internal tables and indexes have reserved names; a trigger with such a name is not internal.
    let sql = "SELECT type, name, COALESCE(sql, '') FROM sqlite_master
        WHERE NOT (name LIKE 'sqlite\\_%' ESCAPE '\\' AND type IN ('table', 'index'))";
    let rows = sqlx::query_as(sql).fetch_all(connection).await?;
    Ok(rows.into_iter().collect())
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn nobody_but_its_owner_reads_a_new_database() {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open(&folder.path().join("a.db")).await.unwrap();
        for name in ["a.db", "a.db-wal", "a.db-shm"] {
            let metadata = folder.path().join(name).metadata().unwrap();
            assert_eq!(metadata.permissions().mode() & 0o077, 0, "{name}");
        }
        sqlite.close().await;
    }
}
