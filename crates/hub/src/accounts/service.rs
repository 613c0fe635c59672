//! Accounts: signing up and logging in.

use std::net::IpAddr;

use dockyard_oci::UserName;
use sha2::{Digest as _, Sha256};

use super::passwords::Passwords;
use super::throttle::Throttle;
use super::tokens::{Tokens, random_bytes};
use super::{AccountError, Sessions, User};
use crate::clock::Clock;
use crate::db::tables::{settings, users};
use crate::db::{Db, DbError};
use crate::{Id, Secret};

/// What signs registry tokens.
pub(super) const TOKEN_KEY: &str = "token_key";
/// Hashes of what makes the first administrator, one after the other, the newest last.
const SETUP_KEYS: &str = "setup_keys";
/// Bytes of each of them.
const HASH_BYTES: usize = 32;
/// How many of them are good: each start of each node makes one.
const SETUP_KEYS_MAX: usize = 16;

/// What a person gives to get an account.
#[derive(Debug)]
pub struct SignUp {
    pub name: UserName,
    pub password: Secret<String>,
    pub email: Option<String>,
    /// From the link that the first start prints: makes this account the first administrator.
    pub setup_key: Option<Secret<String>>,
}

/// Makes accounts and lets people into them.
#[derive(Debug, Clone)]
pub struct Accounts {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) passwords: Passwords,
    throttle: Throttle,
    pub sessions: Sessions,
    pub tokens: Tokens,
}

impl Accounts {
    pub(crate) async fn open(db: Db, clock: Clock) -> Result<Self, DbError> {
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
            db,
            clock,
            passwords: Passwords::new(),
            sessions,
            tokens,
        })
    }

    /// Makes an account.
    ///
    /// Errors: `NameTaken`, `PasswordWeak`, `EmailInvalid`, and `SetupKeyWrong` when a set-up key is
    /// given that is not the instance's, or an administrator exists already.
    pub async fn sign_up(&self, request: SignUp) -> Result<User, AccountError> {
        let email = checked_email(request.email)?;
        let is_admin = match &request.setup_key {
            None => false,
            Some(key) => self.check_setup_key(key).await.map(|()| true)?,
        };
        let password_hash = self.passwords.hash(&request.password, false).await?;
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
        let waiting = self.passwords.wait(from, self.throttle.knows(name, from))?;
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
        user.ok_or(AccountError::WrongCredentials)
    }

    /// Finds a user by name.
    pub async fn profile(&self, name: &UserName) -> Result<Option<User>, AccountError> {
        Ok(users::find_by_name(&self.db, name).await?)
    }

    /// Finds a user by id.
    pub async fn find(&self, id: Id) -> Result<Option<User>, AccountError> {
        Ok(users::find_by_id(&self.db, id).await?)
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
        && email
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    if plausible {
        Ok(Some(email))
    } else {
        Err(AccountError::EmailInvalid)
    }
}
