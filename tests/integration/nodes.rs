//! Several servers on one database and one bucket: they behave as one registry.

use std::time::Duration;

use dockyard_hub::clock::Clock;
use dockyard_hub::images::{CollectorOptions, Mode};
use reqwest::{Method, StatusCode};

use crate::app::{TestApp, digest, header};

/// Two nodes that know the same users.
async fn nodes() -> (TestApp, TestApp) {
    let one = TestApp::start().await;
    one.sign_up("alice").await;
    let other = one.join().await;
    (one, other)
}

#[tokio::test]
#[ignore = "needs DOCKYARD_TEST_ON=s3"]
async fn what_is_pushed_to_one_is_pulled_from_the_other_at_once() {
    let (one, other) = nodes().await;
    let layer = b"a layer";
    let manifest = one.push_image("alice", "alice/app", "v1", layer).await;
    let path = "/v2/alice/app/manifests/v1";
    let pulled = other.ask("alice", Method::GET, path).await;
    let pushed = digest(manifest.as_bytes());
    assert_eq!(header(&pulled, "docker-content-digest"), pushed);
    let path = format!("/v2/alice/app/blobs/{}", digest(layer));
    let pulled = other.ask("alice", Method::GET, &path).await;
    assert_eq!(pulled.bytes().await.unwrap(), &layer[..]);
    // And what is moved or deleted by one is so for the other.
    let moved = other.push_image("alice", "alice/app", "v1", b"two").await;
    let path = "/v2/alice/app/manifests/v1";
    let head = one.ask("alice", Method::HEAD, path).await;
    let moved = digest(moved.as_bytes());
    assert_eq!(header(&head, "docker-content-digest"), moved);
    let deleted = other.ask("alice", Method::DELETE, path).await;
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    let gone = one.ask("alice", Method::GET, path).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
#[ignore = "needs DOCKYARD_TEST_ON=s3"]
async fn a_session_and_a_token_count_on_both() {
    let (one, other) = nodes().await;
    let cookie = one.log_in("alice").await;
    let page = other.anonymous(Method::GET, "/settings/profile");
    let page = page.header("cookie", cookie).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.text().await.unwrap().contains("alice"));
    let scope = "repository:alice/app:pull,push";
    let token = one.registry_token(Some("alice"), scope).await;
    let start = other.bearer(Method::POST, "/v2/alice/app/blobs/uploads/", &token);
    assert_eq!(start.send().await.unwrap().status(), StatusCode::ACCEPTED);
}

#[tokio::test]
#[ignore = "needs DOCKYARD_TEST_ON=s3"]
async fn the_chunks_of_an_upload_may_alternate() {
    let (one, other) = nodes().await;
    one.create("alice", "app", "public").await;
    let bytes: Vec<u8> = (0..13_000_000_u32)
        .map(|i| (i ^ (i >> 9)).to_le_bytes()[0])
        .collect();
    let started = one
        .ask("alice", Method::POST, "/v2/alice/app/blobs/uploads/")
        .await;
    let mut location = header(&started, "location").to_owned();
    let mut at = 0;
    for (turn, length) in [1, 5_000_000, 100, 6_000_000, 70_000]
        .into_iter()
        .enumerate()
    {
        let node = if turn % 2 == 0 { &other } else { &one };
        let last = at + length - 1;
        let chunk = node
            .by("alice", Method::PATCH, &location)
            .header("content-range", format!("{at}-{last}"))
            .body(bytes[at..=last].to_vec());
        let answer = chunk.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        assert_eq!(header(&answer, "range"), format!("0-{last}"));
        location = header(&answer, "location").to_owned();
        at += length;
    }
    let whole = digest(&bytes);
    let joint = if location.contains('?') { '&' } else { '?' };
    let end = one.by(
        "alice",
        Method::PUT,
        &format!("{location}{joint}digest={whole}"),
    );
    let end = end.body(bytes[at..].to_vec()).send().await.unwrap();
    assert_eq!(end.status(), StatusCode::CREATED);
    let path = format!("/v2/alice/app/blobs/{whole}");
    let pulled = other.ask("alice", Method::GET, &path).await;
    assert!(pulled.bytes().await.unwrap() == bytes);
    assert_eq!(one.objects().await, 1, "nothing is left over");
}

#[tokio::test]
#[ignore = "needs DOCKYARD_TEST_ON=s3"]
async fn both_find_what_was_made_on_one_within_two_seconds() {
    let (one, other) = nodes().await;
    one.create("alice", "lighthouse", "public").await;
    let started = std::time::Instant::now();
    for node in [&one, &other] {
        loop {
            let answer = node
                .ask("alice", Method::GET, "/v1/search?q=lighthouse")
                .await;
            if answer.text().await.unwrap().contains("alice/lighthouse") {
                break;
            }
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "it is never found"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let took = started.elapsed();
    println!("found on both after {took:?}");
}

#[tokio::test]
#[ignore = "needs DOCKYARD_TEST_ON=s3"]
async fn one_of_them_collects() {
    let (one, other) = nodes().await;
    let interval = Duration::from_hours(1);
    let turn = |app: &TestApp| {
        let collector = app.hub.collector.clone();
        async move {
            let pass = collector.collect_in_turn(CollectorOptions::default(), interval);
            pass.await.unwrap().is_some()
        }
    };
    let (a, b) = tokio::join!(turn(&one), turn(&other));
    assert!(a != b, "one of them, and not both");
    assert!(!turn(&one).await && !turn(&other).await, "once an interval");
    // Whoever plans to collect more often does so.
    let often = Duration::from_secs(1);
    let pass = other
        .hub
        .collector
        .collect_in_turn(CollectorOptions::default(), often);
    assert!(pass.await.unwrap().is_some());
    let dry = one
        .hub
        .collector
        .collect(CollectorOptions::default(), Mode::DryRun);
    assert_eq!(dry.await.unwrap().failures, 0);
}

#[tokio::test]
#[ignore = "needs DOCKYARD_TEST_ON=s3"]
async fn a_blob_that_both_store_at_once_is_stored_once() {
    let (one, other) = nodes().await;
    for name in ["app", "tool"] {
        one.create("alice", name, "public").await;
    }
    for round in 0..8_u8 {
        let bytes = vec![round; 1000];
        tokio::join!(
            one.push_blob("alice", "alice/app", &bytes),
            other.push_blob("alice", "alice/tool", &bytes)
        );
    }
    assert_eq!(one.objects().await, 8);
}

#[tokio::test]
#[ignore = "needs DOCKYARD_TEST_ON=s3"]
async fn pushes_to_one_repository_through_both_lose_nothing() {
    let (one, other) = nodes().await;
    one.create("alice", "app", "public").await;
    let through = async |app: &TestApp, name: &str| {
        for i in 0..12 {
            let tag = format!("{name}{i}");
            let pushed = app.push_image("alice", "alice/app", &tag, tag.as_bytes());
            pushed.await;
        }
    };
    tokio::join!(through(&one, "a"), through(&other, "b"));
    let tags = one
        .ask("alice", Method::GET, "/v2/alice/app/tags/list")
        .await;
    let tags: serde_json::Value = tags.json().await.unwrap();
    assert_eq!(tags["tags"].as_array().unwrap().len(), 24);
    let facts = one
        .ask("alice", Method::GET, "/api/v1/repositories/alice/app")
        .await;
    let facts: serde_json::Value = facts.json().await.unwrap();
    assert_eq!(facts["tag_count"], 24);
}

#[tokio::test]
#[ignore = "needs DOCKYARD_TEST_ON=s3"]
async fn a_machine_with_a_wrong_clock_takes_nothing_over() {
    let (one, _) = nodes().await;
    let week_ms = 8 * 24 * 3600 * 1000;
    for wrong_ms in [60_000, -60_000, week_ms, -week_ms] {
        let other = one.join_with(Clock::wrong_by(wrong_ms)).await;
        let path = "/v2/alice/app/blobs/uploads/";
        let started = one.ask("alice", Method::POST, path).await;
        let location = header(&started, "location").to_owned();
        let (rest, body) = futures::channel::mpsc::unbounded();
        rest.unbounded_send(Ok::<_, std::io::Error>(vec![1; 1000]))
            .unwrap();
        let slow = one.by("alice", Method::PATCH, &location);
        let slow = slow.body(reqwest::Body::wrap_stream(body)).send();
        let slow = tokio::spawn(slow);
        tokio::time::sleep(Duration::from_millis(300)).await;
        // Somebody writes to it, so nobody else does.
        let second = other.by("alice", Method::PATCH, &location).body("x");
        let refused = second.send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::CONFLICT, "{wrong_ms}");
        // Nor is it old.
        let options = CollectorOptions::default();
        let pass = other
            .hub
            .collector
            .collect_now(options, Mode::Collect)
            .await;
        assert_eq!(pass.unwrap().map_or(0, |done| done.uploads), 0);
        drop(rest);
        let done = slow.await.unwrap().unwrap();
        assert_eq!(done.status(), StatusCode::ACCEPTED, "{wrong_ms}");
        assert_eq!(header(&done, "range"), "0-999");
    }
}

#[tokio::test]
#[ignore = "needs DOCKYARD_TEST_ON=s3"]
async fn wrong_passwords_count_on_all_nodes_together() {
    let (one, other) = nodes().await;
    let guess = async |app: &TestApp, password: &'static str| {
        let request = app.anonymous(Method::GET, "/token");
        let answer = request.basic_auth("alice", Some(password)).send().await;
        answer.unwrap().status().as_u16()
    };
    for n in 0..20 {
        let node = if n % 2 == 0 { &one } else { &other };
        assert_eq!(guess(node, "not this one").await, 401, "{n}");
    }
    for node in [&one, &other] {
        assert_eq!(guess(node, "not this one").await, 429);
        assert_eq!(guess(node, crate::app::PASSWORD).await, 429);
    }
    // Another name is let in, and what is right clears nobody else's count.
    other.sign_up("bob").await;
    let request = one.anonymous(Method::GET, "/token");
    let bob = request
        .basic_auth("bob", Some(crate::app::PASSWORD))
        .send()
        .await;
    assert_eq!(bob.unwrap().status(), StatusCode::OK);
}
