//! The access rule, `reach AND scope AND rights`: a test of every combination of the three, for repositories in every state,
//! on each kind of endpoint.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::app::TestApp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Pull,
    Push,
    Delete,
    Administer,
}

/// A repository of Alice's, or a name in her namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Public,
    Private,
    Missing,
    /// Another name of it leads there now.
    Former,
    Deleted,
    /// Deleted and made again, after the credentials were issued.
    Recreated,
    /// Made after the credentials were issued.
    CreatedLater,
}

const STATES: [State; 7] = [
    State::Public,
    State::Private,
    State::Missing,
    State::Former,
    State::Deleted,
    State::Recreated,
    State::CreatedLater,
];
const USERS: [&str; 3] = ["alice", "bob", "root"];
/// The reaches of personal tokens.
const REACHES: [&str; 3] = ["read", "write", "all"];
/// The scopes that registry tokens are requested with; `None` to send the personal token itself.
const SCOPES: [Option<&str>; 5] = [
    None,
    Some(""),
    Some("pull"),
    Some("pull,push"),
    Some("pull,push,delete"),
];

impl State {
    fn exists(self) -> bool {
        !matches!(self, Self::Missing | Self::Deleted)
    }

    /// Returns true if the repository existed when the credentials were issued.
    fn existed(self) -> bool {
        self.exists() && self != Self::CreatedLater
    }
}

/// The rule, once more and in the plainest way.
fn may(act: Act, state: State, user: &str, reach: &str, scope: Option<&str>) -> bool {
    let has_rights = |exists| match user {
        "alice" => true,
        "root" => exists,
        _ => false,
    };
    let needs = match act {
        Act::Pull => "pull",
        Act::Push => "push",
        Act::Delete | Act::Administer => "delete",
    };
    let reaches = match reach {
        "read" => act == Act::Pull,
        "write" => matches!(act, Act::Pull | Act::Push),
        _ => true,
    };
    // A registry token carries what its user had the rights for when it was issued.
    let in_scope = scope.is_none_or(|scope| {
        scope.split(',').any(|asked| asked == needs) && has_rights(state.existed())
    });
    let in_person = act != Act::Administer || scope.is_none();
    let is_public = state == State::Public;
    // A former name leads on for those who pull, and is refused to those who would write under it.
    let is_there = match act {
        Act::Push => state != State::Former,
        Act::Pull => state.exists(),
        Act::Delete | Act::Administer => state.exists() && state != State::Former,
    };
    let own = reaches && in_scope && in_person && has_rights(state.exists());
    is_there && (own || (is_public && act == Act::Pull))
}

struct Matrix {
    app: TestApp,
    /// Personal tokens by user and reach.
    tokens: Vec<(&'static str, &'static str, String)>,
}

impl Matrix {
    async fn new() -> Self {
        let app = TestApp::start().await;
        app.sign_up("alice").await;
        app.sign_up("bob").await;
        app.sign_up_administrator("root").await;
        let mut tokens = Vec::new();
        for user in USERS {
            for reach in REACHES {
                let wish = json!({"name": reach, "reach": reach});
                let made = app.by(user, Method::POST, "/api/v1/tokens").json(&wish);
                let made: Value = made.send().await.unwrap().json().await.unwrap();
                tokens.push((user, reach, made["token"].as_str().unwrap().to_owned()));
            }
        }
        Self { app, tokens }
    }

    /// Puts a name into the state that it has when credentials are issued.
    async fn before(&self, state: State, name: &str) {
        match state {
            State::Public => self.app.create("alice", name, "public").await,
            State::Missing | State::CreatedLater => {}
            State::Private | State::Former | State::Deleted | State::Recreated => {
                self.app.create("alice", name, "private").await;
            }
        }
    }

    /// Puts the name into its state.
    async fn after(&self, state: State, name: &str) {
        let path = format!("/api/v1/repositories/{name}");
        match state {
            State::Public | State::Private | State::Missing => {}
            State::CreatedLater => self.app.create("alice", name, "private").await,
            State::Deleted | State::Recreated => {
                let gone = self.app.ask("alice", Method::DELETE, &path).await;
                assert_eq!(gone.status(), 204);
                if state == State::Recreated {
                    self.app.create("alice", name, "private").await;
                }
            }
            State::Former => {
                let cookie = self.app.cookie("alice").await;
                let to = format!("{}-now", name.split_once('/').unwrap().1);
                let form = [("name", name), ("to", to.as_str())];
                let request = self
                    .app
                    .anonymous(Method::POST, "/api/web/rename-repository");
                let request = request.header("accept", "application/json");
                let renamed = request.header("cookie", cookie).form(&form).send().await;
                assert_eq!(renamed.unwrap().status(), 200);
            }
        }
    }

    fn secret(&self, user: &str, reach: &str) -> &str {
        let mut tokens = self.tokens.iter();
        let found = tokens.find(|(of, far, _)| *of == user && *far == reach);
        &found.unwrap().2
    }

    async fn credential(&self, user: &str, reach: &str, scope: Option<&str>, name: &str) -> String {
        let secret = self.secret(user, reach);
        let Some(scope) = scope else {
            return secret.to_owned();
        };
        let path = format!("/token?scope=repository:{name}:{scope}");
        let request = self.app.anonymous(Method::GET, &path);
        let answer = request.basic_auth(user, Some(secret)).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        answer["token"].as_str().unwrap().to_owned()
    }

    /// The requests of an act, each with the answer that says that it is allowed.
    fn requests(
        &self,
        act: Act,
        name: &str,
        credential: &str,
    ) -> Vec<(RequestBuilder, &'static [u16], &'static str)> {
        let ask = |method, path: String| self.app.bearer(method, &path, credential);
        match act {
            Act::Pull => vec![
                (
                    ask(Method::GET, format!("/v2/{name}/tags/list")),
                    &[200],
                    "",
                ),
                (
                    ask(Method::GET, format!("/v2/{name}/manifests/none")),
                    &[404],
                    "MANIFEST_UNKNOWN",
                ),
                (
                    ask(Method::GET, format!("/api/v1/repositories/{name}")),
                    &[200, 307, 308],
                    "",
                ),
                (
                    ask(Method::GET, format!("/api/v1/images/{name}:none")),
                    &[404],
                    "MANIFEST_UNKNOWN",
                ),
            ],
            Act::Push => vec![
                (
                    ask(Method::POST, format!("/v2/{name}/blobs/uploads/")),
                    &[202],
                    "",
                ),
                (
                    ask(Method::PUT, format!("/v2/{name}/manifests/v1")).body("{}"),
                    &[400],
                    "MANIFEST_INVALID",
                ),
            ],
            Act::Delete => vec![(
                ask(Method::DELETE, format!("/v2/{name}/manifests/none")),
                &[404],
                "MANIFEST_UNKNOWN",
            )],
            Act::Administer => vec![(
                ask(Method::PATCH, format!("/api/v1/repositories/{name}"))
                    .json(&json!({"description": "changed"})),
                &[200],
                "",
            )],
        }
    }
}

#[tokio::test]
async fn credentials_may_do_what_reach_scope_and_rights_agree_on() {
    let matrix = Matrix::new().await;
    let mut wrong = Vec::new();
    let mut asked = 0;
    for state in STATES {
        for user in USERS {
            for (i, reach) in REACHES.into_iter().enumerate() {
                for (j, scope) in SCOPES.into_iter().enumerate() {
                    for act in [Act::Pull, Act::Delete, Act::Administer, Act::Push] {
                        let name = format!("alice/{state:?}-{user}-{i}-{j}-{act:?}").to_lowercase();
                        matrix.before(state, &name).await;
                        let credential = matrix.credential(user, reach, scope, &name).await;
                        matrix.after(state, &name).await;
                        let expected = may(act, state, user, reach, scope);
                        for (request, statuses, code) in matrix.requests(act, &name, &credential) {
                            let answer = request.send().await.unwrap();
                            let status = answer.status().as_u16();
                            let text = answer.text().await.unwrap();
                            let is_allowed = statuses.contains(&status) && text.contains(code);
                            asked += 1;
                            if is_allowed != expected {
                                wrong.push(format!(
                                    "{act:?} {name} {reach:?} {scope:?}: {status} {text}"
                                ));
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(asked > 2500, "{asked}");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
