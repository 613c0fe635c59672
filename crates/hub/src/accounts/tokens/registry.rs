//! The short-lived tokens of the registry protocol.
//!
//! A registry token is a JWT with one fixed algorithm (HS256) and one fixed header: the header is
//! compared as a whole and never read, so that no field of it can choose a key or an algorithm.

use std::sync::PoisonError;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dockyard_oci::{Scope, parse_scopes};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::Tokens;
use crate::Secret;
use crate::accounts::{Caller, User};

/// Lifetime of a registry token in seconds: long enough for a large layer on a slow line to start,
/// short enough that a lost one is soon useless.
pub const TOKEN_LIFETIME_SECS: u32 = 900;
/// `{"alg":"HS256","typ":"JWT"}` in base64.
const JWT_HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
/// Longest registry token in bytes that is looked at.
const JWT_MAX_BYTES: usize = 16 * 1024;

#[derive(Serialize, Deserialize)]
struct Claims {
    /// The user's id; absent for anonymous pulls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// The user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The user's generation.
    #[serde(default)]
    generation: i64,
    /// The personal or refresh token that this one was traded for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// Expiry in Unix seconds.
    exp: i64,
    /// The granted scopes, separated by spaces.
    scope: String,
}

impl Tokens {
    /// Signs a registry token for what a caller was granted. It ends with the caller's credentials.
    ///
    /// Source: distribution, "Token Authentication Implementation".
    #[expect(
        clippy::missing_panics_doc,
        reason = "plain strings and numbers always serialise"
    )]
    pub fn sign(&self, caller: &Caller, granted: &[Scope]) -> Secret<String> {
        let scope: Vec<String> = granted.iter().map(ToString::to_string).collect();
        let user = caller.user();
        let claims = Claims {
            sub: user.map(|user| user.id.to_string()),
            name: user.map(|user| user.name.to_string()),
            generation: user.map_or(0, |user| user.generation),
            token: caller.token_id().map(|id| id.to_string()),
            exp: self.clock.now_ms() / 1000 + i64::from(TOKEN_LIFETIME_SECS),
            scope: scope.join(" "),
        };
        let claims = serde_json::to_vec(&claims).expect("claims are plain strings and numbers");
        let signed = format!("{JWT_HEADER}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.mac(&signed).finalize().into_bytes());
        Secret::new(format!("{signed}.{signature}"))
    }

    /// Finds the caller behind a registry token; `None` for one that is forged or expired.
    ///
    /// Costs no query: what became of the user and the credentials is asked where it is decided what they may do.
    pub fn verify(&self, token: &str) -> Option<Caller> {
        let claims = self.claims(token)?;
        let scopes = parse_scopes(&claims.scope);
        let user = match (claims.sub, claims.name) {
            (Some(id), Some(name)) => Some(User {
                id: id.parse().ok()?,
                name: name.parse().ok()?,
                is_admin: false,
                generation: claims.generation,
            }),
            (None, None) => None,
            _ => return None,
        };
        let token_id = match claims.token {
            Some(id) => Some(id.parse().ok()?),
            None => None,
        };
        Some(Caller::with_registry_token(user, token_id, scopes))
    }

    fn claims(&self, token: &str) -> Option<Claims> {
        if token.len() > JWT_MAX_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let payload = signed.strip_prefix(JWT_HEADER)?.strip_prefix('.')?;
        self.mac(signed)
            .verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?)
            .ok()?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        (claims.exp > self.clock.now_ms() / 1000).then_some(claims)
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        let mut mac =
            Hmac::<Sha256>::new_from_slice(key.reveal()).expect("HMAC takes a key of any length");
        mac.update(signed.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{Accounts, PasswordCost, SignUpLimits};
    use crate::clock::Clock;
    use crate::db::{DatabaseUrl, Db};

    async fn tokens(clock: &Clock) -> (Tokens, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&DatabaseUrl::Sqlite(folder.path().join("t.db")))
            .await
            .unwrap();
        let (limits, cost) = (SignUpLimits::default(), PasswordCost::default());
        let accounts = Accounts::open(db, clock.clone(), limits, cost).await;
        (accounts.unwrap().tokens, folder)
    }

    #[tokio::test]
    async fn a_registry_token_carries_what_was_granted_until_it_expires() {
        let clock = Clock::fixed(1_000_000);
        let (tokens, _folder) = tokens(&clock).await;
        let scope = Scope::parse("repository:alice/app:pull").unwrap();
        let name = "alice/app".parse().unwrap();
        let token = tokens.sign(&Caller::anonymous(), std::slice::from_ref(&scope));
        let caller = tokens.verify(token.reveal()).unwrap();
        assert!(caller.carries(&name, dockyard_oci::Action::Pull));
        assert!(!caller.carries(&name, dockyard_oci::Action::Push));
        clock.advance(i64::from(TOKEN_LIFETIME_SECS) * 1000);
        assert!(tokens.verify(token.reveal()).is_none());
    }

    #[tokio::test]
    async fn refuses_forged_tokens() {
        let clock = Clock::fixed(1_000_000);
        let (tokens, _folder) = tokens(&clock).await;
        let token = tokens.sign(&Caller::anonymous(), &[]);
        let (signed, signature) = token.reveal().rsplit_once('.').unwrap();
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let payload = signed.split_once('.').unwrap().1;
        for forged in [
            format!("{none}.{payload}."),
            format!("{none}.{payload}.{signature}"),
            format!("{signed}."),
            format!("{signed}x.{signature}"),
            signed.to_owned(),
            "..".to_owned(),
            String::new(),
        ] {
            assert!(tokens.verify(&forged).is_none(), "{forged}");
        }
    }
}
