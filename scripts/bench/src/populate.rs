//! Many tags and repositories, written where each server keeps them: a million pushes would take hours.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Repositories of the catalog.
pub const REPOSITORIES: usize = 10_000;

/// Adds rows to Dockyard's database, below a user, and points tags at a manifest that is there.
pub fn dockyard(folder: &Path, owner: &str, lists: &[(&str, usize)]) -> Result<()> {
    let mut sql = String::from("PRAGMA foreign_keys = ON;\nBEGIN;\n");
    let owner_id = format!("(SELECT id FROM users WHERE name = '{owner}')");
    writeln!(
        sql,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {REPOSITORIES})
         INSERT INTO repositories (id, name, owner_id, visibility, description, readme, created_ms)
         SELECT printf('00000000-0000-7000-8000-%012d', i), printf('{owner}/r%06d', i), {owner_id},
            'public', '', '', 0 FROM n;"
    )?;
    for (repository, tags) in lists {
        writeln!(
            sql,
            "INSERT INTO repositories (id, name, owner_id, visibility, description, readme, created_ms)
             SELECT '{repository}-id', '{owner}/{repository}', {owner_id}, 'public', '', '', 0;
             INSERT INTO manifests (repository_id, digest, media_type, size_bytes, pushed_ms, body)
             SELECT '{repository}-id', digest, media_type, size_bytes, pushed_ms, body
             FROM manifests ORDER BY digest LIMIT 1;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {tags})
             INSERT INTO tags (repository_id, name, version_key, digest, pushed_ms)
             SELECT '{repository}-id', printf('t%07d', i), printf('t%07d', i), (SELECT MIN(digest) FROM manifests), 0
             FROM n;"
        )?;
    }
    sql += "COMMIT;\n";
    // Ids are UUIDs: what was written with words is made one here.
    for (i, (repository, _)) in lists.iter().enumerate() {
        let id = format!("00000000-0000-7000-9000-{i:012}");
        sql = sql.replace(&format!("'{repository}-id'"), &format!("'{id}'"));
    }
    let mut shell = Command::new("sqlite3")
        .arg(folder.join("dockyard.db"))
        .stdin(Stdio::piped())
        .spawn()
        .context("sqlite3 is needed to write many rows")?;
    shell
        .stdin
        .take()
        .context("it was piped")?
        .write_all(sql.as_bytes())?;
    ensure!(shell.wait()?.success(), "sqlite3 failed");
    Ok(())
}

/// Makes the folders that docker-registry lists.
pub fn docker_registry(folder: &Path, owner: &str, lists: &[(&str, usize)]) -> Result<()> {
    let root = folder
        .join("registry/docker/registry/v2/repositories")
        .join(owner);
    for i in 1..=REPOSITORIES {
        std::fs::create_dir_all(root.join(format!("r{i:06}/_layers")))?;
    }
    for (repository, tags) in lists {
        let tags_folder = root.join(repository).join("_manifests/tags");
        std::fs::create_dir_all(&tags_folder)?;
        for i in 1..=*tags {
            std::fs::create_dir(tags_folder.join(format!("t{i:07}")))?;
        }
    }
    Ok(())
}
