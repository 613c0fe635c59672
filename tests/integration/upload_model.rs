//! Uploads against a model: whatever the order of requests, and with restarts in between.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::{Method, StatusCode};

use crate::app::{TestApp, digest, header};

/// Uploads that may be open at once.
const SLOTS: usize = 3;

/// Where a chunk says that it starts.
#[derive(Debug, Clone, Copy)]
enum Start {
    Unsaid,
    Right,
    /// This many bytes too far.
    Ahead(u64),
}

#[derive(Debug, Clone)]
enum Step {
    Post(usize),
    Patch(usize, Start, Vec<u8>),
    Put {
        slot: usize,
        start: Start,
        bytes: Vec<u8>,
        right_digest: bool,
    },
    Get(usize),
    Delete(usize),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let slot = 0..SLOTS;
    let bytes = proptest::collection::vec(any::<u8>(), 0..40);
    let start = prop_oneof![
        3 => Just(Start::Unsaid),
        3 => Just(Start::Right),
        1 => (1u64..9).prop_map(Start::Ahead),
    ];
    let put = (
        slot.clone(),
        start.clone(),
        bytes.clone(),
        prop::bool::weighted(0.7),
    );
    prop_oneof![
        4 => slot.clone().prop_map(Step::Post),
        6 => (slot.clone(), start, bytes).prop_map(|(slot, at, bytes)| Step::Patch(slot, at, bytes)),
        3 => put.prop_map(|(slot, start, bytes, right_digest)| Step::Put {
            slot,
            start,
            bytes,
            right_digest,
        }),
        2 => slot.clone().prop_map(Step::Get),
        1 => slot.prop_map(Step::Delete),
        1 => Just(Step::Restart),
    ]
}

/// An upload as the model knows it: its address, and what was acknowledged.
struct Open {
    location: String,
    bytes: Vec<u8>,
}

/// What should be there.
#[derive(Default)]
struct Model {
    /// `None` in a slot that was never used; finished and cancelled ones stay, to be asked again.
    slots: [Option<Open>; SLOTS],
    is_open: [bool; SLOTS],
    blobs: Vec<Vec<u8>>,
}

#[test]
fn any_order_of_requests_and_restarts_does_what_a_simple_model_does() {
    let config = Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    };
    let steps = proptest::collection::vec(step(), 1..40);
    let outcome = TestRunner::new(config).run(&steps, |steps| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(play(steps));
        Ok(())
    });
    outcome.unwrap();
}

async fn play(steps: Vec<Step>) {
    let mut app = TestApp::start().await;
    app.sign_up("alice").await;
    let mut model = Model::default();
    for step in steps {
        if matches!(step, Step::Restart) {
            app = app.restart().await;
        } else {
            model.take(&app, step).await;
        }
    }
    model.check(&app).await;
}

impl Model {
    async fn take(&mut self, app: &TestApp, step: Step) {
        match step {
            Step::Post(slot) => self.post(app, slot).await,
            Step::Patch(slot, start, bytes) => self.patch(app, slot, start, bytes).await,
            Step::Put {
                slot,
                start,
                bytes,
                right_digest,
            } => self.put(app, slot, start, bytes, right_digest).await,
            Step::Get(slot) => self.get(app, slot).await,
            Step::Delete(slot) => self.delete(app, slot).await,
            Step::Restart => {}
        }
    }

    async fn post(&mut self, app: &TestApp, slot: usize) {
        let path = "/v2/alice/app/blobs/uploads/";
        let response = app.by("alice", Method::POST, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        if self.is_open[slot] {
            let old = self.slots[slot].take().unwrap();
            let cancel = app.by("alice", Method::DELETE, &old.location);
            assert_eq!(
                cancel.send().await.unwrap().status(),
                StatusCode::NO_CONTENT
            );
        }
        let location = header(&response, "location").to_owned();
        self.is_open[slot] = true;
        self.slots[slot] = Some(Open {
            location,
            bytes: Vec::new(),
        });
    }

    async fn patch(&mut self, app: &TestApp, slot: usize, start: Start, bytes: Vec<u8>) {
        let Some(open) = &mut self.slots[slot] else {
            return;
        };
        let request = app.by("alice", Method::PATCH, &open.location);
        let (request, is_right) = say(request, start, open.bytes.len(), bytes.len());
        let response = request.body(bytes.clone()).send().await.unwrap();
        if !self.is_open[slot] {
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
            return;
        }
        if is_right {
            assert_eq!(response.status(), StatusCode::ACCEPTED);
            open.bytes.extend(bytes);
        } else {
            assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
        }
        assert_eq!(header(&response, "range"), range(open.bytes.len()));
    }

    async fn put(
        &mut self,
        app: &TestApp,
        slot: usize,
        start: Start,
        bytes: Vec<u8>,
        right_digest: bool,
    ) {
        let Some(open) = &mut self.slots[slot] else {
            return;
        };
        let whole = [open.bytes.as_slice(), &bytes].concat();
        let said = if right_digest {
            digest(&whole)
        } else {
            digest(b"something else")
        };
        let path = format!("{}?digest={said}", open.location);
        let request = app.by("alice", Method::PUT, &path);
        let (request, is_right) = say(request, start, open.bytes.len(), bytes.len());
        let status = request.body(bytes).send().await.unwrap().status();
        if !self.is_open[slot] {
            assert_eq!(status, StatusCode::NOT_FOUND);
        } else if !is_right {
            assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
        } else if right_digest {
            assert_eq!(status, StatusCode::CREATED);
            self.is_open[slot] = false;
            self.blobs.push(whole);
        } else {
            assert_eq!(status, StatusCode::BAD_REQUEST);
            self.is_open[slot] = false;
        }
    }

    async fn get(&self, app: &TestApp, slot: usize) {
        let Some(open) = &self.slots[slot] else {
            return;
        };
        let request = app.by("alice", Method::GET, &open.location);
        let response = request.send().await.unwrap();
        if self.is_open[slot] {
            assert_eq!(response.status(), StatusCode::NO_CONTENT);
            assert_eq!(header(&response, "range"), range(open.bytes.len()));
        } else {
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
        }
    }

    async fn delete(&mut self, app: &TestApp, slot: usize) {
        let Some(open) = &self.slots[slot] else {
            return;
        };
        let request = app.by("alice", Method::DELETE, &open.location);
        let expected = if self.is_open[slot] {
            StatusCode::NO_CONTENT
        } else {
            StatusCode::NOT_FOUND
        };
        assert_eq!(request.send().await.unwrap().status(), expected);
        self.is_open[slot] = false;
    }

    /// Every finished blob is there, whole; nothing else is, once what is open was given up.
    async fn check(&mut self, app: &TestApp) {
        for blob in &self.blobs {
            let path = format!("/v2/alice/app/blobs/{}", digest(blob));
            let response = app.by("alice", Method::GET, &path).send().await.unwrap();
            assert_eq!(response.bytes().await.unwrap(), blob);
        }
        for slot in 0..SLOTS {
            self.delete(app, slot).await;
        }
        self.blobs.sort();
        self.blobs.dedup();
        assert_eq!(app.objects().await, self.blobs.len());
    }
}

/// Adds the range that a chunk claims, and tells whether the claim is right.
fn say(
    request: reqwest::RequestBuilder,
    start: Start,
    offset: usize,
    length: usize,
) -> (reqwest::RequestBuilder, bool) {
    let ahead = match start {
        Start::Unsaid => return (request, true),
        // An empty chunk has no range to claim.
        _ if length == 0 => return (request, true),
        Start::Right => 0,
        Start::Ahead(by) => by,
    };
    let first = offset as u64 + ahead;
    let last = first + length as u64 - 1;
    let request = request.header("content-range", format!("{first}-{last}"));
    (request, ahead == 0)
}

fn range(length: usize) -> String {
    format!("0-{}", length.saturating_sub(1))
}
