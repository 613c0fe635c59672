//! Making accounts: who may, under which names, and how many.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use dockyard_oci::UserName;
use lru::LruCache;
use sha2::{Digest as _, Sha256};

use super::service::checked_email;
use super::tokens::random_bytes;
use super::{AccountError, Accounts, User, reserved};
use crate::admission::network;
use crate::clock::Clock;
use crate::db::DbError;
use crate::db::tables::{former_users, settings, users};
use crate::{Id, Secret};

/// Hashes of what makes the first administrator, one after the other, the newest last.
pub(super) const SETUP_KEYS: &str = "setup_keys";
/// Bytes of each of them.
const HASH_BYTES: usize = 32;
/// Number of set-up keys that are valid. Each start of each node makes one.
const SETUP_KEYS_MAX: usize = 16;

/// Accounts of one network in an hour, unless set otherwise.
const AN_HOUR: u32 = 20;
/// Networks that are remembered: those that signed up last.
const NETWORKS: NonZeroUsize = NonZeroUsize::new(10_000).expect("more than none");
const HOUR_MS: i64 = 3600 * 1000;

/// A request for a new account.
#[derive(Debug)]
pub struct SignUp {
    pub name: UserName,
    pub password: Secret<String>,
    pub email: Option<String>,
    /// From the link that a start prints: makes this account the first administrator.
    pub setup_key: Option<Secret<String>>,
    /// Where the request comes from.
    pub from: IpAddr,
}

/// Limits on new accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignUpLimits {
    pub is_open: bool,
    /// Accounts that one network may make in an hour.
    pub an_hour: u32,
}

impl Default for SignUpLimits {
    fn default() -> Self {
        Self {
            is_open: true,
            an_hour: AN_HOUR,
        }
    }
}

/// Counts the accounts that each network makes. Clones share the counts, which are those of this process.
#[derive(Debug, Clone)]
pub(super) struct SignUps {
    limits: SignUpLimits,
    clock: Clock,
    made: Arc<Mutex<LruCache<u128, Made>>>,
}

/// Accounts that a network made since a moment.
#[derive(Debug, Clone, Copy)]
struct Made {
    since_ms: i64,
    count: u32,
}

impl SignUps {
    pub(super) fn new(limits: SignUpLimits, clock: Clock) -> Self {
        Self {
            limits,
            clock,
            made: Arc::new(Mutex::new(LruCache::new(NETWORKS))),
        }
    }

    /// Counts one more account of a network. Errors: `TooManySignUps`.
    fn take(&self, from: IpAddr) -> Result<(), AccountError> {
        let now_ms = self.clock.now_ms();
        let mut all = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Made {
            since_ms: now_ms,
            count: 0,
        };
        let made = all.get_or_insert_mut(network(from), new);
        let ends_ms = made.since_ms + HOUR_MS;
        if ends_ms <= now_ms {
            *made = new();
        }
        if made.count >= self.limits.an_hour {
            let wait_secs = u64::try_from((ends_ms - now_ms) / 1000).unwrap_or_default() + 1;
            return Err(AccountError::TooManySignUps { wait_secs });
        }
        made.count += 1;
        Ok(())
    }
}

impl Accounts {
    /// Tells whether strangers may make accounts.
    pub const fn takes_sign_ups(&self) -> bool {
        self.sign_ups.limits.is_open
    }

    /// Makes an account.
    ///
    /// Errors: `SignUpClosed`, `NameTaken`, `NameReserved`, `PasswordWeak`, `EmailInvalid`, `TooManySignUps`; `SetupKeyWrong`
    /// when a set-up key is given that is not the instance's, or an administrator exists already. Whoever has the key may
    /// take a reserved name, also where sign-up is closed.
    pub async fn sign_up(&self, request: SignUp) -> Result<User, AccountError> {
        let email = checked_email(request.email)?;
        let is_admin = match &request.setup_key {
            None => {
                self.require_free(&request.name).await?;
                false
            }
            Some(key) => self.check_setup_key(key).await.map(|()| true)?,
        };
        let password_hash = self.passwords.hash(&request.password, false).await?;
        if !is_admin {
            self.sign_ups.take(request.from)?;
        }
        let user = User {
            id: Id::new(),
            name: request.name,
            is_admin,
            generation: 0,
        };
        let new = users::NewUser {
            user: &user,
            email,
            password_hash,
            created_ms: self.clock.now_ms(),
        };
        let mut tx = self.db.begin().await?;
        if is_admin {
            // Of several at once, on whichever node, one is the first.
            settings::lock(&mut tx, SETUP_KEYS).await?;
        }
        if is_admin && users::has_admin_in(&mut tx).await? {
            return Err(AccountError::SetupKeyWrong);
        }
        match users::insert(&mut tx, new).await {
            Err(DbError::Duplicate) => return Err(AccountError::NameTaken(user.name)),
            other => other?,
        }
        tx.commit().await?;
        Ok(user)
    }

    /// Makes sure that a stranger may have an account of a name, before anything dear is done for it.
    async fn require_free(&self, name: &UserName) -> Result<(), AccountError> {
        if !self.takes_sign_ups() {
            return Err(AccountError::SignUpClosed);
        }
        if reserved::is_reserved(name) || former_users::exists(&self.db, name).await? {
            return Err(AccountError::NameReserved(name.clone()));
        }
        if users::find_by_name(&self.db, name).await?.is_some() {
            return Err(AccountError::NameTaken(name.clone()));
        }
        Ok(())
    }

    /// Makes a key for the link that makes the first administrator; `None` once there is one.
    ///
    /// The database keeps its hash alone. The keys of the last sixteen starts are good.
    pub async fn new_setup_key(&self) -> Result<Option<Secret<String>>, AccountError> {
        let key = hex::encode(random_bytes::<16>());
        let mut tx = self.db.begin().await?;
        settings::lock(&mut tx, SETUP_KEYS).await?;
        if users::has_admin_in(&mut tx).await? {
            return Ok(None);
        }
        let mut hashes = settings::find_in(&mut tx, SETUP_KEYS).await?;
        hashes.extend(Sha256::digest(key.as_bytes()));
        let kept = SETUP_KEYS_MAX * HASH_BYTES;
        let hashes = hashes.split_off(hashes.len().saturating_sub(kept));
        settings::set(&mut tx, SETUP_KEYS, hashes).await?;
        tx.commit().await?;
        Ok(Some(Secret::new(key)))
    }

    async fn check_setup_key(&self, key: &Secret<String>) -> Result<(), AccountError> {
        if users::has_admin(&self.db).await? {
            return Err(AccountError::SetupKeyWrong);
        }
        let hashes = settings::find(&self.db, SETUP_KEYS).await?;
        let shown = Sha256::digest(key.reveal().as_bytes());
        // Hashes are compared, so that the time taken tells nothing about the keys.
        let is_right =
            hashes.is_some_and(|all| all.chunks(HASH_BYTES).any(|hash| hash == shown.as_slice()));
        is_right.then_some(()).ok_or(AccountError::SetupKeyWrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_makes_so_many_accounts_an_hour() {
        let clock = Clock::fixed(0);
        let limits = SignUpLimits {
            is_open: true,
            an_hour: 3,
        };
        let sign_ups = SignUps::new(limits, clock.clone());
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        for host in 1..=3 {
            let from = at(&format!("2001:db8:1:1::{host}"));
            sign_ups.take(from).unwrap();
        }
        clock.advance(HOUR_MS / 2);
        let refused = sign_ups.take(at("2001:db8:1:1::4")).unwrap_err();
        let AccountError::TooManySignUps { wait_secs } = refused else {
            panic!("{refused}");
        };
        assert_eq!(wait_secs, 1801);
        sign_ups.take(at("2001:db8:1:2::1")).unwrap();
        sign_ups.take(at("192.0.2.1")).unwrap();
        clock.advance(HOUR_MS / 2);
        sign_ups.take(at("2001:db8:1:1::4")).unwrap();
    }
}
