//! Users, passwords, tokens, sessions and access: who someone is, and who may do what.

pub mod access;
mod caller;
mod error;
mod grant;
mod passwords;
mod profile;
mod reserved;
mod service;
mod sessions;
mod shared_tries;
mod sign_up;
mod throttle;
mod tokens;

pub use access::{Access, AccessError};
pub(crate) use access::{decide, decide_former, take_as_long};
pub use caller::{Caller, Credential, User};
pub use error::AccountError;
pub(crate) use grant::BeginError;
pub use grant::{Administer, Delete, Grant, Permission, Pull, Push};
pub use passwords::{PASSWORD_MIN_CHARS, PasswordCost};
pub use profile::{ABOUT_MAX_CHARS, PersonalTokens, Profile};
pub use service::Accounts;
pub use sessions::{NewSession, SessionSummary, Sessions};
pub use sign_up::{SignUp, SignUpLimits};
pub use tokens::{
    NewToken, TOKEN_LIFETIME_SECS, TokenKind, TokenReach, TokenSummary, TokenWish, Tokens,
};
