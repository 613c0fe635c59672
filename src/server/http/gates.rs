//! The rules that requests pass on their way in, and answers on their way out.
//!
//! One layer applies several rules, because axum copies everything below a layer for each request.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::bodies::{self, Times};
use super::told;
use super::unsent::{self, Unsent};
use crate::server::session::Secure;
use crate::server::{AppState, requests};

/// The settings of [`of_all`].
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

/// Applies to all requests: bounds their bodies and answers, and refuses malformed and cross-site ones.
pub async fn of_all(State(bounds): State<Bounds>, request: Request, next: Next) -> Response {
    let checked = async |request: Request| match requests::refused(&request, bounds.secure) {
        Some(refused) => refused.into_response(),
        None => next.run(request).await,
    };
    let bounded = async |request| bodies::bound(bounds.times, request, checked).await;
    unsent::bound(&bounds.unsent, request, bounded).await
}

/// Applies to requests of browsers: allows users larger bodies, and shows messages to their own browser alone.
pub async fn of_browsers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let own = async |request| {
        told::own_only(state.secure(), request, async |request| {
            next.run(request).await
        })
        .await
    };
    bodies::extend(&state, request, own).await
}
