//! The list of what refers to a digest.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{
    INDEX, MANIFEST, TestApp, descriptor, digest, error, header, sha512, with_fields,
};

const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const NOTE: &str = "application/x.note";

/// A server whose `alice/app` has the config of the referrers here.
async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.push_blob("alice", "alice/app", b"{}").await;
    app
}

/// Is a manifest that names a subject, with more fields.
fn referrer(subject: &str, more: &Value) -> String {
    let document = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(EMPTY, b"{}"),
        "layers": [],
        "subject": {"mediaType": MANIFEST, "digest": subject, "size": 7},
    });
    with_fields(document, more)
}

/// Is an index that names a subject, with more fields.
fn referring_index(subject: &str, more: &Value) -> String {
    let document = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [],
        "subject": {"mediaType": MANIFEST, "digest": subject, "size": 7},
    });
    with_fields(document, more)
}

/// Pushes a referrer by its digest, which it returns.
async fn push(app: &TestApp, repository: &str, media_type: &str, body: &str) -> String {
    let reference = digest(body.as_bytes());
    app.put_manifest("alice", repository, &reference, media_type, body)
        .await;
    reference
}

/// Reads a page: its descriptors, and the address of the next one.
async fn page(app: &TestApp, user: &str, path: &str) -> (Vec<Value>, Option<String>) {
    let response = app.ask(user, Method::GET, path).await;
    assert_eq!(response.status(), StatusCode::OK, "{user} {path}");
    assert_eq!(header(&response, "content-type"), INDEX, "{path}");
    let is_filtered = path.contains("artifactType");
    let filters = if is_filtered { "artifactType" } else { "" };
    assert_eq!(header(&response, "oci-filters-applied"), filters, "{path}");
    let link = header(&response, "link").to_owned();
    let next = link.strip_prefix('<');
    let next = next.and_then(|link| link.strip_suffix(">; rel=\"next\""));
    assert_eq!(next.is_none(), link.is_empty(), "{link}");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["schemaVersion"], 2, "{path}");
    assert_eq!(body["mediaType"], INDEX, "{path}");
    let listed = body["manifests"].as_array().unwrap().clone();
    (listed, next.map(str::to_owned))
}

/// Reads a whole list: the digests of each page.
async fn pages(app: &TestApp, path: &str) -> Vec<Vec<String>> {
    let (mut read, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let (listed, more) = page(app, "alice", &path).await;
        let digests = listed.iter().map(|one| one["digest"].as_str().unwrap());
        read.push(digests.map(str::to_owned).collect());
        next = more;
    }
    read
}

#[tokio::test]
async fn referrers_are_described_with_their_types_and_annotations() {
    let app = app().await;
    let subject = digest(b"to come");
    let typed = json!({"artifactType": NOTE});
    let bare = json!({"artifactType": EMPTY});
    let noted = json!({"artifactType": NOTE, "annotations": {"org.example.note": "text"}});
    let empty = json!({"artifactType": "", "annotations": {}});
    let none = json!({});
    // What is pushed, and what its descriptor has beside digest, size and media type.
    let cases = [
        (MANIFEST, referrer(&subject, &noted), noted.clone()),
        (MANIFEST, referrer(&subject, &none), bare.clone()),
        (MANIFEST, referrer(&subject, &empty), bare.clone()),
        (INDEX, referring_index(&subject, &typed), typed.clone()),
        (INDEX, referring_index(&subject, &none), none.clone()),
    ];
    let mut expected = Vec::new();
    for (media_type, body, mut described) in cases {
        let pushed = push(&app, "alice/app", media_type, &body).await;
        described["mediaType"] = json!(media_type);
        described["digest"] = json!(pushed);
        described["size"] = json!(body.len());
        expected.push(described);
    }
    let path = format!("/v2/alice/app/referrers/{subject}");
    let (listed, _) = page(&app, "alice", &path).await;
    assert_eq!(listed.len(), expected.len());
    for described in expected {
        assert!(listed.contains(&described), "{described} in {listed:?}");
    }
}

#[tokio::test]
async fn the_answer_to_a_push_names_the_subject() {
    let app = app().await;
    let (long, short) = (sha512(b"to come"), digest(b"to come"));
    for (subject, media_type, body) in [
        (&long, MANIFEST, referrer(&long, &json!({}))),
        (&short, INDEX, referring_index(&short, &json!({}))),
    ] {
        let sent = app.send_manifest("alice", "alice/app", "v1", media_type, &body);
        let answer = sent.await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(header(&answer, "oci-subject"), subject);
        let path = format!("/v2/alice/app/referrers/{subject}");
        let expected = vec![vec![digest(body.as_bytes())]];
        assert_eq!(pages(&app, &path).await, expected);
    }
}

#[tokio::test]
async fn what_nothing_refers_to_has_an_empty_list() {
    let app = app().await;
    app.sign_up("bob").await;
    app.create("alice", "alice/secret", "private").await;
    app.push_blob("alice", "alice/secret", b"{}").await;
    let subject = digest(b"subject");
    let body = referrer(&subject, &json!({}));
    push(&app, "alice/secret", MANIFEST, &body).await;
    for (user, repository) in [
        ("alice", "alice/app"),
        ("alice", "alice/none"),
        ("bob", "alice/none"),
        // What may not be seen answers like what does not exist.
        ("bob", "alice/secret"),
    ] {
        for subject in [&subject, &sha512(b"subject")] {
            let path = format!("/v2/{repository}/referrers/{subject}");
            let (listed, next) = page(&app, user, &path).await;
            assert_eq!((listed, next), (Vec::new(), None), "{user} {path}");
        }
    }
    let path = format!("/v2/alice/none/referrers/{subject}");
    let nobody = app.anonymous(Method::GET, &path).send().await.unwrap();
    assert_eq!(error(nobody).await, (401, "UNAUTHORIZED".to_owned()));
    for malformed in ["sha256:0", "md5:5d41402abc4b2a76b9719d911017c592", "v1"] {
        let path = format!("/v2/alice/app/referrers/{malformed}");
        let refused = app.ask("alice", Method::GET, &path).await;
        let expected = (400, "DIGEST_INVALID".to_owned());
        assert_eq!(error(refused).await, expected, "{malformed}");
    }
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let app = app().await;
    let (subject, other) = (digest(b"subject"), "application/x.other");
    let (mut all, mut notes) = (Vec::new(), Vec::new());
    for (n, artifact_type) in [NOTE, other, NOTE, other, NOTE].into_iter().enumerate() {
        let more = json!({"artifactType": artifact_type, "annotations": {"n": n.to_string()}});
        let body = referrer(&subject, &more);
        let pushed = push(&app, "alice/app", MANIFEST, &body).await;
        if artifact_type == NOTE {
            notes.push(pushed.clone());
        }
        all.push(pushed);
    }
    all.sort_unstable();
    notes.sort_unstable();
    let one_kind = format!("?n=1&artifactType={NOTE}");
    for (query, expected, lengths) in [
        ("", &all, vec![5]),
        ("?n=5", &all, vec![5]),
        ("?n=2", &all, vec![2, 2, 1]),
        (one_kind.as_str(), &notes, vec![1, 1, 1]),
    ] {
        let path = format!("/v2/alice/app/referrers/{subject}{query}");
        let read = pages(&app, &path).await;
        let found: Vec<usize> = read.iter().map(Vec::len).collect();
        assert_eq!(found, lengths, "{query}");
        assert_eq!(read.concat(), *expected, "{query}");
    }
}

#[tokio::test]
async fn a_page_is_cut_where_clients_would_stop_to_read() {
    let app = app().await;
    let subject = digest(b"subject");
    for n in ["a", "b", "c"] {
        let padding = n.repeat(2 * 1024 * 1024);
        let body = referrer(&subject, &json!({"annotations": {"padding": padding}}));
        push(&app, "alice/app", MANIFEST, &body).await;
    }
    let path = format!("/v2/alice/app/referrers/{subject}");
    let read = pages(&app, &path).await;
    let found: Vec<usize> = read.iter().map(Vec::len).collect();
    assert_eq!(found, [2, 1]);
}

#[tokio::test]
async fn referrers_belong_to_their_repository_and_go_when_they_are_deleted() {
    let app = app().await;
    app.create("alice", "alice/other", "public").await;
    let image = app.push_image("alice", "alice/app", "v1", b"layer").await;
    let subject = digest(image.as_bytes());
    let (kept, deleted) = (json!({"annotations": {"n": "1"}}), json!({}));
    let kept = push(&app, "alice/app", MANIFEST, &referrer(&subject, &kept)).await;
    let deleted = push(&app, "alice/app", MANIFEST, &referrer(&subject, &deleted)).await;
    let elsewhere = format!("/v2/alice/other/referrers/{subject}");
    assert_eq!(pages(&app, &elsewhere).await, [Vec::<String>::new()]);

    // A subject that is gone has referrers all the same.
    for gone in [&deleted, &subject] {
        let path = format!("/v2/alice/app/manifests/{gone}");
        let delete = app.ask("alice", Method::DELETE, &path).await;
        assert_eq!(delete.status(), StatusCode::ACCEPTED);
    }
    let path = format!("/v2/alice/app/referrers/{subject}");
    assert_eq!(pages(&app, &path).await, [vec![kept]]);
}
