//! Requests: whatever is sent to any route, by nobody or by a user, is answered, and no answer is a fault of the server.

mod input;

use std::cell::RefCell;
use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use dockyard::server::{AppState, Route, router, routes};
use dockyard_hub::accounts::{Caller, TokenWish};
use futures::stream;
use http_body_util::BodyExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower_service::Service;

use crate::hub::{PASSWORD, folder, open};
pub use input::Input;
use input::{HEADERS, Who, path};

/// Inputs until a new hub is made, so that memory and disk stay small.
const INPUTS_MAX: u32 = 2000;
/// Longest wait for an answer; a server that takes longer hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);
static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("the runtime starts");
    runtime.block_on(async { routes() })
});

/// A server without a network.
struct Dock {
    runtime: Runtime,
    app: Router,
    token: HeaderValue,
    session: HeaderValue,
    inputs: u32,
    /// Removed last.
    _folder: TempDir,
}

thread_local! {
    static DOCK: RefCell<Option<Dock>> = const { RefCell::new(None) };
}

/// Runs one input.
///
/// # Panics
///
/// A panic is a finding.
pub fn run(input: Input) {
    DOCK.with_borrow_mut(|dock| {
        dock.take_if(|dock| dock.inputs == INPUTS_MAX);
        dock.get_or_insert_with(Dock::open).ask(input);
    });
}

impl Dock {
    fn open() -> Self {
        let folder = folder();
        let runtime = Runtime::new().expect("the runtime starts");
        let (app, token, session) = runtime.block_on(async {
            let (hub, user) = open(folder.path()).await;
            let wish = TokenWish {
                name: "fuzz".to_owned(),
                ..TokenWish::default()
            };
            let caller = Caller::user_in_person(user);
            let name = "fuzz/app".parse().expect("a name");
            let granted = hub.access.authorize_push(&caller, &name).await;
            granted.expect("the repository is made");
            let token = hub.accounts.tokens.create(&caller, &wish).await;
            let token = token.expect("a token is made");
            let token = format!("Bearer {}", token.secret.reveal());
            let mut app = router(AppState::new(hub, Vec::new()));
            let session = log_in(&mut app).await;
            (app, HeaderValue::from_str(&token), session)
        });
        Self {
            runtime,
            app,
            token: token.expect("a token is a header"),
            session,
            inputs: 0,
            _folder: folder,
        }
    }

    fn ask(&mut self, input: Input) {
        self.inputs += 1;
        let what = format!("{input:?}");
        let Some(request) = self.request(input) else {
            return;
        };
        self.runtime.block_on(async {
            let asked = tokio::time::timeout(ANSWER_WITHIN, answer(&mut self.app, request)).await;
            let status = asked.unwrap_or_else(|_| panic!("no answer: {what}"));
            let is_fault = status.is_server_error()
                && !matches!(
                    status,
                    StatusCode::SERVICE_UNAVAILABLE | StatusCode::NOT_IMPLEMENTED
                );
            assert!(!is_fault, "{status}: {what}");
        });
    }

    /// Makes the request; `None` when no client could send it.
    fn request(&self, input: Input) -> Option<Request<Body>> {
        let route = &ROUTES[usize::from(input.route) % ROUTES.len()];
        let path = path(&route.path, &input.names) + &input.query.text();
        let methods = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ];
        let method = match input.method {
            Some(n) => methods[usize::from(n) % methods.len()].clone(),
            None => route.method.parse().ok()?,
        };
        let (content_type, body) = input.body.bytes();
        let chunks: Vec<_> = body
            .chunks(100)
            .map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)))
            .collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::from_stream(stream::iter(chunks)))
            .ok()?;
        let headers = request.headers_mut();
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, content_type);
        }
        for (name, value) in input.headers {
            let name = HEADERS[usize::from(name) % HEADERS.len()];
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_bytes(&value).ok()?,
            );
        }
        let who = match input.who {
            Who::Nobody => None,
            Who::Token => Some((AUTHORIZATION, self.token.clone())),
            Who::Session => Some((COOKIE, self.session.clone())),
            Who::Basic(name, password) => {
                let pair = BASE64_STANDARD.encode(format!("{name}:{password}"));
                let basic = HeaderValue::from_str(&format!("Basic {pair}")).ok()?;
                Some((AUTHORIZATION, basic))
            }
            Who::Other(value) => Some((AUTHORIZATION, HeaderValue::from_bytes(&value).ok()?)),
        };
        headers.extend(who.map(|(name, value)| (Some(name), value)));
        Some(request)
    }
}

async fn answer(app: &mut Router, request: Request<Body>) -> StatusCode {
    let Ok(answer) = app.call(request).await;
    let status = answer.status();
    // A body that breaks off is no fault: nothing may panic.
    let _ = answer.into_body().collect().await;
    status
}

async fn log_in(app: &mut Router) -> HeaderValue {
    let form = format!(
        "username=fuzz&password={}&next=/",
        utf8_percent_encode(PASSWORD, NON_ALPHANUMERIC)
    );
    let request = Request::post("/api/web/log-in")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form));
    let Ok(answer) = app.call(request.expect("a request")).await;
    let answer: Response = answer;
    answer.headers()[SET_COOKIE].clone()
}

#[cfg(test)]
mod tests {
    use super::input::{Content, Part, Query};
    use super::*;

    #[test]
    fn every_route_is_asked_and_answers() {
        for route in 0..u16::try_from(ROUTES.len()).unwrap() {
            for accept in [b"text/html".to_vec(), b"application/json".to_vec()] {
                let file = Part {
                    name: 10,
                    file: Some("a.tar".to_owned()),
                    head: String::new(),
                    content: vec![0; 1024],
                };
                let bodies = [
                    Content::None,
                    Content::Bytes(vec![0xff]),
                    Content::Form(Vec::new()),
                    Content::Parts(vec![file]),
                ];
                for (body, who) in bodies.into_iter().flat_map(|body| {
                    [
                        (body.clone(), Who::Nobody),
                        (body.clone(), Who::Token),
                        (body, Who::Session),
                    ]
                }) {
                    run(Input {
                        route,
                        method: None,
                        names: Vec::new(),
                        query: Query::Pairs(vec![(23, "app".to_owned())]),
                        headers: vec![(0, accept.clone())],
                        who,
                        body,
                    });
                }
            }
        }
    }
}
