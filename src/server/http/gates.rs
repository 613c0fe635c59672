//! What every request passes on its way in, and its answer on the way out.
//!
//! Several rules to a layer: each layer copies the whole service below it for each request.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::bodies::{self, Times};
use super::told;
use super::unsent::{self, Unsent};
use crate::server::session::Secure;
use crate::server::{AppState, requests};

/// What the gate of all requests has to know.
#[derive(Clone)]
pub struct Bounds {
    secure: Secure,
    times: Times,
    unsent: Unsent,
}

impl From<&AppState> for Bounds {
    fn from(state: &AppState) -> Self {
        Self {
            secure: state.secure(),
            times: state.times,
            unsent: state.unsent.clone(),
        }
    }
}

/// For all requests: the bounds on their bodies and answers, and the refusal of what is malformed or of another site.
pub async fn of_all(State(bounds): State<Bounds>, request: Request, next: Next) -> Response {
    let checked = async |request: Request| match requests::refused(&request, bounds.secure) {
        Some(refused) => refused.into_response(),
        None => next.run(request).await,
    };
    let bounded = async |request| bodies::bound(bounds.times, request, checked).await;
    unsent::bound(&bounds.unsent, request, bounded).await
}

/// For what browsers ask: the room of users for larger bodies, and messages for the browser that they are for.
pub async fn of_browsers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let own = async |request| {
        told::own_only(state.secure(), request, async |request| {
            next.run(request).await
        })
        .await
    };
    bodies::extend(&state, request, own).await
}
