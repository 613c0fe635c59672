//! Manifests on their way in: what is accepted, and that it is served as it came.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{
    INDEX, MANIFEST, TestApp, descriptor, digest, error, header, sha512, with_fields,
};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// A server whose `alice/app` has the two blobs that the images here are made of.
async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.push_blob("alice", "alice/app", b"{}").await;
    app.push_blob("alice", "alice/app", b"layer").await;
    app
}

/// Is an image with more fields, or with others in place of its own.
fn image(more: &Value) -> String {
    let document = json!({
        "schemaVersion": 2,
        "config": descriptor(CONFIG, b"{}"),
        "layers": [descriptor(LAYER, b"layer")],
    });
    with_fields(document, more)
}

async fn put(app: &TestApp, reference: &str, media_type: &str, body: &str) -> Response {
    app.send_manifest("alice", "alice/app", reference, media_type, body)
        .await
}

/// Checks that a manifest is served as it was pushed.
async fn check_served(app: &TestApp, reference: &str, media_type: &str, body: &str) {
    let path = format!("/v2/alice/app/manifests/{reference}");
    let get = app.ask("alice", Method::GET, &path).await;
    assert_eq!(get.status(), StatusCode::OK, "{reference}");
    assert_eq!(header(&get, "content-type"), media_type, "{reference}");
    let served = get.text().await.unwrap();
    assert!(served == body, "{reference} is not as it was pushed");
}

/// Checks that a manifest is accepted, and served as it was pushed.
async fn check_accepted(app: &TestApp, media_type: &str, body: &str) {
    let reference = digest(body.as_bytes());
    let answer = put(app, &reference, media_type, body).await;
    assert_eq!(answer.status(), StatusCode::CREATED, "{body:.500}");
    check_served(app, &reference, media_type, body).await;
}

/// Checks that there is no tag `v1`.
async fn check_untagged(app: &TestApp) {
    let path = "/v2/alice/app/manifests/v1";
    let get = app.ask("alice", Method::GET, path).await;
    assert_eq!(error(get).await, (404, "MANIFEST_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn the_answer_leads_to_the_manifest() {
    let app = app().await;
    let body = image(&json!({}));
    let (short, long) = (digest(body.as_bytes()), sha512(body.as_bytes()));
    let (short, long) = (short.as_str(), long.as_str());
    for (reference, expected) in [("v1", short), (short, short), (long, long)] {
        let answer = put(&app, reference, MANIFEST, &body).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(header(&answer, "docker-content-digest"), expected);
        let location = format!("/v2/alice/app/manifests/{reference}");
        assert_eq!(header(&answer, "location"), location);
        check_served(&app, reference, MANIFEST, &body).await;
        let head = app.ask("alice", Method::HEAD, &location).await;
        assert_eq!(header(&head, "docker-content-digest"), expected);
    }
}

#[tokio::test]
async fn a_digest_that_is_not_the_contents_is_refused_and_moves_no_tag() {
    let app = app().await;
    let body = image(&json!({}));
    for reference in [
        digest(b"something else"),
        sha512(b"something else"),
        "sha256:baddigeststring".to_owned(),
        "md5:5d41402abc4b2a76b9719d911017c592".to_owned(),
    ] {
        let reference = format!("{reference}?tag=v1");
        let refused = put(&app, &reference, MANIFEST, &body).await;
        let expected = (400, "DIGEST_INVALID".to_owned());
        assert_eq!(error(refused).await, expected, "{reference}");
    }
    check_untagged(&app).await;
}

#[tokio::test]
async fn a_push_by_digest_sets_every_tag_it_names() {
    let app = app().await;
    let body = image(&json!({}));
    let eleven: Vec<&str> = "b c d e f g h i j k l".split(' ').collect();
    for (reference, tags) in [
        (digest(body.as_bytes()), vec!["a", "b"]),
        (sha512(body.as_bytes()), eleven),
    ] {
        let query = format!("{reference}?tag={}", tags.join("&tag="));
        let answer = put(&app, &query, MANIFEST, &body).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let told = answer.headers().get_all("oci-tag");
        let told: Vec<&str> = told.iter().map(|tag| tag.to_str().unwrap()).collect();
        assert_eq!(told, tags);
        for tag in tags {
            let path = format!("/v2/alice/app/manifests/{tag}");
            let head = app.ask("alice", Method::HEAD, &path).await;
            assert_eq!(header(&head, "docker-content-digest"), reference);
        }
    }
}

#[tokio::test]
async fn parameters_of_the_content_type_are_dropped() {
    let app = app().await;
    let media_type = format!("{MANIFEST}; charset=utf-8");
    for body in [image(&json!({})), image(&json!({"mediaType": MANIFEST}))] {
        let answer = put(&app, "v1", &media_type, &body).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        check_served(&app, "v1", MANIFEST, &body).await;
    }
}

#[tokio::test]
async fn every_field_comes_back_known_or_not() {
    let app = app().await;
    let mut config = descriptor(CONFIG, b"{}");
    config["data"] = json!("e30=");
    config["urls"] = json!(["https://example.com/config"]);
    config["x-own"] = json!({"deep": [1, null, "é"]});
    let document = image(&json!({"config": config, "x-own": [true]}));
    check_accepted(&app, MANIFEST, &format!("\n  {document}\r\n")).await;
}

#[tokio::test]
async fn what_encoders_leave_out_or_empty_is_no_error() {
    let app = app().await;
    let config = descriptor(CONFIG, b"{}");
    let without_layers = json!({"schemaVersion": 2, "config": config}).to_string();
    check_accepted(&app, MANIFEST, &without_layers).await;
    for more in [
        json!({"layers": []}),
        json!({"layers": null}),
        json!({"artifactType": ""}),
        json!({"annotations": null}),
        json!({"subject": null}),
        json!({"config": with_null_annotations(config)}),
    ] {
        check_accepted(&app, MANIFEST, &image(&more)).await;
    }
}

/// Is a descriptor as some encoders write it.
fn with_null_annotations(mut descriptor: Value) -> Value {
    descriptor["annotations"] = Value::Null;
    descriptor
}

#[tokio::test]
async fn documents_of_no_known_form_are_refused() {
    let app = app().await;
    let listed = json!([descriptor(MANIFEST, b"listed")]);
    #[rustfmt::skip]
    let rows = [
        (MANIFEST, image(&json!({"manifests": listed}))),
        (MANIFEST, image(&json!({"schemaVersion": 3}))),
        (MANIFEST, image(&json!({"annotations": {"a": 1}}))),
        (INDEX, image(&json!({}))),
        (INDEX, image(&json!({"mediaType": MANIFEST}))),
        (MANIFEST, json!({"schemaVersion": 2}).to_string()),
        (MANIFEST, json!({"schemaVersion": 2, "layers": []}).to_string()),
        (MANIFEST, json!({"schemaVersion": 2, "manifests": []}).to_string()),
        ("text/plain", image(&json!({}))),
    ];
    for (media_type, body) in rows {
        let refused = put(&app, "v1", media_type, &body).await;
        let expected = (400, "MANIFEST_INVALID".to_owned());
        assert_eq!(error(refused).await, expected, "{media_type} {body}");
    }
    check_untagged(&app).await;
}

#[tokio::test]
async fn a_blob_of_another_size_than_said_is_refused() {
    let app = app().await;
    let (mut config, mut layer) = (descriptor(CONFIG, b"{}"), descriptor(LAYER, b"layer"));
    config["size"] = json!(3);
    layer["size"] = json!(0);
    for more in [json!({"config": config}), json!({"layers": [layer]})] {
        let refused = put(&app, "v1", MANIFEST, &image(&more)).await;
        assert_eq!(error(refused).await, (400, "SIZE_INVALID".to_owned()));
    }
    check_untagged(&app).await;
}

#[tokio::test]
async fn layers_that_live_elsewhere_need_not_be_pushed() {
    let app = app().await;
    for media_type in [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ] {
        let mut layer = descriptor(media_type, b"never pushed");
        layer["urls"] = json!(["https://example.com/layer"]);
        check_accepted(&app, MANIFEST, &image(&json!({"layers": [layer]}))).await;
    }
}

#[tokio::test]
async fn a_manifest_has_at_most_4_mib() {
    let app = app().await;
    let padded = |bytes: usize| {
        let empty = image(&json!({"annotations": {"padding": ""}}));
        let padding = "a".repeat(bytes - empty.len());
        image(&json!({"annotations": {"padding": padding}}))
    };
    let most = 4 * 1024 * 1024;
    for bytes in [4_000_000, most] {
        check_accepted(&app, MANIFEST, &padded(bytes)).await;
    }
    let refused = put(&app, "v1", MANIFEST, &padded(most + 1)).await;
    assert_eq!(error(refused).await, (413, "MANIFEST_INVALID".to_owned()));
    check_untagged(&app).await;
}

#[tokio::test]
async fn an_index_may_list_what_is_not_there() {
    let app = app().await;
    let missing = descriptor(MANIFEST, b"to come");
    let sparse = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [missing]});
    let nested = descriptor(INDEX, sparse.to_string().as_bytes());
    for index in [
        sparse,
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [nested]}),
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}),
        json!({"schemaVersion": 2, "manifests": []}),
    ] {
        check_accepted(&app, INDEX, &index.to_string()).await;
    }
}

#[tokio::test]
async fn dockers_own_types_are_served_as_they_came() {
    let app = app().await;
    let layer = descriptor(
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        b"layer",
    );
    for config in [
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.plugin.v1+json",
    ] {
        let body = image(&json!({
            "mediaType": DOCKER_MANIFEST,
            "config": descriptor(config, b"{}"),
            "layers": [layer],
        }));
        check_accepted(&app, DOCKER_MANIFEST, &body).await;
    }
    let mut listed = descriptor(DOCKER_MANIFEST, b"to come");
    listed["platform"] = json!({
        "architecture": "amd64",
        "os": "windows",
        "os.version": "10.0.17763.1",
        "os.features": ["win32k"],
        "features": ["sse4"],
    });
    let list = json!({"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [listed]});
    check_accepted(&app, DOCKER_LIST, &list.to_string()).await;
}

#[tokio::test]
async fn what_clients_would_read_otherwise_and_what_costs_too_much_is_refused() {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    let config = app.push_blob("alice", "alice/app", b"{}").await;
    let layer = app.push_blob("alice", "alice/app", b"layer").await;
    let evil = app.push_blob("alice", "alice/app", b"evil").await;
    let manifest = crate::app::manifest(&config, 2, &layer, 5);
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let kind = "application/vnd.oci.image.layer.v1.tar+gzip";
    let mut hidden = manifest.clone();
    hidden["Layers"] = json!([{"mediaType": kind, "digest": evil, "size": 4}]);
    let mut many = manifest.clone();
    many["layers"] = vec![manifest["layers"][0].clone(); 1001].into();
    for document in [hidden, many] {
        let text = document.to_string();
        let refused = app
            .send_manifest("alice", "alice/app", "v1", MANIFEST, &text)
            .await;
        assert_eq!(error(refused).await, (400, "MANIFEST_INVALID".to_owned()));
    }
    many_pass(&app, manifest).await;
}

/// As many layers as there may be are taken.
async fn many_pass(app: &TestApp, mut manifest: Value) {
    manifest["layers"] = vec![manifest["layers"][0].clone(); 1000].into();
    app.put_manifest("alice", "alice/app", "v1", MANIFEST, &manifest.to_string())
        .await;
}
