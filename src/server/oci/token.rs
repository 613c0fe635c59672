//! The token service: trades credentials for a short-lived token that carries what was granted.
//!
//! Source: distribution, "Token Authentication Specification" and "OAuth2 Token Authentication".

use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use dockyard_hub::accounts::{AccountError, Caller, TOKEN_LIFETIME_SECS};
use dockyard_hub::{Hub, Secret};
use dockyard_oci::Scope;
use serde_json::json;

use crate::server::AppState;
use crate::server::caller::{Basic, Credentials};
use crate::server::error::ApiError;

/// Most scopes of one token: a client asks for one or two.
const SCOPES_MAX: usize = 32;

/// `GET /token`, with Basic or without credentials.
pub async fn get(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let pairs = pairs(query.unwrap_or_default().as_bytes());
    let caller = match Credentials::of(&headers) {
        Credentials::Bearer(_) | Credentials::Malformed => {
            return Err(AccountError::WrongCredentials.into());
        }
        credentials => credentials.caller(&state.hub).await?,
    };
    issue(&state.hub, &caller, &pairs).await
}

/// `POST /token`, with the credentials in the form.
pub async fn post(State(hub): State<Hub>, body: Bytes) -> Result<Response, ApiError> {
    let pairs = pairs(&body);
    let field = |name: &str| {
        let found = pairs.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let caller = match field("grant_type").as_str() {
        "password" => {
            let password = Secret::new(field("password"));
            Basic {
                name: field("username"),
                password,
            }
            .caller(&hub)
            .await?
        }
        "refresh_token" => {
            let found = hub
                .accounts
                .tokens
                .redeem(&Secret::new(field("refresh_token")))
                .await?;
            found.ok_or(AccountError::WrongCredentials)?
        }
        _ => {
            let message = "grant_type is password or refresh_token";
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "UNSUPPORTED",
                message,
            ));
        }
    };
    issue(&hub, &caller, &pairs).await
}

async fn issue(
    hub: &Hub,
    caller: &Caller,
    pairs: &[(String, String)],
) -> Result<Response, ApiError> {
    let asked = pairs
        .iter()
        .filter(|(key, _)| key == "scope")
        .flat_map(|(_, text)| text.split(' '));
    let mut granted = Vec::new();
    for scope in asked.filter_map(Scope::parse).take(SCOPES_MAX) {
        let actions = hub
            .access
            .grantable(caller, &scope.repository, &scope.actions)
            .await?;
        granted.push(Scope {
            repository: scope.repository,
            actions,
        });
    }
    let token = hub.accounts.tokens.sign(caller.user(), &granted);
    let token = token.reveal();
    let body = json!({
        "token": token,
        "access_token": token,
        "expires_in": TOKEN_LIFETIME_SECS,
    });
    Ok(Json(body).into_response())
}

fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}
