//! Personal and refresh tokens, and the key that signs the short-lived ones of the registry protocol.

mod registry;

use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};

pub use registry::TOKEN_LIFETIME_SECS;

use super::service::TOKEN_KEY;
use super::{AccountError, Caller, User};
use crate::clock::Clock;
use crate::db::tables::{access_tokens, settings};
use crate::db::{Db, DbError};
use crate::{Id, Secret, text};

/// What every personal token starts with, so that scanners and people recognise one.
const PERSONAL_PREFIX: &str = "dyp_";
/// What every refresh token starts with.
const REFRESH_PREFIX: &str = "dyr_";
/// How long a refresh token that is not used stays good, in milliseconds: 90 days.
const REFRESH_IDLE_MS: i64 = 90 * DAY_MS;
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3600 * 1000;
/// Longest name of a token in characters.
const NAME_MAX_CHARS: usize = 100;
/// Precision of "last used" in milliseconds: one write a minute and token is enough.
const LAST_USED_PRECISION_MS: i64 = 60_000;

/// A personal token that was just made.
#[derive(Debug)]
pub struct NewToken {
    pub id: Id,
    pub name: String,
    /// Shown once, never stored.
    pub secret: Secret<String>,
    pub created_ms: i64,
    pub expires_ms: Option<i64>,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Everything that its user may do.
    Personal,
    /// Getting registry tokens: what `docker login` keeps.
    Refresh,
}

impl TokenKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Refresh => "refresh",
        }
    }

    pub(crate) fn of(text: &str) -> Self {
        if text == Self::Refresh.as_str() {
            Self::Refresh
        } else {
            Self::Personal
        }
    }
}

/// How far a personal token reaches; the user's own rights are the bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenReach {
    /// Pulling and looking.
    Read,
    /// And pushing.
    Write,
    /// Everything: deleting, settings, the account.
    #[default]
    All,
}

impl TokenReach {
    pub const EVERY: [Self; 3] = [Self::Read, Self::Write, Self::All];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::All => "all",
        }
    }

    /// Reads a name of the above; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        Self::EVERY.into_iter().find(|reach| reach.as_str() == text)
    }

    /// Reads the column; what is not known reaches nowhere further than reading.
    pub(crate) fn of(text: &str) -> Self {
        Self::parse(text).unwrap_or(Self::Read)
    }
}

/// What somebody wants of a new token.
#[derive(Debug, Clone, Default)]
pub struct TokenWish {
    pub name: String,
    pub reach: TokenReach,
    /// Days after which it ends; `None` for never.
    pub days: Option<u32>,
}

/// A token as its user sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSummary {
    pub id: Id,
    pub name: String,
    pub kind: TokenKind,
    pub reach: TokenReach,
    pub created_ms: i64,
    pub last_used_ms: Option<i64>,
    pub expires_ms: Option<i64>,
}

/// Makes and checks tokens.
#[derive(Debug, Clone)]
pub struct Tokens {
    db: Db,
    clock: Clock,
    key: Arc<RwLock<Secret<Vec<u8>>>>,
}

impl Tokens {
    /// Opens the token service with the instance's own key, which must be there.
    pub(super) async fn open(db: Db, clock: Clock) -> Result<Self, DbError> {
        let key = Arc::new(RwLock::new(find_key(&db).await?));
        Ok(Self { db, clock, key })
    }

    /// Takes up the key that the database has now: it may have been replaced.
    pub async fn load_key(&self) -> Result<(), DbError> {
        let found = find_key(&self.db).await?;
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }

    /// Makes a personal token that is good until it is revoked, or ends.
    ///
    /// Errors: `TokenNameInvalid` for a name that is empty, very long, or not plain; `Anonymous` unless the credentials stand for all of
    /// the user, and are still good.
    pub async fn create(
        &self,
        caller: &Caller,
        wish: &TokenWish,
    ) -> Result<NewToken, AccountError> {
        let name = wish.name.trim();
        if name.is_empty() || name.chars().count() > NAME_MAX_CHARS || !text::is_plain(name) {
            return Err(AccountError::TokenNameInvalid);
        }
        let personal = (TokenKind::Personal, wish.reach, wish.days);
        caller.person().ok_or(AccountError::Anonymous)?;
        self.insert(caller, name, personal).await
    }

    /// Makes a refresh token: what a client keeps in place of a password. It is good for registry
    /// tokens alone, until it is revoked or was not used for 90 days.
    ///
    /// Errors: `Anonymous` when the password was changed meanwhile.
    /// Source: distribution, "OAuth2 Token Authentication", `offline_token`.
    pub async fn create_refresh(
        &self,
        caller: &Caller,
        client: &str,
    ) -> Result<NewToken, AccountError> {
        let client = if text::is_plain(client) {
            client
        } else {
            "a client"
        };
        let name: String = format!("login of {client}")
            .chars()
            .take(NAME_MAX_CHARS)
            .collect();
        let refresh = (TokenKind::Refresh, TokenReach::All, None);
        self.insert(caller, name.trim(), refresh).await
    }

    async fn insert(
        &self,
        caller: &Caller,
        name: &str,
        (kind, reach, days): (TokenKind, TokenReach, Option<u32>),
    ) -> Result<NewToken, AccountError> {
        let credential = caller.credential().ok_or(AccountError::Anonymous)?;
        let prefix = match kind {
            TokenKind::Personal => PERSONAL_PREFIX,
            TokenKind::Refresh => REFRESH_PREFIX,
        };
        let secret = format!("{prefix}{}", hex::encode(random_bytes::<24>()));
        let (id, now_ms) = (Id::new(), self.clock.now_ms());
        let expires_ms = days.map(|days| now_ms + i64::from(days) * DAY_MS);
        let new = access_tokens::NewToken {
            id,
            user_id: credential.user_id,
            generation: credential.generation,
            name,
            kind,
            reach,
            secret_hash: &hash(&secret),
            created_ms: now_ms,
            expires_ms,
        };
        let mut tx = self.db.begin().await?;
        if !credential.hold(&mut tx).await? {
            return Err(AccountError::Anonymous);
        }
        access_tokens::insert(&mut tx, new).await?;
        tx.commit().await?;
        Ok(NewToken {
            id,
            name: name.to_owned(),
            secret: Secret::new(secret),
            created_ms: now_ms,
            expires_ms,
        })
    }

    /// Deletes refresh tokens that nobody used for 90 days, and tells how many.
    pub async fn delete_idle(&self) -> Result<u64, DbError> {
        let until_ms = self.clock.now_ms() - REFRESH_IDLE_MS;
        access_tokens::delete_idle(&self.db, TokenKind::Refresh, until_ms).await
    }

    /// Lists the tokens of a user, newest first; the secrets are not kept.
    pub async fn list(&self, user: &User) -> Result<Vec<TokenSummary>, DbError> {
        access_tokens::list(&self.db, user.id).await
    }

    /// Revokes a token; false when the user has no such token.
    pub async fn revoke(&self, user: &User, id: Id) -> Result<bool, DbError> {
        access_tokens::delete(&self.db, user.id, id).await
    }

    /// Tells whether a text looks like a personal token.
    pub fn is_personal(text: &str) -> bool {
        text.starts_with(PERSONAL_PREFIX)
    }

    /// Finds the caller behind a personal token.
    pub async fn redeem(&self, secret: &Secret<String>) -> Result<Option<Caller>, DbError> {
        self.find(secret, &[TokenKind::Personal]).await
    }

    /// Finds the caller behind a refresh token, or behind a personal token in its place.
    pub async fn redeem_refresh(&self, secret: &Secret<String>) -> Result<Option<Caller>, DbError> {
        self.find(secret, &[TokenKind::Refresh, TokenKind::Personal])
            .await
    }

    async fn find(
        &self,
        secret: &Secret<String>,
        kinds: &[TokenKind],
    ) -> Result<Option<Caller>, DbError> {
        let found = access_tokens::find_owner(&self.db, &hash(secret.reveal())).await?;
        let Some(owner) = found.filter(|owner| kinds.contains(&owner.kind)) else {
            return Ok(None);
        };
        let (now_ms, stale) = (
            self.clock.now_ms(),
            self.clock.now_ms() - LAST_USED_PRECISION_MS,
        );
        let seen_ms = owner.last_used_ms.unwrap_or(owner.created_ms);
        if owner.kind == TokenKind::Refresh && seen_ms <= now_ms - REFRESH_IDLE_MS {
            return Ok(None);
        }
        if owner.expires_ms.is_some_and(|end_ms| end_ms <= now_ms) {
            return Ok(None);
        }
        if owner.last_used_ms.is_none_or(|last| last < stale) {
            access_tokens::touch(&self.db, owner.token_id, now_ms, stale).await?;
        }
        Ok(Some(Caller::with_personal_token(
            owner.user,
            owner.token_id,
            owner.reach,
        )))
    }
}

async fn find_key(db: &Db) -> Result<Secret<Vec<u8>>, DbError> {
    let key = settings::find(db, TOKEN_KEY).await?;
    let missing = || DbError::Corrupt("no key for tokens".to_owned());
    Ok(Secret::new(key.ok_or_else(missing)?))
}

/// Is the form in which a random secret is kept: its SHA-256 in hex.
pub(super) fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

pub(super) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
