//! Accounts: opened, and entered with a password.

use std::net::IpAddr;

use dockyard_oci::UserName;

use super::passwords::{PasswordCost, Passwords};
use super::shared_tries::SharedTries;
use super::sign_up::{SETUP_KEYS, SignUpLimits, SignUps};
use super::throttle::Throttle;
use super::tokens::{Tokens, random_bytes};
use super::{AccountError, Sessions, User};
use crate::clock::Clock;
use crate::db::tables::{settings, users, wrong_passwords};
use crate::db::{Db, DbError};
use crate::{Id, Secret, text};

/// What signs registry tokens.
pub(super) const TOKEN_KEY: &str = "token_key";
/// Makes accounts and lets people into them.
#[derive(Debug, Clone)]
pub struct Accounts {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) passwords: Passwords,
    throttle: Throttle,
    pub(super) sign_ups: SignUps,
    pub sessions: Sessions,
    pub tokens: Tokens,
}

impl Accounts {
    pub(crate) async fn open(
        db: Db,
        clock: Clock,
        sign_ups: SignUpLimits,
        passwords: PasswordCost,
    ) -> Result<Self, DbError> {
        let sessions = Sessions::new(db.clone(), clock.clone());
        // Both are made at the first start, in one go.
        let offered = [
            (TOKEN_KEY, random_bytes::<32>().to_vec()),
            (SETUP_KEYS, Vec::new()),
        ];
        settings::insert_missing(&db, &offered).await?;
        let tokens = Tokens::open(db.clone(), clock.clone()).await?;
        Ok(Self {
            throttle: Throttle::new(clock.clone()),
            sign_ups: SignUps::new(sign_ups, clock.clone()),
            db,
            clock,
            passwords: Passwords::new(passwords),
            sessions,
            tokens,
        })
    }

    /// Finds the user that a name and a password belong to.
    ///
    /// `from` is where the request comes from. Errors: `WrongCredentials`, in the same time whether or not the
    /// user exists; `TooManyTries`, also for the right password; `Busy`.
    pub async fn log_in(
        &self,
        name: &str,
        password: &Secret<String>,
        from: IpAddr,
    ) -> Result<User, AccountError> {
        // People write their names as they like; there is one of each, in lower case.
        let name = &*name.to_ascii_lowercase();
        let is_known = self.throttle.knows(name, from);
        let waiting = self.passwords.wait(from, is_known)?;
        let mut shared = SharedTries::of(&self.db, &self.clock, name, from);
        if let Some(shared) = &mut shared {
            shared.tell(&self.throttle, name, from).await?;
        }
        let attempt = self.throttle.begin(name, from).await?;
        let found = match name.parse::<UserName>() {
            Ok(name) => users::find_credentials(&self.db, &name).await?,
            Err(_) => None,
        };
        let (user, hash) = found.map_or((None, None), |(user, hash)| (Some(user), Some(hash)));
        let is_right = self.passwords.check(password, hash, waiting).await?;
        let user = user.filter(|_| is_right);
        match &user {
            Some(_) => attempt.passed(),
            None => attempt.failed(),
        }
        if let Some(shared) = shared {
            shared.note(is_right, is_known).await?;
        }
        user.ok_or(AccountError::WrongCredentials)
    }

    /// Deletes what has expired: sessions, and wrong passwords that nodes count together. Returns how many sessions.
    pub async fn sweep(&self) -> Result<u64, DbError> {
        wrong_passwords::delete_old(&self.db, self.clock.now_ms()).await?;
        self.sessions.delete_expired().await
    }

    /// Finds a user by name.
    pub async fn profile(&self, name: &UserName) -> Result<Option<User>, AccountError> {
        Ok(users::find_by_name(&self.db, name).await?)
    }

    /// Finds a user by id.
    pub async fn find(&self, id: Id) -> Result<Option<User>, AccountError> {
        Ok(users::find_by_id(&self.db, id).await?)
    }

    /// Makes a new key for registry tokens and forgets the keys of set-up links. Registry tokens signed before end: here
    /// at once, in running servers when they look for the key again.
    pub(crate) async fn rotate_keys(&self) -> Result<(), DbError> {
        let mut tx = self.db.begin().await?;
        settings::lock(&mut tx, TOKEN_KEY).await?;
        settings::lock(&mut tx, SETUP_KEYS).await?;
        settings::set(&mut tx, TOKEN_KEY, random_bytes::<32>().to_vec()).await?;
        settings::set(&mut tx, SETUP_KEYS, Vec::new()).await?;
        tx.commit().await?;
        self.tokens.load_key().await
    }
}

/// Accepts what could be an address; only a message that arrives would prove one.
pub(super) fn checked_email(email: Option<String>) -> Result<Option<String>, AccountError> {
    let Some(email) = email
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let plausible = email.len() <= 254
        && !email.contains(char::is_whitespace)
        && text::is_plain(&email)
        && email
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    if plausible {
        Ok(Some(email))
    } else {
        Err(AccountError::EmailInvalid)
    }
}
