//! HTML in what people and clients send: no page makes an element of it.

use dockyard::server::http::told;
use dockyard::server::routes;
use reqwest::Method;
use serde_json::json;

use crate::app::{INDEX, MANIFEST, TestApp, descriptor, digest, with_fields};

/// Ends every element in which text stands, and begins one of its own.
const HOSTILE: &str = "x\"'></title></textarea></script></style>--><h1 id=x>";
/// What no page may hold, also not in what scripts read.
const ELEMENT: &str = "<h1 id=x";
/// Every field of an address that a page reads, and some that the framework reads.
const FIELDS: [&str; 22] = [
    "q",
    "sort",
    "platform",
    "namespace",
    "visibility",
    "page",
    "error",
    "repository",
    "tag",
    "tab",
    "next",
    "done",
    "tags",
    "deleted",
    "filter",
    "after",
    "key",
    "part",
    "view",
    "__path",
    "__err",
    "digest",
];

/// Fills every text of every kind that a repository, an image and a person have.
async fn fill(app: &TestApp) -> String {
    app.sign_up_administrator("alice").await;
    app.create("alice", "alice/app", "public").await;
    let texts = json!({"description": HOSTILE, "readme": HOSTILE});
    let path = "/api/v1/repositories/alice/app";
    let changed = app.by("alice", Method::PATCH, path).json(&texts);
    assert_eq!(changed.send().await.unwrap().status(), 200);
    let token = app.by("alice", Method::POST, "/api/v1/tokens");
    let token = token.json(&json!({ "name": HOSTILE })).send().await;
    assert_eq!(token.unwrap().status(), 201);
    push(app).await
}

/// Pushes an image in which every text is hostile, under a tag and in an index; returns its digest.
async fn push(app: &TestApp) -> String {
    let config = json!({
        "architecture": HOSTILE, "os": HOSTILE, "variant": HOSTILE, "author": HOSTILE, "created": HOSTILE,
        "config": {
            "Env": [HOSTILE], "Cmd": [HOSTILE], "Entrypoint": [HOSTILE], "User": HOSTILE, "WorkingDir": HOSTILE,
            "Labels": {HOSTILE: HOSTILE}, "ExposedPorts": {HOSTILE: {}}, "Volumes": {HOSTILE: {}},
            "StopSignal": HOSTILE, "Healthcheck": {"Test": [HOSTILE]},
        },
        "history": [{"created_by": HOSTILE, "comment": HOSTILE, "author": HOSTILE}],
        "rootfs": {"type": "layers", "diff_ids": [digest(b"layer")]},
    });
    let config = config.to_string();
    app.push_blob("alice", "alice/app", config.as_bytes()).await;
    app.push_blob("alice", "alice/app", b"layer").await;
    let annotations = json!({
        HOSTILE: HOSTILE,
        "org.opencontainers.image.title": HOSTILE,
        "org.opencontainers.image.url": HOSTILE,
        "org.opencontainers.image.source": format!("javascript:{HOSTILE}"),
    });
    let mut layer = descriptor("application/vnd.oci.image.layer.v1.tar", b"layer");
    layer["annotations"] = annotations.clone();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "annotations": annotations,
        "config": descriptor("application/vnd.oci.image.config.v1+json", config.as_bytes()),
        "layers": [layer],
    });
    let manifest = manifest.to_string();
    app.put_manifest("alice", "alice/app", "v1", MANIFEST, &manifest)
        .await;
    let signature = with_fields(
        serde_json::from_str(&manifest).unwrap(),
        &json!({"subject": descriptor(MANIFEST, manifest.as_bytes()), "artifactType": "application/x"}),
    );
    let of = digest(signature.as_bytes());
    app.put_manifest("alice", "alice/app", &of, MANIFEST, &signature)
        .await;
    let mut child = descriptor(MANIFEST, manifest.as_bytes());
    child["annotations"] = annotations;
    child["platform"] = json!({"architecture": HOSTILE, "os": HOSTILE, "os.version": HOSTILE});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]});
    app.put_manifest("alice", "alice/app", "all", INDEX, &index.to_string())
        .await;
    digest(manifest.as_bytes())
}

/// Addresses of every page, with what stands in the path filled in, and of what is no page.
fn pages(manifest: &str) -> Vec<String> {
    let hostile = escaped(HOSTILE);
    let mut list = Vec::new();
    for route in routes().iter().filter(|route| route.method == "GET") {
        let path = route.path.clone();
        if path.contains("{*path}") || path == "/r/*path" {
            continue;
        }
        list.push(
            path.replace("{user}", "alice")
                .replace(":user", "alice")
                .replace(":part", "tokens"),
        );
        if path.contains([':', '{']) {
            list.push(
                path.replace(":user", &hostile)
                    .replace(":part", &hostile)
                    .replace("{name}", &hostile),
            );
        }
    }
    for part in ["profile", "password", "sessions", "account"] {
        list.push(format!("/settings/{part}"));
    }
    let repository = [
        "",
        "/-/tags",
        "/-/tags/v1",
        "/-/tags/all",
        "/-/tags/gone",
        "/-/settings",
        "/-/pulls",
        "/-/feed.atom",
        "/-/activity",
        "/-/delete",
        "/-/tags/v1/history",
    ];
    list.extend(repository.iter().map(|part| format!("/r/alice/app{part}")));
    list.push(format!("/r/alice/app/-/manifests/{manifest}"));
    for path in [
        "/r/alice/",
        "/r/alice/app/-/",
        "/r/alice/app/-/tags/",
        "/",
        "/r/alice/app/-/manifests/",
        "/u/",
    ] {
        list.push(format!("{path}{hostile}"));
    }
    list
}

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn no_page_makes_an_element_of_what_was_sent() {
    let app = TestApp::start().await;
    let manifest = fill(&app).await;
    let log_in = [
        ("username", "alice"),
        ("password", crate::app::PASSWORD),
        ("next", "/"),
    ];
    let session = app.anonymous(Method::POST, "/api/web/log-in").form(&log_in);
    let session = session.header("user-agent", HOSTILE).send().await.unwrap();
    let cookie = crate::app::header(&session, "set-cookie").to_owned();
    let cookie = cookie.split(';').next().unwrap();
    let query: Vec<String> = FIELDS
        .map(|field| format!("{field}={}", escaped(HOSTILE)))
        .into();
    let query = query.join("&");
    // As if the server itself had led the browser there.
    let told = format!("{}={}", told::COOKIE, told::told(&query).unwrap());
    let both = format!("{cookie}; {told}");
    let mut seen = 0;
    for page in pages(&manifest) {
        for (address, cookie) in [
            (page.clone(), cookie),
            (format!("{page}?{query}"), &both),
            (format!("{page}?{query}"), &told),
        ] {
            let request = app
                .anonymous(Method::GET, &address)
                .header("accept", "text/html");
            let request = request
                .header("cookie", cookie)
                .header("user-agent", HOSTILE);
            let answer = request.send().await.unwrap();
            let kind = crate::app::header(&answer, "content-type").to_owned();
            let text = answer.text().await.unwrap();
            if kind.starts_with("text/html") {
                seen += usize::from(text.contains("&lt;h1 id=x"));
                assert!(!text.contains(ELEMENT), "{address}: {text}");
            }
        }
    }
    assert!(seen >= 10, "only {seen} pages show any of it");
}
