//! Who is asking: `Authorization` first (Basic, personal token, registry token), the session cookie
//! otherwise.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dockyard_hub::accounts::{AccountError, Caller, Tokens};
use dockyard_hub::clock::Clock;
use dockyard_hub::db::DbError;
use dockyard_hub::{Hub, Secret};
use tower_sessions::Session;

use super::AppState;
use super::error::ApiError;
use super::peer::Peer;

/// Key under which a session holds the id of the user who is logged in.
pub const SESSION_USER: &str = "user";
/// Key under which a session holds the generation of the user's credentials when the user logged in.
pub const SESSION_GENERATION: &str = "generation";
/// Key under which a session holds what the browser that logged in calls itself.
pub const SESSION_CLIENT: &str = "client";

/// Key under which a session holds when it was last seen, in Unix milliseconds.
const SESSION_SEEN: &str = "seen";
/// How exact that is, in milliseconds: one write in ten minutes for a session that is used.
const SEEN_PRECISION_MS: i64 = 10 * 60 * 1000;

/// Makes a number that tells clients apart, to count what one of them pulls together as one pull.
pub fn fingerprint(caller: &Caller, from: IpAddr, headers: &HeaderMap) -> u64 {
    let mut hasher = DefaultHasher::new();
    caller.user().map(|user| user.id).hash(&mut hasher);
    from.hash(&mut hasher);
    headers.get(USER_AGENT).hash(&mut hasher);
    hasher.finish()
}

/// A name and a password, or a name and a personal token.
pub struct Basic {
    pub name: String,
    pub password: Secret<String>,
}

impl Basic {
    /// Finds the caller; `from` is where the request comes from. Errors: `WrongCredentials`, `TooManyTries`.
    pub async fn caller(&self, hub: &Hub, from: IpAddr) -> Result<Caller, AccountError> {
        if !Tokens::is_personal(self.password.reveal()) {
            let log_in = hub.accounts.log_in(&self.name, &self.password, from);
            let user = log_in.await?;
            return Ok(Caller::user_in_person(user));
        }
        let found = hub.accounts.tokens.redeem(&self.password).await?;
        found
            .filter(|caller| {
                caller
                    .user()
                    .is_some_and(|user| user.name.as_str().eq_ignore_ascii_case(&self.name))
            })
            .ok_or(AccountError::WrongCredentials)
    }
}

/// What an `Authorization` header holds.
pub enum Credentials {
    None,
    Basic(Basic),
    Bearer(String),
    /// A header that is neither, or not well formed.
    Malformed,
}

impl Credentials {
    pub fn of(headers: &HeaderMap) -> Self {
        let Some(header) = headers.get(AUTHORIZATION) else {
            return Self::None;
        };
        let Some((scheme, rest)) = header.to_str().ok().and_then(|text| text.split_once(' '))
        else {
            return Self::Malformed;
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            return Self::Bearer(rest.trim().to_owned());
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Self::Malformed;
        }
        let decoded = STANDARD
            .decode(rest.trim())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        match decoded.as_deref().and_then(|text| text.split_once(':')) {
            Some((name, password)) => Self::Basic(Basic {
                name: name.to_owned(),
                password: Secret::new(password.to_owned()),
            }),
            None => Self::Malformed,
        }
    }

    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Finds the caller; anonymous without credentials.
    ///
    /// Errors: `WrongCredentials` for any that are no good, `TooManyTries`.
    pub async fn caller(&self, hub: &Hub, from: IpAddr) -> Result<Caller, AccountError> {
        match self {
            Self::None => Ok(Caller::anonymous()),
            Self::Malformed => Err(AccountError::WrongCredentials),
            Self::Basic(basic) => basic.caller(hub, from).await,
            Self::Bearer(token) if Tokens::is_personal(token) => {
                let token = Secret::new(token.clone());
                let found = hub.accounts.tokens.redeem(&token).await?;
                found.ok_or(AccountError::TokenWrong)
            }
            Self::Bearer(token) => {
                let found = hub.accounts.tokens.verify(token);
                found.ok_or(AccountError::TokenWrong)
            }
        }
    }

    /// Finds the caller as `caller` does, and asks whether a registry token was revoked: for requests that no decision
    /// about a repository follows, which would ask it.
    pub async fn confirmed_caller(&self, hub: &Hub, from: IpAddr) -> Result<Caller, AccountError> {
        let caller = self.caller(hub, from).await?;
        if !caller.is_registry_token() || caller.user().is_none() {
            return Ok(caller);
        }
        let caller = hub.access.confirm(caller).await?;
        if caller.user().is_none() {
            return Err(AccountError::TokenWrong);
        }
        Ok(caller)
    }
}

/// Finds the caller behind a session; anonymous when nobody is logged in.
pub async fn of_session(hub: &Hub, session: &Session) -> Result<Caller, AccountError> {
    let failed =
        |error: tower_sessions::session::Error| DbError::Corrupt(format!("session: {error}"));
    let id = session.get::<String>(SESSION_USER).await.map_err(failed)?;
    let Some(id) = id.and_then(|id| id.parse().ok()) else {
        return Ok(Caller::anonymous());
    };
    let seen_ms: Option<i64> = session.get(SESSION_SEEN).await.map_err(failed)?;
    let now_ms = Clock::system().now_ms();
    // What changes a session is written with the answer, and lets it live on from then.
    if seen_ms.is_none_or(|seen_ms| seen_ms + SEEN_PRECISION_MS < now_ms) {
        session.insert(SESSION_SEEN, now_ms).await.map_err(failed)?;
    }
    let generation: Option<i64> = session.get(SESSION_GENERATION).await.map_err(failed)?;
    let user = hub.accounts.find(id).await?;
    let user = user.filter(|user| Some(user.generation) == generation);
    Ok(user.map_or_else(Caller::anonymous, Caller::user_in_person))
}

/// The caller of an API or page request. `http::bodies` puts it into the request where it had to know first.
#[derive(Clone)]
pub struct ApiCaller(pub Caller);

impl FromRequestParts<AppState> for ApiCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let credentials = Credentials::of(&parts.headers);
        if !credentials.is_none() {
            let from = Peer::of(&parts.extensions);
            return Ok(Self(credentials.confirmed_caller(&state.hub, from).await?));
        }
        match parts.extensions.get::<Session>() {
            Some(session) => Ok(Self(of_session(&state.hub, session).await?)),
            None => Ok(Self(Caller::anonymous())),
        }
    }
}
