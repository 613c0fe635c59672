//! Accounts and tokens.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use dockyard_hub::accounts::{AccountError, SignUp, TokenReach, TokenWish};
use dockyard_hub::{Hub, Secret};
use dockyard_oci::UserName;
use serde::Deserialize;
use serde_json::json;

use super::Body;
use crate::server::caller::ApiCaller;
use crate::server::error::ApiError;
use crate::server::peer::Peer;

#[derive(Deserialize)]
pub struct NewUser {
    username: String,
    password: String,
    email: Option<String>,
}

/// `POST /api/v1/users`: makes an account.
pub async fn sign_up(
    State(hub): State<Hub>,
    peer: Peer,
    Body(new): Body<NewUser>,
) -> Result<impl IntoResponse, ApiError> {
    let name: UserName = new
        .username
        .parse()
        .map_err(|error| ApiError::bad_request("USERNAME_INVALID", error))?;
    let password = Secret::new(new.password);
    let request = SignUp {
        name,
        password,
        email: new.email,
        setup_key: None,
        from: peer.0,
    };
    let user = hub.accounts.sign_up(request).await?;
    let body = json!({ "username": user.name, "is_admin": user.is_admin });
    Ok((StatusCode::CREATED, Json(body)))
}

/// `GET /api/v1/user`: who the credentials belong to.
pub async fn who_am_i(ApiCaller(caller): ApiCaller) -> Result<impl IntoResponse, ApiError> {
    let user = caller
        .user()
        .filter(|_| !caller.is_registry_token())
        .ok_or(AccountError::Anonymous)?;
    Ok(Json(
        json!({ "username": user.name, "is_admin": user.is_admin }),
    ))
}

#[derive(Deserialize)]
pub struct NewTokenBody {
    name: String,
    /// `read`, `write` or `all`.
    reach: Option<String>,
    /// Days after which it ends.
    days: Option<u32>,
}

/// `POST /api/v1/tokens`: makes a personal token and shows it this once.
pub async fn create_token(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    Body(new): Body<NewTokenBody>,
) -> Result<impl IntoResponse, ApiError> {
    let reach = match new.reach.as_deref().map(TokenReach::parse) {
        None => TokenReach::default(),
        Some(Some(reach)) => reach,
        Some(None) => {
            let message = "a token's reach is read, write or all";
            return Err(ApiError::bad_request("TOKEN_REACH_INVALID", message));
        }
    };
    let wish = TokenWish {
        name: new.name,
        reach,
        days: new.days,
    };
    let token = hub.accounts.tokens.create(&caller, &wish).await?;
    let body = json!({
        "id": token.id.to_string(),
        "name": token.name,
        "token": token.secret.reveal(),
        "reach": reach.as_str(),
        "created_ms": token.created_ms,
        "expires_ms": token.expires_ms,
    });
    Ok((StatusCode::CREATED, Json(body)))
}

/// `GET /api/v1/tokens`: the caller's tokens, newest first, without their secrets.
pub async fn list_tokens(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
) -> Result<impl IntoResponse, ApiError> {
    let user = caller.person().ok_or(AccountError::Anonymous)?;
    let tokens = hub.accounts.tokens.list(user).await?;
    let tokens: Vec<_> = tokens
        .iter()
        .map(|token| {
            json!({
                "id": token.id.to_string(),
                "name": token.name,
                "kind": token.kind.as_str(),
                "reach": token.reach.as_str(),
                "created_ms": token.created_ms,
                "expires_ms": token.expires_ms,
                "last_used_ms": token.last_used_ms,
                "is_current": caller.token_id() == Some(token.id),
            })
        })
        .collect();
    Ok(Json(json!({ "tokens": tokens })))
}

/// `DELETE /api/v1/tokens/{id}`: revokes a token; `current` is the one that makes the call.
pub async fn revoke_token(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let user = caller
        .user()
        .filter(|_| caller.person().is_some() || id == "current")
        .ok_or(AccountError::Anonymous)?;
    let id = if id == "current" {
        caller.token_id()
    } else {
        id.parse().ok()
    };
    let revoked = match id {
        Some(id) => hub.accounts.tokens.revoke(user, id).await?,
        None => false,
    };
    if revoked {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::not_found("you have no such token"))
    }
}
