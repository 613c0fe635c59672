//! What only the embedded database and a folder can be brought to: the suite leaves this file out on servers.

mod backup;
mod restore;

use reqwest::Method;

use crate::collector_failures::{app, collect};

#[tokio::test]
async fn blobs_without_their_database_are_left_alone() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    let options = app.options();
    let _folder = app.stop().await;
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(options.data_dir.join(format!("dockyard.db{end}")));
    }
    let refused = dockyard_hub::Hub::open(options.clone())
        .await
        .err()
        .unwrap();
    assert!(
        refused.to_string().contains("Put the database back"),
        "{refused}"
    );
    assert!(!options.data_dir.join("dockyard.db").exists());
}

#[tokio::test]
async fn an_object_that_can_not_be_deleted_is_left_and_the_rest_goes() {
    let app = app().await;
    app.leave_an_orphan().await;
    for name in [
        "01900000-0000-7000-8000-00000000aa00",
        "01900000-0000-7000-8000-00000000bb00",
    ] {
        let folder = app.options().data_dir.join("blobs/00").join(name);
        std::fs::create_dir(folder).unwrap();
    }
    let taken = collect(&app).await;
    assert_eq!((taken.orphans, taken.failures), (1, 2));
    assert_eq!(app.objects().await, 2);
}

#[tokio::test]
async fn a_pass_ends_also_when_a_mark_does_not_stick() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    app.push_blob("alice", "alice/app", b"another layer").await;
    let path = "/v2/alice/app/manifests/v1";
    app.ask("alice", Method::DELETE, path).await;
    app.change_database(
        "CREATE TRIGGER links BEFORE UPDATE OF unreferenced_ms ON repository_blobs
        BEGIN SELECT RAISE(IGNORE); END;
        CREATE TRIGGER marks BEFORE UPDATE OF unreferenced_ms ON manifests
        BEGIN SELECT RAISE(IGNORE); END;",
    )
    .await;
    let pass = tokio::time::timeout(std::time::Duration::from_secs(20), collect(&app)).await;
    assert_eq!(pass.expect("the pass ends").waiting, 0);
}
