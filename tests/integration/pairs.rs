//! Each two changes of one thing at the same moment, on one node and on two: what is left is what one after the other
//! leaves, whichever comes first.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use futures::{FutureExt, join};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{INDEX, PASSWORD, TestApp, digest};

/// Number of times that each pair is run concurrently.
const ROUNDS: usize = 2;
const NEW_PASSWORD: &str = "another horse";

/// A change: what it is called, and how it is made by a node to a thing of a name; returns the status.
type Change = (
    &'static str,
    for<'a> fn(&'a TestApp, &'a str) -> BoxFuture<'a, StatusCode>,
);

/// One server, and one more on the same data where the database can be shared.
struct Nodes {
    one: TestApp,
    other: Option<TestApp>,
}

impl Nodes {
    async fn start() -> Self {
        let one = TestApp::start_behind(|options| options.sign_ups.an_hour = u32::MAX).await;
        let other = match one.options().database {
            Some(_) => Some(one.join().await),
            None => None,
        };
        Self { one, other }
    }

    fn other(&self) -> &TestApp {
        self.other.as_ref().unwrap_or(&self.one)
    }
}

async fn api(app: &TestApp, method: Method, name: &str, rest: &str, body: Value) -> StatusCode {
    let path = format!("/api/v1/repositories/alice/{name}{rest}");
    let request = app.by("alice", method, &path).json(&body);
    request.send().await.unwrap().status()
}

async fn form(app: &TestApp, cookie: &str, call: &str, fields: &[(&str, &str)]) -> StatusCode {
    let request = app
        .anonymous(Method::POST, &format!("/api/web/{call}"))
        .header("accept", "application/json")
        .header("cookie", cookie)
        .form(fields);
    request.send().await.unwrap().status()
}

fn index(n: u32) -> String {
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": {"n": n.to_string()}}).to_string()
}

async fn put(app: &TestApp, name: &str, reference: &str, n: u32) -> StatusCode {
    let (repository, index) = (format!("alice/{name}"), index(n));
    let sent = app.send_manifest("alice", &repository, reference, INDEX, &index);
    sent.await.status()
}

/// Changes of a repository and of its tags.
const OF_REPOSITORIES: &[Change] = &[
    ("make private", |app, name| {
        api(
            app,
            Method::PATCH,
            name,
            "",
            json!({"visibility": "private"}),
        )
        .boxed()
    }),
    ("describe", |app, name| {
        api(app, Method::PATCH, name, "", json!({"description": "new"})).boxed()
    }),
    ("write a README", |app, name| {
        api(
            app,
            Method::PATCH,
            name,
            "",
            json!({"readme": "text ".repeat(5000)}),
        )
        .boxed()
    }),
    ("rename", |app, name| {
        async move {
            let (from, to) = (format!("alice/{name}"), format!("{name}-2"));
            let cookie = app.cookie("alice").await;
            form(
                app,
                &cookie,
                "rename-repository",
                &[("name", &from), ("to", &to)],
            )
            .await
        }
        .boxed()
    }),
    ("delete", |app, name| {
        api(app, Method::DELETE, name, "", json!({})).boxed()
    }),
    ("push one", |app, name| put(app, name, "v1", 1).boxed()),
    ("push another", |app, name| put(app, name, "v1", 2).boxed()),
    ("delete the tag", |app, name| {
        async move {
            let path = format!("/v2/alice/{name}/manifests/v1");
            app.ask("alice", Method::DELETE, &path).await.status()
        }
        .boxed()
    }),
    ("delete the manifest", |app, name| {
        async move {
            let path = format!("/v2/alice/{name}/manifests/{}", digest(index(0).as_bytes()));
            app.ask("alice", Method::DELETE, &path).await.status()
        }
        .boxed()
    }),
    ("put the tag back", |app, name| {
        let body = json!({"digest": digest(index(0).as_bytes())});
        api(app, Method::POST, name, "/-/tags/v1/history", body).boxed()
    }),
    ("star", |app, name| {
        api(app, Method::PUT, name, "/-/star", json!({})).boxed()
    }),
];

/// Changes of a user, who has the thing's name.
const OF_USERS: &[Change] = &[
    ("change the profile", |app, name| {
        async move {
            let fields = [("display_name", "New"), ("about", ""), ("email", "")];
            form(app, &app.cookie(name).await, "save-profile", &fields).await
        }
        .boxed()
    }),
    ("change the password", |app, name| {
        async move {
            let fields = [("current", PASSWORD), ("password", NEW_PASSWORD)];
            form(app, &app.cookie(name).await, "change-password", &fields).await
        }
        .boxed()
    }),
    ("delete the account", |app, name| {
        async move {
            let fields = [("username", name), ("current", PASSWORD)];
            form(app, &app.cookie(name).await, "delete-account", &fields).await
        }
        .boxed()
    }),
    ("make a token", |app, name| {
        async move {
            let token = json!({"name": "second"});
            let request = app.by(name, Method::POST, "/api/v1/tokens").json(&token);
            request.send().await.unwrap().status()
        }
        .boxed()
    }),
    ("revoke the token", |app, name| {
        async move {
            let path = "/api/v1/tokens/current";
            app.ask(name, Method::DELETE, path).await.status()
        }
        .boxed()
    }),
    ("push a repository into being", |app, name| {
        async move {
            let path = format!("/v2/{name}/app/blobs/uploads/?digest={}", digest(b"x"));
            let request = app.by(name, Method::POST, &path).body("x");
            request.send().await.unwrap().status()
        }
        .boxed()
    }),
];

async fn make_repository(app: &TestApp, name: &str) {
    app.create("alice", &format!("alice/{name}"), "public")
        .await;
    assert_eq!(put(app, name, "v1", 0).await, StatusCode::CREATED);
}

/// Describes a repository, under its own name and under the name of the rename.
async fn look_at_repository(app: &TestApp, name: &str) -> Value {
    let mut found = Vec::new();
    for name in [name.to_owned(), format!("{name}-2")] {
        let path = format!("/api/v1/repositories/alice/{name}");
        let shown = app.ask("alice", Method::GET, &path).await;
        if shown.status() != StatusCode::OK {
            found.push(json!(shown.status().as_u16()));
            continue;
        }
        let shown: Value = shown.json().await.unwrap();
        let tags = app
            .ask("alice", Method::GET, &format!("{path}/-/tags"))
            .await;
        let tags: Value = tags.json().await.unwrap();
        let tags: Vec<_> = tags["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| json!([tag["name"], tag["digest"]]))
            .collect();
        let mut manifests = Vec::new();
        for n in 0..3 {
            let path = format!("/v2/alice/{name}/manifests/{}", digest(index(n).as_bytes()));
            manifests.push(
                app.ask("alice", Method::HEAD, &path)
                    .await
                    .status()
                    .as_u16(),
            );
        }
        found.push(json!({
            "is the other name": shown["name"].as_str().unwrap().ends_with("-2"),
            "visibility": shown["visibility"],
            "description": shown["description"],
            "readme": shown["readme"].as_str().unwrap().len(),
            "tag count": shown["tag_count"],
            "tags": tags,
            "manifests": manifests,
        }));
    }
    json!(found)
}

async fn make_user(app: &TestApp, name: &str) {
    app.sign_up(name).await;
    app.cookie(name).await;
}

/// Describes a user: which passwords, tokens and sessions are valid, and the repositories.
async fn look_at_user(app: &TestApp, name: &str) -> Value {
    let mut passwords = Vec::new();
    for password in [PASSWORD, NEW_PASSWORD] {
        let request = app.anonymous(Method::GET, "/api/v1/tokens");
        let answer = request
            .basic_auth(name, Some(password))
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        let tokens: Value = answer.json().await.unwrap();
        let names = tokens["tokens"].as_array().map(|all| {
            all.iter()
                .map(|token| token["name"].clone())
                .collect::<Vec<_>>()
        });
        passwords.push(json!([status, names]));
    }
    let token = app
        .ask(name, Method::GET, "/api/v1/user")
        .await
        .status()
        .as_u16();
    let page = app.anonymous(Method::GET, "/settings/profile");
    let page = page
        .header("cookie", app.cookie(name).await)
        .send()
        .await
        .unwrap();
    let session = page.status().as_u16();
    let profile = app
        .anonymous(Method::GET, &format!("/u/{name}"))
        .send()
        .await
        .unwrap();
    let repository = format!("/v2/{name}/app/tags/list");
    let repository = app
        .anonymous(Method::GET, &repository)
        .send()
        .await
        .unwrap();
    json!({
        "passwords": passwords,
        "token": token,
        "session": session,
        "user": profile.status().as_u16(),
        "is renamed": profile.text().await.unwrap().contains("New"),
        "repository": repository.status().as_u16(),
    })
}

/// Makes each two changes at once, and compares what is left with what one after the other leaves.
async fn play<M, L>(nodes: &Nodes, changes: &[Change], make: M, look: L)
where
    M: for<'a> Fn(&'a TestApp, &'a str) -> BoxFuture<'a, ()>,
    L: for<'a> Fn(&'a TestApp, &'a str) -> BoxFuture<'a, Value>,
{
    let mut wrong = Vec::new();
    let mut number = 0;
    let mut fresh = || {
        number += 1;
        format!("thing{number}")
    };
    for (i, (a, change_a)) in changes.iter().enumerate() {
        for (b, change_b) in &changes[i..] {
            // What both leave, in either order, and what one leaves where the other was refused.
            let (mut both, mut alone) = (BTreeSet::new(), Vec::new());
            for [first, second] in [[change_a, change_b], [change_b, change_a]] {
                let name = fresh();
                make(&nodes.one, &name).await;
                first(&nodes.one, &name).await;
                alone.push(look(&nodes.one, &name).await.to_string());
                second(&nodes.one, &name).await;
                both.insert(look(&nodes.one, &name).await.to_string());
            }
            for _ in 0..ROUNDS {
                let name = fresh();
                make(&nodes.one, &name).await;
                if let Some(other) = &nodes.other {
                    other.learn(&nodes.one);
                }
                let (x, y) = join!(change_a(&nodes.one, &name), change_b(nodes.other(), &name));
                let left = look(nodes.other(), &name).await.to_string();
                let is_right = both.contains(&left)
                    || (y.is_client_error() && left == alone[0])
                    || (x.is_client_error() && left == alone[1]);
                if x.is_server_error() || y.is_server_error() || !is_right {
                    wrong.push(format!(
                        "{a} ({x}) and {b} ({y}): {left}, not {both:#?}, alone {alone:#?}"
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_changes_of_a_repository_at_once_leave_what_one_after_the_other_leaves() {
    let nodes = Nodes::start().await;
    nodes.one.sign_up("alice").await;
    nodes.one.cookie("alice").await;
    play(
        &nodes,
        OF_REPOSITORIES,
        |app, name| make_repository(app, name).boxed(),
        |app, name| look_at_repository(app, name).boxed(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_changes_of_a_user_at_once_leave_what_one_after_the_other_leaves() {
    let nodes = Nodes::start().await;
    play(
        &nodes,
        OF_USERS,
        |app, name| make_user(app, name).boxed(),
        |app, name| look_at_user(app, name).boxed(),
    )
    .await;
}
