//! Restoring backups that somebody has changed.

use std::path::Path;

use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use super::backup::{back_up, find_file, put_back};
use crate::collector_failures::app;

/// Changes the database of a backup as somebody might who can write to it.
async fn tamper(backup: &Path, sql: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(backup.join("dockyard.db"))
        .foreign_keys(false);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_backup_that_was_tampered_with_is_refused() {
    for (sql, told) in [
        (
            "CREATE TRIGGER t AFTER INSERT ON users BEGIN
                UPDATE users SET is_admin = 1 WHERE id = new.id; END",
            "the trigger t is not Dockyard's",
        ),
        (
            "CREATE VIEW v AS SELECT * FROM users",
            "the view v is not Dockyard's",
        ),
        ("CREATE TABLE more (a)", "the table more is not Dockyard's"),
        (
            "DROP INDEX tags_by_digest",
            "the index tags_by_digest is missing",
        ),
        (
            "ALTER TABLE users ADD COLUMN more",
            "the table users is not Dockyard's",
        ),
        (
            "DELETE FROM users",
            "1 rows of access_tokens refer to rows that are not there",
        ),
        ("DROP TABLE _sqlx_migrations", "no such table"),
        (
            "UPDATE _sqlx_migrations SET version = 999 WHERE version = 3",
            "its version 999 is not known here",
        ),
    ] {
        let app = app().await;
        app.push_image("alice", "alice/app", "v1", b"layer").await;
        let (backup, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        back_up(&app, backup.path()).await.unwrap();
        tamper(backup.path(), sql).await;
        let refused = put_back(backup.path(), folder.path()).await.unwrap_err();
        assert!(refused.to_string().contains(told), "{sql}: {refused}");
        // Nothing of it is left.
        let left = folder.path().read_dir().unwrap();
        let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        left.retain(|name| name.to_string_lossy().contains("dockyard.db"));
        assert!(left.is_empty(), "{left:?}");
    }
}

#[tokio::test]
async fn what_is_no_plain_file_in_a_backup_is_neither_followed_nor_waited_for() {
    let app = app().await;
    let (one, two) = (b"a link", b"a pipe, later");
    app.push_blob("alice", "alice/app", one).await;
    app.push_blob("alice", "alice/app", two).await;
    let (backup, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    back_up(&app, backup.path()).await.unwrap();
    let blobs = backup.path().join("blobs");
    let (link, pipe) = (find_file(&blobs, one.len()), find_file(&blobs, two.len()));
    let elsewhere = backup.path().join("elsewhere");
    std::fs::rename(&link, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
    std::fs::remove_file(&pipe).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    let restored = put_back(backup.path(), folder.path()).await.unwrap();
    assert_eq!(restored.copied, 0);
    assert_eq!((restored.damaged, restored.of_blobs), (2, 2));

    std::fs::rename(&blobs, backup.path().join("moved")).unwrap();
    std::os::unix::fs::symlink(backup.path().join("moved"), &blobs).unwrap();
    let other = TempDir::new().unwrap();
    let refused = put_back(backup.path(), other.path()).await.unwrap_err();
    assert!(
        refused.to_string().contains("links are not followed"),
        "{refused}"
    );
}
