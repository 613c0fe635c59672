//! `dockyard admin backup` and `restore`.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dockyard_hub::Caretaker;
use dockyard_hub::backup::{BackupError, Progress, Told, restore};
use dockyard_hub::clock::Clock;
use dockyard_hub::{HubOptions, OpenError};
use reqwest::{Method, StatusCode};
use tempfile::TempDir;

use crate::app::{TestApp, digest};
use crate::collector_failures::{app, collect};
use crate::process::{Server, command, verify};

pub(super) async fn back_up(
    app: &TestApp,
    to: &Path,
) -> Result<(Progress, Vec<String>), BackupError> {
    let caretaker = Caretaker::open(app.options()).await.unwrap();
    let mut damaged = Vec::new();
    let mut tell = |told: Told<'_>| {
        if let Told::Damaged(blob) = told {
            damaged.push(format!("{}: {}", blob.digest, blob.what));
        }
    };
    let done = caretaker.back_up(to, &mut tell).await;
    caretaker.close().await;
    done.map(|done| (done, damaged))
}

pub(super) async fn put_back(from: &Path, to: &Path) -> Result<Progress, BackupError> {
    let options = HubOptions::embedded(to.to_owned(), Clock::system());
    restore(options, from, &mut |_| {}).await
}

async fn pull(app: &TestApp, blob: &[u8]) -> Result<Vec<u8>, StatusCode> {
    let path = format!("/v2/alice/app/blobs/{}", digest(blob));
    let answer = app.ask("alice", Method::GET, &path).await;
    match answer.status() {
        StatusCode::OK => Ok(answer.bytes().await.unwrap().to_vec()),
        status => Err(status),
    }
}

fn layer(n: u32) -> Vec<u8> {
    format!("layer {n} ").into_bytes().repeat(20_000)
}

#[tokio::test]
async fn what_was_acknowledged_before_a_backup_is_in_it_while_pushes_go_on() {
    let app = Arc::new(app().await);
    for n in 0..10 {
        app.push_image("alice", "alice/app", &format!("v{n}"), &layer(n))
            .await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let pushing = tokio::spawn({
        let (app, stop) = (Arc::clone(&app), Arc::clone(&stop));
        async move {
            let mut n = 100;
            while !stop.load(Ordering::Relaxed) {
                app.push_image("alice", "alice/app", "moving", &layer(n))
                    .await;
                app.ask("alice", Method::POST, "/v2/alice/app/blobs/uploads/")
                    .await;
                n += 1;
            }
            n - 100
        }
    });
    let (backup, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    for _ in 0..3 {
        let (done, damaged) = back_up(&app, backup.path()).await.unwrap();
        assert_eq!(damaged, [""; 0]);
        assert!(done.of_blobs >= 11, "{done:?}");
    }
    stop.store(true, Ordering::Relaxed);
    assert!(pushing.await.unwrap() > 0, "nothing was pushed meanwhile");

    put_back(backup.path(), data.path()).await.unwrap();
    assert_eq!(verify(data.path()).await, []);
    let restored = app.with_data(data).await;
    for n in 0..10 {
        assert_eq!(pull(&restored, &layer(n)).await.unwrap(), layer(n));
        let path = format!("/v2/alice/app/manifests/v{n}");
        let answer = restored.ask("alice", Method::GET, &path).await;
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let page = restored.ask("alice", Method::GET, "/r/alice/app").await;
    assert_eq!(page.status(), StatusCode::OK);
    // It is a registry like any other.
    restored
        .push_image("alice", "alice/app", "after", b"after")
        .await;
}

#[tokio::test]
async fn the_next_backup_copies_what_is_new_and_forgets_what_is_gone() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", &layer(1)).await;
    let backup = TempDir::new().unwrap();
    let (first, _) = back_up(&app, backup.path()).await.unwrap();
    assert_eq!((first.of_blobs, first.copied), (2, 2));

    app.push_image("alice", "alice/app", "v2", &layer(2)).await;
    let (second, _) = back_up(&app, backup.path()).await.unwrap();
    assert_eq!((second.of_blobs, second.copied), (3, 1));
    assert_eq!(second.copied_bytes, layer(2).len() as u64);

    app.ask("alice", Method::DELETE, "/api/v1/repositories/alice/app")
        .await;
    // Twice: what is unreferenced is marked first.
    for _ in 0..2 {
        collect(&app).await;
        app.clock.advance(2 * 24 * 3600 * 1000);
    }
    collect(&app).await;
    let (third, _) = back_up(&app, backup.path()).await.unwrap();
    assert_eq!((third.of_blobs, third.copied), (0, 0));
    let files = walk(&backup.path().join("blobs"));
    assert_eq!(files, 0, "what is gone is still there");
}

fn walk(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let count = |entry: std::fs::DirEntry| {
        let is_folder = entry.file_type().unwrap().is_dir();
        if is_folder { walk(&entry.path()) } else { 1 }
    };
    entries.map(count).sum()
}

#[tokio::test]
async fn a_blob_that_is_not_whole_is_told_and_out_of_service_after_the_restoration() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", b"the layer")
        .await;
    app.push_image("alice", "alice/app", "v2", &layer(2)).await;
    let at = app.find_object(b"the layer").await;
    app.put_object(at, b"the liar!").await;
    let (backup, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (done, damaged) = back_up(&app, backup.path()).await.unwrap();
    assert_eq!(done.damaged, 1);
    assert_eq!(
        damaged,
        [format!(
            "{}: its bytes hash to {}",
            digest(b"the layer"),
            digest(b"the liar!")
        )]
    );

    // One more is damaged in the backup itself.
    let file = find_file(&backup.path().join("blobs"), layer(2).len());
    std::fs::write(file, vec![0; layer(2).len()]).unwrap();
    let done = put_back(backup.path(), data.path()).await.unwrap();
    assert_eq!(done.damaged, 1);
    let restored = app.with_data(data).await;
    for blob in [&b"the layer"[..], &layer(2)] {
        assert_eq!(pull(&restored, blob).await, Err(StatusCode::NOT_FOUND));
        restored.push_blob("alice", "alice/app", blob).await;
        assert_eq!(pull(&restored, blob).await.unwrap(), blob);
    }
}

pub(super) fn find_file(folder: &Path, size: usize) -> std::path::PathBuf {
    let parts = std::fs::read_dir(folder).unwrap();
    let mut files = parts.flat_map(|part| std::fs::read_dir(part.unwrap().path()).unwrap());
    let has_size = |file: &std::fs::DirEntry| file.metadata().unwrap().len() == size as u64;
    let found = files.find_map(|file| file.ok().filter(has_size));
    found.unwrap().path()
}

#[tokio::test]
async fn a_blob_that_is_damaged_later_is_whole_in_the_backup() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", b"the layer")
        .await;
    let (backup, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    back_up(&app, backup.path()).await.unwrap();
    let at = app.find_object(b"the layer").await;
    app.put_object(at, b"the liar!").await;
    let repaired = {
        let caretaker = Caretaker::open(app.options()).await.unwrap();
        let repair = dockyard_hub::images::Repair::Yes;
        caretaker
            .verifier
            .verify(repair, &mut |_| {})
            .await
            .unwrap()
    };
    assert!(repaired.problems > 0, "{repaired:?}");
    back_up(&app, backup.path()).await.unwrap();
    put_back(backup.path(), data.path()).await.unwrap();
    let restored = app.with_data(data).await;
    assert_eq!(pull(&restored, b"the layer").await.unwrap(), b"the layer");
}

#[tokio::test]
async fn what_can_not_be_done_is_said() {
    let app = app().await;
    let (backup, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let error = put_back(backup.path(), data.path()).await.unwrap_err();
    assert!(error.to_string().contains("holds no backup"), "{error}");
    let own = app.options().data_dir;
    let error = back_up(&app, &own).await.unwrap_err();
    assert!(error.to_string().contains("name another one"), "{error}");

    back_up(&app, backup.path()).await.unwrap();
    let error = put_back(backup.path(), &own).await.unwrap_err();
    assert!(
        matches!(error, BackupError::Open(OpenError::InUse(_))),
        "{error}"
    );
    let folder = app.stop().await;
    let error = put_back(backup.path(), folder.path()).await.unwrap_err();
    assert!(
        error.to_string().contains("there is a database already"),
        "{error}"
    );
    let server = HubOptions {
        database: Some("postgres://a@127.0.0.1/b".parse().unwrap()),
        ..HubOptions::embedded(data.path().to_owned(), Clock::system())
    };
    let error = restore(server, backup.path(), &mut |_| {})
        .await
        .unwrap_err();
    assert!(error.to_string().contains("pg_dump"), "{error}");
}

#[tokio::test]
async fn the_commands_say_what_they_did() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    let (backup, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let run = |folder: &Path, name: &str| {
        let mut command = command(folder, None);
        command.args(["admin", name]).arg(backup.path());
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let (code, text) = run(&app.options().data_dir, "backup");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("the backup in "), "{text}");
    assert!(
        text.contains(": 2 blobs, of which 2 were copied (42 bytes), in "),
        "{text}"
    );
    let (code, text) = run(data.path(), "restore");
    assert_eq!(code, Some(0), "{text}");
    let told = "nobody is an administrator in this backup\nrestored to ";
    assert!(text.starts_with(told), "{text}");
    let (code, text) = run(data.path(), "restore");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("there is a database already"), "{text}");
    assert_eq!(verify(data.path()).await, []);
}

#[tokio::test]
async fn a_backup_waits_for_the_collector() {
    let app = app().await;
    let backup = TempDir::new().unwrap();
    app.change_database(
        "INSERT INTO leases (name, holder, until_ms) VALUES ('collector', 'x', 9000000000000000)",
    )
    .await;
    let (told, mut waits) = tokio::sync::mpsc::unbounded_channel();
    let caretaker = Caretaker::open(app.options()).await.unwrap();
    let mut tell = |what: Told<'_>| {
        if matches!(what, Told::Waiting) {
            told.send(()).unwrap();
        }
    };
    let leaving = async {
        waits.recv().await.expect("it waits");
        app.change_database("DELETE FROM leases").await;
    };
    let (done, ()) = tokio::join!(caretaker.back_up(backup.path(), &mut tell), leaving);
    done.unwrap();
    caretaker.close().await;
    assert!(backup.path().join("dockyard.db").is_file());
}

/// Lists what lies under a folder and is for others as well.
fn open_to_others(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(at) = waiting.pop() {
        // What the server wrote for a moment may be gone.
        let Ok(metadata) = at.symlink_metadata() else {
            continue;
        };
        if metadata.permissions().mode() & 0o077 != 0 {
            found.push(at.clone());
        }
        if metadata.is_dir() {
            waiting.extend(
                at.read_dir()
                    .into_iter()
                    .flatten()
                    .map(|entry| entry.unwrap().path()),
            );
        }
    }
    found
}

#[tokio::test]
async fn data_and_backups_are_for_their_owner_alone() {
    let folder = TempDir::new().unwrap();
    let (data, backup, again) = (
        folder.path().join("data"),
        folder.path().join("backup"),
        folder.path().join("again"),
    );
    // As a version before left it, and as a careless `mkdir` makes it.
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    let server = Server::start(&data, "", None);
    let body = serde_json::json!({"username": "alice", "password": "correct horse"});
    let client = reqwest::Client::new();
    let signed_up = client.post(format!("{}/api/v1/users", server.url()));
    assert_eq!(signed_up.json(&body).send().await.unwrap().status(), 201);
    let upload = format!(
        "{}/v2/alice/app/blobs/uploads/?digest={}",
        server.url(),
        digest(b"x")
    );
    let pushed = client
        .post(upload)
        .basic_auth("alice", Some("correct horse"));
    assert_eq!(pushed.body("x").send().await.unwrap().status(), 201);
    assert_eq!(open_to_others(&data), Vec::<std::path::PathBuf>::new());

    let run = |folder: &Path, name: &str| {
        let mut command = command(folder, None);
        command.args(["admin", name]).arg(&backup);
        let output = command.output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.success(), text)
    };
    let (is_done, text) = run(&data, "backup");
    assert!(is_done, "{text}");
    assert_eq!(open_to_others(&backup), Vec::<std::path::PathBuf>::new());
    // A backup that was copied carelessly does not make careless data.
    let database = backup.join("dockyard.db");
    std::fs::set_permissions(&database, Permissions::from_mode(0o644)).unwrap();
    std::fs::create_dir(&again).unwrap();
    let (is_done, text) = run(&again, "restore");
    assert!(is_done, "{text}");
    assert_eq!(open_to_others(&again), Vec::<std::path::PathBuf>::new());

    std::fs::set_permissions(&backup, Permissions::from_mode(0o777)).unwrap();
    let (is_done, text) = run(&data, "backup");
    assert!(!is_done && text.contains("others may write"), "{text}");
}

#[tokio::test]
async fn new_keys_end_registry_tokens_and_set_up_links() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    let scope = "repository:alice/app:pull,push";
    let token = app.registry_token(Some("alice"), scope).await;
    let key = app.hub.accounts.new_setup_key().await.unwrap();
    let path = "/v2/alice/app/blobs/uploads/";
    let start = async || {
        app.bearer(Method::POST, path, &token)
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(start().await, StatusCode::ACCEPTED);

    let caretaker = Caretaker::open(app.options()).await.unwrap();
    caretaker.rotate_keys().await.unwrap();
    caretaker.close().await;
    // As a running server does every half minute.
    app.hub.accounts.tokens.load_key().await.unwrap();
    assert_eq!(start().await, StatusCode::UNAUTHORIZED);
    let request = dockyard_hub::accounts::SignUp {
        name: "root".parse().unwrap(),
        password: dockyard_hub::Secret::new("correct horse".to_owned()),
        email: None,
        setup_key: key,
        from: [127, 0, 0, 1].into(),
    };
    let refused = app.hub.accounts.sign_up(request).await.unwrap_err();
    assert!(refused.to_string().contains("set-up link"), "{refused}");
    // What is in the database as a hash stays.
    let new = app.registry_token(Some("alice"), scope).await;
    let begun = app.bearer(Method::POST, path, &new).send().await.unwrap();
    assert_eq!(begun.status(), StatusCode::ACCEPTED);
}
