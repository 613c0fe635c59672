//! Deleting, and the collector after it.

use dockyard_hub::Caretaker;
use dockyard_hub::images::{Collected, CollectorOptions, Mode, Problem, Repair};
use futures::TryStreamExt;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::{INDEX, MANIFEST, TestApp, descriptor, digest, error};
use crate::engines::{self, On};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// Takes a pass with the grace periods that are the default.
async fn collect(app: &TestApp) -> Collected {
    let options = CollectorOptions::default();
    let found = app
        .hub
        .collector
        .collect(options, Mode::DryRun)
        .await
        .unwrap();
    let taken = app
        .hub
        .collector
        .collect(options, Mode::Collect)
        .await
        .unwrap();
    // A pass may find more than it saw coming: what a manifest held is marked when it goes.
    assert!(taken.manifests >= found.manifests && taken.links >= found.links);
    taken
}

async fn status(app: &TestApp, method: Method, path: &str) -> StatusCode {
    app.by("alice", method, path).send().await.unwrap().status()
}

async fn app() -> TestApp {
    let app = TestApp::start_on_a_fixed_clock().await;
    app.sign_up("alice").await;
    app
}

#[tokio::test]
async fn what_lost_its_tag_goes_after_the_grace_periods_and_no_sooner() {
    let app = app().await;
    let manifest = app.push_image("alice", "alice/app", "v1", b"one").await;
    app.push_image("alice", "alice/app", "v2", b"two").await;
    let path = "/v2/alice/app/manifests/v1";
    assert_eq!(
        status(&app, Method::DELETE, path).await,
        StatusCode::ACCEPTED
    );

    assert_eq!(collect(&app).await.waiting, 1);
    app.clock.advance(13 * DAY_MS);
    assert_eq!(collect(&app).await.manifests, 0);
    app.clock.advance(2 * DAY_MS);
    let taken = collect(&app).await;
    assert_eq!((taken.manifests, taken.blobs), (1, 0));
    app.clock.advance(2 * DAY_MS);
    let taken = collect(&app).await;
    // The configuration is the other image's too.
    assert_eq!((taken.links, taken.blobs, taken.freed_bytes), (1, 1, 3));
    assert_eq!(app.objects().await, 2);

    let path = format!("/v2/alice/app/manifests/{}", digest(manifest.as_bytes()));
    assert_eq!(
        status(&app, Method::GET, &path).await,
        StatusCode::NOT_FOUND
    );
    for path in [
        "manifests/v2".to_owned(),
        format!("blobs/{}", digest(b"two")),
    ] {
        let path = format!("/v2/alice/app/{path}");
        assert_eq!(status(&app, Method::GET, &path).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn what_is_asked_for_is_kept_for_another_while() {
    let app = app().await;
    let blob = app.push_blob("alice", "alice/app", b"layer").await;
    collect(&app).await;
    app.clock.advance(2 * DAY_MS);
    let path = format!("/v2/alice/app/blobs/{blob}");
    assert_eq!(status(&app, Method::HEAD, &path).await, StatusCode::OK);
    assert_eq!(collect(&app).await.links, 0);
    app.clock.advance(2 * DAY_MS);
    assert_eq!(collect(&app).await.links, 1);
    assert_eq!(
        status(&app, Method::HEAD, &path).await,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn an_image_that_is_downloaded_as_a_tarball_is_kept_for_another_while() {
    let app = app().await;
    let image = app.push_image("alice", "alice/app", "v1", b"one").await;
    let path = "/v2/alice/app/manifests/v1";
    assert_eq!(
        status(&app, Method::DELETE, path).await,
        StatusCode::ACCEPTED
    );
    collect(&app).await;
    let path = format!("/api/v1/images/alice/app@{}", digest(image.as_bytes()));
    for _ in 0..3 {
        app.clock.advance(10 * DAY_MS);
        assert_eq!(status(&app, Method::GET, &path).await, StatusCode::OK);
        assert_eq!(collect(&app).await.manifests, 0);
    }
    app.clock.advance(15 * DAY_MS);
    assert_eq!(collect(&app).await.manifests, 1);
}

#[tokio::test]
async fn indexes_and_subjects_keep_what_belongs_to_them() {
    let app = app().await;
    let child = app.push_image("alice", "alice/app", "child", b"one").await;
    let child_digest = digest(child.as_bytes());
    let listed = json!({"mediaType": MANIFEST, "digest": child_digest, "size": child.len()});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]}).to_string();
    app.put_manifest("alice", "alice/app", "all", INDEX, &index)
        .await;
    let config = app.push_blob("alice", "alice/app", b"{}").await;
    let signature = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2},
        "layers": [],
        "subject": listed,
    })
    .to_string();
    let signature_digest = digest(signature.as_bytes());
    app.put_manifest(
        "alice",
        "alice/app",
        &signature_digest,
        MANIFEST,
        &signature,
    )
    .await;
    let delete = |reference: &str| {
        let path = format!("/v2/alice/app/manifests/{reference}");
        app.by("alice", Method::DELETE, &path).send()
    };
    delete("child").await.unwrap();
    for _ in 0..2 {
        collect(&app).await;
        app.clock.advance(30 * DAY_MS);
    }
    for reference in [&child_digest, &signature_digest] {
        let path = format!("/v2/alice/app/manifests/{reference}");
        assert_eq!(status(&app, Method::GET, &path).await, StatusCode::OK);
    }
    // With the index goes what only it held, and with that its signature.
    delete("all").await.unwrap();
    for _ in 0..5 {
        collect(&app).await;
        app.clock.advance(30 * DAY_MS);
    }
    collect(&app).await;
    assert_eq!(app.objects().await, 0);
}

#[tokio::test]
async fn a_subject_that_comes_back_finds_its_referrers() {
    let app = app().await;
    let image = app.push_image("alice", "alice/app", "v1", b"one").await;
    let image_digest = digest(image.as_bytes());
    let config = app.push_blob("alice", "alice/app", b"{}").await;
    let signature = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2},
        "layers": [],
        "subject": {"mediaType": MANIFEST, "digest": image_digest, "size": image.len()},
    })
    .to_string();
    let reference = digest(signature.as_bytes());
    app.put_manifest("alice", "alice/app", &reference, MANIFEST, &signature)
        .await;
    let path = format!("/v2/alice/app/manifests/{image_digest}");
    assert_eq!(
        status(&app, Method::DELETE, &path).await,
        StatusCode::ACCEPTED
    );
    collect(&app).await;
    app.clock.advance(DAY_MS / 2);
    app.put_manifest("alice", "alice/app", "v1", MANIFEST, &image)
        .await;
    for _ in 0..3 {
        app.clock.advance(30 * DAY_MS);
        collect(&app).await;
    }
    let path = format!("/v2/alice/app/manifests/{reference}");
    assert_eq!(status(&app, Method::GET, &path).await, StatusCode::OK);
}

/// Pushes a signature of what was pushed as `subject` and returns its digest.
async fn sign(app: &TestApp, subject: &str) -> String {
    let config = app.push_blob("alice", "alice/app", b"{}").await;
    let signature = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2},
        "layers": [],
        "subject": descriptor(MANIFEST, subject.as_bytes()),
    });
    let (signature, by) = (signature.to_string(), "alice");
    let reference = digest(signature.as_bytes());
    app.put_manifest(by, "alice/app", &reference, MANIFEST, &signature)
        .await;
    app.put_manifest(by, "alice/app", "signed", MANIFEST, &signature)
        .await;
    format!("/v2/alice/app/manifests/{reference}")
}

#[tokio::test]
async fn a_referrer_whose_subject_went_goes_however_it_was_held_or_asked_for() {
    let app = app().await;
    let image = app.push_image("alice", "alice/app", "v1", b"one").await;
    let signature = sign(&app, &image).await;
    let delete = async |reference: &str| {
        let path = format!("/v2/alice/app/manifests/{reference}");
        assert_eq!(
            status(&app, Method::DELETE, &path).await,
            StatusCode::ACCEPTED
        );
    };
    // It still has a tag when its subject goes.
    delete(&digest(image.as_bytes())).await;
    collect(&app).await;
    delete("signed").await;
    collect(&app).await;
    app.clock.advance(10 * DAY_MS);
    // Being asked for starts its time anew, and does not end it.
    assert_eq!(status(&app, Method::GET, &signature).await, StatusCode::OK);
    collect(&app).await;
    app.clock.advance(13 * DAY_MS);
    assert_eq!(collect(&app).await.manifests, 0);
    app.clock.advance(2 * DAY_MS);
    assert_eq!(collect(&app).await.manifests, 1);
    assert_eq!(
        status(&app, Method::HEAD, &signature).await,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_referrer_whose_subject_was_never_there_stays() {
    let app = app().await;
    let signature = sign(&app, "never pushed").await;
    let path = "/v2/alice/app/manifests/signed";
    assert_eq!(
        status(&app, Method::DELETE, path).await,
        StatusCode::ACCEPTED
    );
    for _ in 0..3 {
        app.clock.advance(30 * DAY_MS);
        collect(&app).await;
    }
    assert_eq!(status(&app, Method::GET, &signature).await, StatusCode::OK);
}

#[tokio::test]
async fn a_deleted_repository_and_given_up_uploads_leave_nothing() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", b"one").await;
    let start = app.by("alice", Method::POST, "/v2/alice/other/blobs/uploads/");
    let location = start.send().await.unwrap().headers()["location"].clone();
    let chunk = app.by("alice", Method::PATCH, location.to_str().unwrap());
    let written = chunk.body("half a layer").send().await.unwrap();
    assert_eq!(written.status(), StatusCode::ACCEPTED);
    let path = "/api/v1/repositories/alice/app";
    assert!(status(&app, Method::DELETE, path).await.is_success());
    app.clock.advance(8 * DAY_MS);
    let taken = collect(&app).await;
    assert_eq!((taken.blobs, taken.uploads), (2, 1));
    assert_eq!(app.objects().await, 0);
}

#[tokio::test]
async fn objects_that_nothing_stands_behind_go_and_others_stay() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", b"one").await;
    app.leave_an_orphan().await;
    assert_eq!(app.objects().await, 3);
    app.clock.advance(DAY_MS + 1);
    let taken = collect(&app).await;
    assert_eq!((taken.orphans, taken.freed_bytes), (1, 9));
    assert_eq!(app.objects().await, 2);
}

#[tokio::test]
async fn a_blob_that_a_manifest_uses_can_not_be_deleted() {
    let app = app().await;
    let manifest = app.push_image("alice", "alice/app", "v1", b"one").await;
    let path = format!("/v2/alice/app/blobs/{}", digest(b"one"));
    let refused = app.by("alice", Method::DELETE, &path).send().await.unwrap();
    assert_eq!(error(refused).await, (405, "UNSUPPORTED".to_owned()));
    let manifest = format!("/v2/alice/app/manifests/{}", digest(manifest.as_bytes()));
    assert_eq!(
        status(&app, Method::DELETE, &manifest).await,
        StatusCode::ACCEPTED
    );
    assert_eq!(
        status(&app, Method::DELETE, &path).await,
        StatusCode::ACCEPTED
    );
    assert_eq!(
        status(&app, Method::GET, &path).await,
        StatusCode::NOT_FOUND
    );
}

/// Verifies beside the running server.
async fn verify(app: &TestApp, repair: Repair) -> Vec<Problem> {
    let caretaker = Caretaker::open(app.options()).await.unwrap();
    let mut problems = Vec::new();
    let mut tell = |problem: &Problem| problems.push(problem.clone());
    caretaker.verifier.verify(repair, &mut tell).await.unwrap();
    caretaker.close().await;
    problems
}

#[tokio::test]
async fn a_damaged_blob_is_found_taken_out_of_service_and_healed_by_a_push() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    app.create("alice", "alice/secret", "private").await;
    app.push_image("alice", "alice/secret", "v1", b"layer")
        .await;
    assert_eq!(verify(&app, Repair::No).await, []);
    let layer = app.find_object(b"layer").await;
    app.put_object(layer, b"lAyer").await;

    let found = verify(&app, Repair::No).await;
    let names = "it belongs to alice/app, alice/secret";
    assert!(
        found.len() == 1 && found[0].to_string().contains(names),
        "{found:?}"
    );
    let path = format!("/v2/alice/app/blobs/{}", digest(b"layer"));
    assert_eq!(status(&app, Method::HEAD, &path).await, StatusCode::OK);
    // A folder is taken at its word until then; what a bucket hands out is compared with the digest on its way.
    let pull = app.by("alice", Method::GET, &path).send();
    let pulled = async { pull.await?.text().await }.await;
    if engines::on() == On::S3 {
        assert!(pulled.is_err(), "{pulled:?}");
    } else {
        assert_eq!(pulled.unwrap(), "lAyer");
    }

    // The blob itself, and the two manifests that it is missing from.
    assert_eq!(verify(&app, Repair::Yes).await.len(), 3);
    assert_eq!(
        status(&app, Method::GET, &path).await,
        StatusCode::NOT_FOUND
    );
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    assert_eq!(verify(&app, Repair::No).await, []);
    for repository in ["alice/app", "alice/secret"] {
        let path = format!("/v2/{repository}/blobs/{}", digest(b"layer"));
        let response = app.by("alice", Method::GET, &path).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "layer");
    }
    app.clock.advance(2 * DAY_MS);
    assert_eq!(collect(&app).await.orphans, 1);
    assert_eq!(app.objects().await, 2);
}

#[tokio::test]
async fn a_lost_object_is_found_and_said_where() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    let store = app.store().await;
    for object in store.list().try_collect::<Vec<_>>().await.unwrap() {
        store.delete(object.at, None).await.unwrap();
    }
    let found = verify(&app, Repair::Yes).await;
    let gone = found
        .iter()
        .filter(|p| p.to_string().contains("its object is gone"));
    assert_eq!(gone.count(), 2);
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    assert_eq!(verify(&app, Repair::No).await, []);
}

#[tokio::test]
async fn a_blob_in_quarantine_that_is_whole_after_all_comes_back() {
    let app = app().await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    let layer = app.find_object(b"layer").await;
    app.store().await.delete(layer, None).await.unwrap();
    verify(&app, Repair::Yes).await;
    let path = format!("/v2/alice/app/blobs/{}", digest(b"layer"));
    assert_eq!(
        status(&app, Method::GET, &path).await,
        StatusCode::NOT_FOUND
    );
    app.put_object(layer, b"layer").await;
    let found = verify(&app, Repair::Yes).await;
    assert!(found.iter().all(Problem::is_repaired), "{found:?}");
    assert_eq!(verify(&app, Repair::No).await, []);
    assert_eq!(status(&app, Method::GET, &path).await, StatusCode::OK);
}

#[tokio::test]
async fn a_manifest_starts_the_time_of_what_it_refers_to_anew() {
    let app = app().await;
    let manifest = app.push_image("alice", "alice/app", "v1", b"one").await;
    let path = format!("/v2/alice/app/manifests/{}", digest(manifest.as_bytes()));
    assert_eq!(
        status(&app, Method::DELETE, &path).await,
        StatusCode::ACCEPTED
    );
    assert_eq!(collect(&app).await.waiting, 2);
    app.clock.advance(DAY_MS - 1000);
    app.put_manifest("alice", "alice/app", "v2", MANIFEST, &manifest)
        .await;
    assert_eq!(
        status(&app, Method::DELETE, &path).await,
        StatusCode::ACCEPTED
    );
    app.clock.advance(2000);
    assert_eq!(collect(&app).await.links, 0);
    app.clock.advance(2 * DAY_MS);
    assert_eq!(collect(&app).await.links, 2);
}
