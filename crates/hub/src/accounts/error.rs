//! What can go wrong with accounts.

use dockyard_oci::UserName;

use crate::admission::Busy;
use crate::db::{Contention, DbError};

/// Why an account could not be made or entered.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("the user name {0} is taken")]
    NameTaken(UserName),
    #[error(
        "the user name {0} is reserved, as are all with a dot, which docker reads as hosts: choose another one"
    )]
    NameReserved(UserName),
    #[error("this server takes no new accounts: ask whoever runs it for one")]
    SignUpClosed,
    #[error("many accounts were made from where you are: wait {} minutes, then try again", wait_secs.div_ceil(60))]
    TooManySignUps { wait_secs: u64 },
    #[error("{0}")]
    PasswordWeak(String),
    #[error("the user name or the password is wrong")]
    WrongCredentials,
    #[error("too many wrong passwords: wait {wait_secs} seconds, then try again")]
    TooManyTries { wait_secs: u64 },
    #[error("this token is not valid: it was revoked, has expired, or was cut short")]
    TokenWrong,
    #[error("this set-up link is not valid, or was used already")]
    SetupKeyWrong,
    #[error("that is not an email address")]
    EmailInvalid,
    #[error("a token's name has 1 to 100 characters, none of which are control characters")]
    TokenNameInvalid,
    #[error("the password is wrong")]
    PasswordWrong,
    #[error("{0}")]
    ProfileInvalid(String),
    #[error(
        "you are the only administrator, so this account stays: make another administrator first"
    )]
    LastAdministrator,
    #[error("log in first")]
    Anonymous,
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl Contention for AccountError {
    fn is_contended(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_contended())
    }
}
