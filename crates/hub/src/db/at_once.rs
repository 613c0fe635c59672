//! Small questions to SQLite that are answered on the spot.
//!
//! The driver asks SQLite on a thread of its own, and the way there and back costs several times what finding a row by
//! its key does. Here the caller's thread asks: for queries of every pull, which read a few pages, and nothing else.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params_from_iter};

use super::{ReadRow, Value};

/// Connections that only read. There are as many as threads ever asked at once.
#[derive(Debug)]
pub(super) struct AtOnce {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl AtOnce {
    pub(super) fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            idle: Mutex::default(),
        }
    }

    /// Finds one row, or none. It waits for nobody: a database that is busy is an error, and the driver's to ask.
    pub(super) fn optional<R: ReadRow>(
        &self,
        sql: &str,
        values: &[Value],
    ) -> rusqlite::Result<Option<R>> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let found = connection
            .prepare_cached(sql)?
            .query_row(params_from_iter(values), R::read)
            .optional()?;
        // After an error, a new connection is the better one.
        self.idle().push(connection);
        Ok(found)
    }

    pub(super) fn close(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        connection.busy_timeout(Duration::ZERO)?;
        Ok(connection)
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Self::Int(value) | Self::OptionalInt(Some(value)) => ValueRef::Integer(*value),
            Self::Text(value) | Self::OptionalText(Some(value)) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) | Self::OptionalBytes(Some(value)) => ValueRef::Blob(value),
            Self::OptionalInt(None) | Self::OptionalText(None) | Self::OptionalBytes(None) => {
                ValueRef::Null
            }
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{DatabaseUrl, Db, row, values};

    const FIND: &str = "SELECT value FROM settings WHERE name = ?";

    row! {
        #[derive(Debug, PartialEq)]
        struct Setting {
            value: Vec<u8>,
        }
    }

    #[tokio::test]
    async fn finds_what_was_committed_just_before() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dockyard.db");
        let db = Db::open(&DatabaseUrl::Sqlite(file.clone())).await.unwrap();
        let at_once = AtOnce::new(&file);
        let find = || {
            at_once
                .optional::<Setting>(FIND, &[Value::from("a")])
                .unwrap()
        };
        assert_eq!(find(), None);
        let sql = "INSERT INTO settings (name, value) VALUES ('a', ?)";
        db.execute(sql, values![vec![0]]).await.unwrap();
        for n in 1..100_u8 {
            let sql = "UPDATE settings SET value = ? WHERE name = ?";
            db.execute(sql, values![vec![n], "a"]).await.unwrap();
            assert_eq!(find(), Some(Setting { value: vec![n] }));
        }
        assert_eq!(at_once.idle().len(), 1);
        db.execute("DELETE FROM settings", values![]).await.unwrap();
        assert_eq!(find(), None);
    }

    #[tokio::test]
    async fn what_fails_here_is_asked_of_the_driver() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dockyard.db");
        let db = Db::open(&DatabaseUrl::Sqlite(file.clone())).await.unwrap();
        let sql = "INSERT INTO settings (name, value) VALUES ('a', ?)";
        db.execute(sql, values![vec![7]]).await.unwrap();
        // The driver's connection that reads is made beside.
        while db.connections() != (2, 2) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Nothing is left to open; the driver has it open still.
        std::fs::rename(&file, folder.path().join("moved.db")).unwrap();
        let alone = AtOnce::new(&file).optional::<Setting>(FIND, &[Value::from("a")]);
        assert!(alone.is_err(), "{alone:?}");
        let found = db.lookup::<Setting>(FIND, values!["a"]).await.unwrap();
        assert_eq!(found, Some(Setting { value: vec![7] }));
    }
}
