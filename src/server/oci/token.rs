//! The token service: trades credentials for a short-lived token that carries what was granted.
//!
//! Source: distribution, "Token Authentication Specification" and "OAuth2 Token Authentication".

use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use dockyard_hub::accounts::{AccountError, Caller, TOKEN_LIFETIME_SECS};
use dockyard_hub::{Hub, Secret};
use dockyard_oci::{ErrorCode, Scope};
use serde_json::json;

use crate::server::caller::{Basic, Credentials};
use crate::server::error::ApiError;
use crate::server::peer::Peer;

/// Most scopes of one token: a client asks for one or two, and some for all that they met.
const SCOPES_MAX: usize = 100;
/// Most of a token for nobody: each is a question to the database.
const SCOPES_OF_NOBODY: usize = 32;

/// Puts scopes of one repository together; one more than there may be is enough to know that it is too many.
fn merged(asked: impl Iterator<Item = Scope>) -> Vec<Scope> {
    let mut merged: Vec<Scope> = Vec::new();
    for scope in asked {
        if merged.len() > SCOPES_MAX {
            break;
        }
        let Scope::Repository { name, actions } = &scope else {
            if !merged.contains(&scope) {
                merged.push(scope);
            }
            continue;
        };
        let same = merged.iter_mut().find_map(|other| match other {
            Scope::Repository { name: own, actions } if own == name => Some(actions),
            _ => None,
        });
        match same {
            Some(all) => {
                all.extend(actions);
                all.sort_unstable();
                all.dedup();
            }
            None => merged.push(scope),
        }
    }
    merged
}

/// `GET /token`, with Basic or without credentials.
pub async fn get(
    State(hub): State<Hub>,
    RawQuery(query): RawQuery,
    peer: Peer,
    headers: HeaderMap,
) -> Response {
    let form = Form::parse(query.unwrap_or_default().as_bytes());
    let answered = match Credentials::of(&headers) {
        Credentials::None => issue(&hub, &Caller::anonymous(), &form, None).await,
        // No token in place of the password, though `docker login` asks for one: it would leave `auth` in its file without
        // the password, and many tools read nothing else.
        Credentials::Basic(basic) => log_in(&hub, (basic, peer), &form, false).await,
        Credentials::Bearer(_) | Credentials::Malformed => {
            Err(AccountError::WrongCredentials.into())
        }
    };
    let mut response = answered.unwrap_or_else(ApiError::into_response);
    if response.status() == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"Dockyard\", charset=\"UTF-8\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// `POST /token`, with the credentials in the form.
pub async fn post(State(hub): State<Hub>, peer: Peer, body: Bytes) -> Result<Response, ApiError> {
    let form = Form::parse(&body);
    match form.first("grant_type") {
        "password" => {
            let basic = Basic {
                name: form.first("username").to_owned(),
                password: Secret::new(form.first("password").to_owned()),
            };
            let offline = form.first("access_type") == "offline";
            log_in(&hub, (basic, peer), &form, offline).await
        }
        "refresh_token" => {
            let token = Secret::new(form.first("refresh_token").to_owned());
            let found = hub.accounts.tokens.redeem_refresh(&token).await?;
            let caller = found.ok_or(AccountError::WrongCredentials)?;
            issue(&hub, &caller, &form, None).await
        }
        _ => {
            let message = "grant_type is password or refresh_token";
            let code = ErrorCode::Unsupported;
            Err(ApiError::oci(StatusCode::BAD_REQUEST, code, message))
        }
    }
}

/// Issues a token for a name and a password, and one that stands in for the password where the
/// client asks for it.
async fn log_in(
    hub: &Hub,
    (basic, peer): (Basic, Peer),
    form: &Form,
    offline: bool,
) -> Result<Response, ApiError> {
    let caller = basic.caller(hub, peer.0).await?;
    let refresh = match caller.user().filter(|_| offline) {
        None => None,
        // A personal token can be revoked already: one more beside it would outlive it.
        Some(_) if caller.token_id().is_some() => Some(basic.password),
        Some(_) => {
            let client = form.first("client_id");
            let new = hub.accounts.tokens.create_refresh(&caller, client).await?;
            Some(new.secret)
        }
    };
    issue(hub, &caller, form, refresh).await
}

async fn issue(
    hub: &Hub,
    caller: &Caller,
    form: &Form,
    refresh: Option<Secret<String>>,
) -> Result<Response, ApiError> {
    let asked = form.all("scope").flat_map(|text| text.split(' '));
    let asked = merged(asked.filter_map(Scope::parse));
    let most = if caller.user().is_some() {
        SCOPES_MAX
    } else {
        SCOPES_OF_NOBODY
    };
    if asked.len() > most {
        let message =
            format!("a token has at most {most} scopes: ask for those that are needed now");
        return Err(ApiError::bad_request("TOO_MANY_SCOPES", message));
    }
    let mut granted = Vec::with_capacity(asked.len());
    for scope in asked {
        granted.push(match scope {
            Scope::Catalog => Scope::Catalog,
            Scope::Repository { name, actions } => Scope::Repository {
                actions: hub.access.grantable(caller, &name, &actions).await?,
                name,
            },
        });
    }
    let scopes: Vec<String> = granted.iter().map(ToString::to_string).collect();
    let token = hub.accounts.tokens.sign(caller, &granted);
    let mut body = json!({
        "token": token.reveal(),
        "access_token": token.reveal(),
        "expires_in": TOKEN_LIFETIME_SECS,
        "scope": scopes.join(" "),
    });
    if let Some(refresh) = refresh {
        body["refresh_token"] = refresh.reveal().as_str().into();
    }
    // A token is a secret: no cache may keep it.
    Ok(([(CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

/// The pairs of a query or a form.
struct Form(Vec<(String, String)>);

impl Form {
    fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }

    /// Is the first value of a name, empty when there is none.
    fn first(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }
}
