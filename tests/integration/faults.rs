//! kill -9 at every point between two steps of a change, and what is there after the next start.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use dockyard_hub::fault::Fault;
use dockyard_hub::images::{CollectorOptions, Mode};
use reqwest::{Method, StatusCode};
use tempfile::TempDir;

use crate::app::{MANIFEST, TestApp, digest, header, manifest};
use crate::engines::{self, On};
use crate::process::{Server, command, verify};

const CONFIG: &[u8] = br#"{"architecture":"amd64","os":"linux"}"#;
const NEW_LAYER: &[u8] = b"a new layer";

/// Each change in the order in which it is made, with the points before and after it is recorded.
const CHANGES: [(Change, &[Fault], &[Fault]); 8] = [
    (Change::Start, &[], &[Fault::UploadStarted]),
    (
        Change::Append,
        &[Fault::ChunkWritten],
        &[Fault::ChunkRecorded],
    ),
    (
        Change::Finish,
        &[Fault::BlobDurable, Fault::BlobRecording],
        &[Fault::BlobRecorded],
    ),
    (
        Change::Mount,
        &[Fault::MountRecording],
        &[Fault::MountRecorded],
    ),
    (
        Change::Put,
        &[Fault::ManifestRecording],
        &[Fault::ManifestRecorded],
    ),
    (
        Change::DeleteTag,
        &[Fault::TagDeleting],
        &[Fault::TagDeleted],
    ),
    (
        Change::DeleteManifest,
        &[Fault::ManifestDeleting],
        &[Fault::ManifestDeleted],
    ),
    (
        Change::DeleteRepository,
        &[Fault::RepositoryDeleting],
        &[Fault::RepositoryDeleted],
    ),
];

/// Points that only the collector reaches.
const COLLECTING: [Fault; 9] = [
    Fault::CollectUploadRow,
    Fault::CollectUploadObject,
    Fault::CollectManifest,
    Fault::CollectedManifest,
    Fault::CollectLink,
    Fault::CollectedLink,
    Fault::CollectBlobRow,
    Fault::CollectBlobObject,
    Fault::CollectOrphan,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Start,
    Append,
    Finish,
    Mount,
    Put,
    DeleteTag,
    DeleteManifest,
    DeleteRepository,
}

/// What the changes work on.
struct Scene {
    folder: TempDir,
    token: String,
    /// The upload, once it was started.
    location: String,
}

#[test]
fn every_point_has_its_test() {
    let changes = CHANGES
        .iter()
        .flat_map(|(_, before, after)| before.iter().chain(*after));
    let tested: Vec<&Fault> = changes.chain(&COLLECTING).collect();
    for (fault, name) in &Fault::ALL {
        assert!(tested.contains(&fault), "{name}");
    }
}

#[tokio::test]
async fn killed_at_any_point_of_a_change_it_is_whole_or_not_there() {
    let base = base().await;
    for (index, (change, before, after)) in CHANGES.iter().enumerate() {
        for (points, is_recorded) in [(before, false), (after, true)] {
            for point in *points {
                let mut scene = base.copy(self::base).await;
                println!("{change:?} killed at {point:?}");
                scene.kill_at(index, *point).await;
                scene.check_after(index, is_recorded).await;
            }
        }
    }
}

/// A hub with an image, and a repository to mount from and to delete.
async fn base() -> Scene {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.push_image("alice", "alice/app", "v1", b"old layer")
        .await;
    app.push_image("alice", "alice/app", "v0", b"older layer")
        .await;
    app.push_image("alice", "alice/source", "v1", b"mounted layer")
        .await;
    let token = app.token("alice");
    Scene {
        folder: app.stop().await,
        token,
        location: String::new(),
    }
}

impl Scene {
    /// Is the same once more: a copy of the folder where that is all, and else made anew.
    async fn copy(&self, again: impl AsyncFnOnce() -> Self) -> Self {
        if engines::on() != On::Sqlite {
            return again().await;
        }
        let folder = tempfile::tempdir().unwrap();
        copy_folder(self.folder.path(), folder.path());
        Self {
            folder,
            token: self.token.clone(),
            location: String::new(),
        }
    }

    fn server(&self, fault: Option<&str>) -> Server {
        Server::start(self.folder.path(), &self.token, fault)
    }

    /// Makes every change up to the one at `index`, at which the server dies.
    async fn kill_at(&mut self, index: usize, point: Fault) {
        let name = Fault::ALL
            .iter()
            .find(|(fault, _)| *fault == point)
            .unwrap()
            .1;
        // What comes before runs unarmed: finishing an upload writes a chunk as well.
        let server = self.server(None);
        for (change, ..) in &CHANGES[..index] {
            let status = self.make(&server, *change).await.unwrap();
            assert!(status.is_success(), "{change:?}: {status}");
        }
        drop(server);
        let server = self.server(Some(name));
        let answer = self.make(&server, CHANGES[index].0).await;
        assert!(answer.is_err(), "{point:?} was not reached: {answer:?}");
        assert_eq!(server.ended().await.signal(), Some(9));
    }

    /// Starts again: what was acknowledged is there, what was cut is whole or not there, and all of
    /// it can be done again and goes on.
    async fn check_after(&mut self, index: usize, is_recorded: bool) {
        let server = self.server(None);
        for (i, (change, ..)) in CHANGES.iter().enumerate() {
            let expected = i < index || (i == index && is_recorded);
            if let Some(is_there) = self.is_made(&server, *change).await {
                assert_eq!(is_there, expected, "{change:?}");
            }
        }
        let goes_on = CHANGES[index..].iter().map(|(change, ..)| *change);
        for change in goes_on {
            let mut status = self.make(&server, change).await.unwrap();
            // Where there are other nodes, the upload is that of the dead one for a while.
            while status == StatusCode::CONFLICT && engines::on() != On::Sqlite {
                tokio::time::sleep(Duration::from_secs(1)).await;
                status = self.make(&server, change).await.unwrap();
            }
            let was_made_before = is_recorded && status == StatusCode::NOT_FOUND;
            assert!(
                status.is_success() || was_made_before,
                "{change:?}: {status}"
            );
        }
        self.check_end(&server).await;
        drop(server);
        assert_eq!(verify(self.folder.path()).await, []);
        let gc = command(self.folder.path(), None)
            .args(["admin", "gc", "--gc-grace", "0s", "--gc-untagged", "0s"])
            .output();
        assert!(gc.unwrap().status.success());
        assert_eq!(verify(self.folder.path()).await, []);
        // The image that is left, and what was finished and mounted for nothing else.
        assert_eq!(engines::objects(self.folder.path()).await, 2);
    }

    async fn make(&mut self, server: &Server, change: Change) -> reqwest::Result<StatusCode> {
        let app = "/v2/alice/app";
        let send = |method, path: String| server.by_alice(method, &path).send();
        let response = match change {
            Change::Start => {
                let response = send(Method::POST, format!("{app}/blobs/uploads/")).await?;
                header(&response, "location").clone_into(&mut self.location);
                response
            }
            Change::Append => {
                let request = server.by_alice(Method::PATCH, &self.location);
                let request = request.header("content-range", "0-4");
                let response = request.body(&NEW_LAYER[..5]).send().await?;
                if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
                    // It was recorded before: the client sees that and goes on.
                    assert_eq!(header(&response, "range"), "0-4");
                    return Ok(StatusCode::NOT_FOUND);
                }
                response
            }
            Change::Finish => {
                // As a client that was cut off does: it asks how far it came.
                let status = send(Method::GET, self.location.clone()).await?;
                if status.status() == StatusCode::NOT_FOUND {
                    return Ok(StatusCode::NOT_FOUND);
                }
                let last: usize = header(&status, "range")[2..].parse().unwrap();
                let path = format!("{}?digest={}", self.location, digest(NEW_LAYER));
                let request = server.by_alice(Method::PUT, &path);
                request.body(&NEW_LAYER[last + 1..]).send().await?
            }
            Change::Mount => {
                let blob = digest(b"mounted layer");
                let path = format!("{app}/blobs/uploads/?mount={blob}&from=alice/source");
                send(Method::POST, path).await?
            }
            Change::Put => {
                let request = server.by_alice(Method::PUT, &format!("{app}/manifests/v2"));
                let request = request.header("content-type", MANIFEST);
                request.body(new_manifest()).send().await?
            }
            Change::DeleteTag => send(Method::DELETE, format!("{app}/manifests/v1")).await?,
            Change::DeleteManifest => {
                let older = image_of(b"older layer");
                let path = format!("{app}/manifests/{}", digest(older.as_bytes()));
                send(Method::DELETE, path).await?
            }
            Change::DeleteRepository => {
                send(
                    Method::DELETE,
                    "/api/v1/repositories/alice/source".to_owned(),
                )
                .await?
            }
        };
        Ok(response.status())
    }

    /// Tells whether a change can be seen; `None` where another change hides it.
    async fn is_made(&self, server: &Server, change: Change) -> Option<bool> {
        let app = "/v2/alice/app";
        let status = |path: String| async move {
            let response = server.by_alice(Method::GET, &path).send().await.unwrap();
            response.status() == StatusCode::OK
        };
        match change {
            Change::Start => None,
            Change::Append => {
                let request = server.by_alice(Method::GET, &self.location);
                let response = request.send().await.unwrap();
                (response.status() == StatusCode::NO_CONTENT)
                    .then(|| header(&response, "range") != "0-0")
            }
            Change::Finish => Some(status(format!("{app}/blobs/{}", digest(NEW_LAYER))).await),
            Change::Mount => {
                Some(status(format!("{app}/blobs/{}", digest(b"mounted layer"))).await)
            }
            Change::Put => Some(status(format!("{app}/manifests/v2")).await),
            Change::DeleteTag => Some(!status(format!("{app}/manifests/v1")).await),
            Change::DeleteManifest => Some(!status(format!("{app}/manifests/v0")).await),
            Change::DeleteRepository => {
                Some(!status("/v2/alice/source/manifests/v1".to_owned()).await)
            }
        }
    }

    async fn check_end(&self, server: &Server) {
        for (change, ..) in &CHANGES[2..] {
            // Mounted and nothing else: whether it is there yet, or still, is up to the collector.
            if *change != Change::Mount {
                assert_eq!(
                    self.is_made(server, *change).await,
                    Some(true),
                    "{change:?}"
                );
            }
        }
        let path = format!("/v2/alice/app/blobs/{}", digest(NEW_LAYER));
        let blob = server.by_alice(Method::GET, &path).send().await.unwrap();
        assert_eq!(blob.bytes().await.unwrap(), NEW_LAYER);
    }
}

fn image_of(layer: &[u8]) -> String {
    manifest(&digest(CONFIG), CONFIG.len(), &digest(layer), layer.len())
}

fn new_manifest() -> String {
    image_of(NEW_LAYER)
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A hub of a month ago that has one of everything that the collector takes.
async fn garbage() -> Scene {
    let app = TestApp::start_a_month_ago().await;
    app.sign_up("alice").await;
    app.push_image("alice", "alice/app", "v1", b"old layer")
        .await;
    app.push_image("alice", "alice/app", "v2", NEW_LAYER).await;
    app.push_blob("alice", "alice/app", b"never used").await;
    let start = app.by("alice", Method::POST, "/v2/alice/app/blobs/uploads/");
    let location = header(&start.send().await.unwrap(), "location").to_owned();
    let patch = app.by("alice", Method::PATCH, &location).body("given up");
    assert!(patch.send().await.unwrap().status().is_success());
    let delete = app.by("alice", Method::DELETE, "/v2/alice/app/manifests/v1");
    assert!(delete.send().await.unwrap().status().is_success());
    let marks = CollectorOptions::default();
    app.hub
        .collector
        .collect(marks, Mode::Collect)
        .await
        .unwrap();
    app.leave_an_orphan().await;
    let token = app.token("alice");
    Scene {
        folder: app.stop().await,
        token,
        location,
    }
}

#[tokio::test]
async fn a_collector_that_is_killed_goes_on_where_it_was() {
    let base = garbage().await;
    for point in COLLECTING {
        let scene = base.copy(garbage).await;
        let folder = scene.folder.path();
        let name = Fault::ALL
            .iter()
            .find(|(fault, _)| *fault == point)
            .unwrap()
            .1;
        let gc = |fault| {
            let mut gc = command(folder, fault);
            gc.args(["admin", "gc", "--gc-grace", "0s", "--gc-untagged", "0s"]);
            gc
        };
        let killed = gc(Some(name)).output().unwrap();
        assert_eq!(killed.status.signal(), Some(9), "{name}");
        assert_eq!(verify(folder).await, [], "{name}");
        let again = gc(None).output().unwrap();
        assert!(again.status.success(), "{again:?}");
        assert_eq!(verify(folder).await, [], "{name}");
        assert_eq!(engines::objects(folder).await, 2, "{name}");
        let server = scene.server(None);
        let get = server.by_alice(Method::GET, "/v2/alice/app/manifests/v2");
        assert_eq!(
            get.send().await.unwrap().text().await.unwrap(),
            new_manifest()
        );
        drop(server);
    }
}
