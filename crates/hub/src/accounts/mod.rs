//! Users, passwords, tokens, sessions and access: who someone is, and who may do what.

pub mod access;
mod caller;
mod error;
mod passwords;
mod service;
mod sessions;
mod tokens;

pub(crate) use access::decide;
pub use access::{Access, AccessError, Administer, Delete, Grant, Permission, Pull, Push};
pub use caller::{Caller, User};
pub use error::AccountError;
pub use passwords::PASSWORD_MIN_CHARS;
pub use service::{Accounts, SignUp};
pub use sessions::Sessions;
pub use tokens::{NewToken, TOKEN_LIFETIME_SECS, TokenKind, TokenSummary, Tokens};
