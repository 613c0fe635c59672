//! Hashing and checking passwords with argon2id, a few at a time.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::AccountError;
use crate::Secret;

/// Fewest characters of a password, as NIST SP 800-63B asks for.
pub const PASSWORD_MIN_CHARS: usize = 8;
/// Most bytes of a password: bounds the work of hashing it.
const PASSWORD_MAX_BYTES: usize = 1024;
/// What a hash costs: 9 MiB and four passes, as hard to guess as the more usual 19 MiB and two, and half of what every
/// `docker login` and pull takes. Source: OWASP, "Password Storage Cheat Sheet", argon2id.
const MEMORY_KIB: u32 = 9 * 1024;
const PASSES: u32 = 4;
/// Passwords hashed at once: each costs the memory above and tens of milliseconds of one core.
const AT_ONCE: usize = 2;
/// Hash that is checked when the user does not exist, so that the time taken tells nothing.
const NOBODY: &str = "$argon2id$v=19$m=9216,t=4,p=1$OLlvmAsRD3DlqSilePFL6A$S8Y+zHc8UEOTIo1/eCVxL8i4PKdQONSk1+2aLLm8bso";

/// Hashes and checks passwords off the async threads.
#[derive(Debug, Clone)]
pub(super) struct Passwords {
    places: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Hashes a new password.
    ///
    /// Errors: `PasswordWeak` with what to do about it.
    pub(super) async fn hash(&self, password: &Secret<String>) -> Result<String, AccountError> {
        if password.reveal().chars().count() < PASSWORD_MIN_CHARS {
            let text = format!("choose a password of at least {PASSWORD_MIN_CHARS} characters");
            return Err(AccountError::PasswordWeak(text));
        }
        if password.reveal().len() > PASSWORD_MAX_BYTES {
            let text = format!("choose a password of at most {PASSWORD_MAX_BYTES} bytes");
            return Err(AccountError::PasswordWeak(text));
        }
        let password = password.clone();
        self.work(move || {
            let hash = hashing().hash_password(password.reveal().as_bytes());
            hash.expect("argon2 hashes every password of a bounded length")
                .to_string()
        })
        .await
    }

    /// Tells whether a password belongs to a hash; without a hash it takes as long and is wrong.
    pub(super) async fn check(
        &self,
        password: &Secret<String>,
        hash: Option<String>,
    ) -> Result<bool, AccountError> {
        if password.reveal().len() > PASSWORD_MAX_BYTES {
            return Ok(false);
        }
        let password = password.clone();
        self.work(move || {
            let exists = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
            let matches = PasswordHash::new(&hash).is_ok_and(|hash| {
                hashing()
                    .verify_password(password.reveal().as_bytes(), &hash)
                    .is_ok()
            });
            exists && matches
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AccountError> {
        let _place = self
            .places
            .acquire()
            .await
            .expect("the semaphore is never closed");
        Ok(spawn_blocking(work).await.expect("hashing does not panic"))
    }
}

fn hashing() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).expect("the costs are within bounds");
    Argon2::new(Algorithm::Argon2id, Version::default(), params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn checks_what_it_hashed() {
        let passwords = Passwords::new();
        let right = Secret::new("correct horse".to_owned());
        let hash = passwords.hash(&right).await.unwrap();
        assert!(passwords.check(&right, Some(hash.clone())).await.unwrap());
        let wrong = Secret::new("wrong horse".to_owned());
        assert!(!passwords.check(&wrong, Some(hash)).await.unwrap());
        assert!(!passwords.check(&right, None).await.unwrap());
    }

    #[test]
    fn nobody_has_a_hash_that_costs_as_much() {
        let hash = PasswordHash::new(NOBODY).unwrap();
        let own = hashing().hash_password(b"x").unwrap();
        assert_eq!(hash.params, own.params);
    }

    #[tokio::test]
    async fn refuses_short_and_endless_passwords() {
        let passwords = Passwords::new();
        for text in ["1234567".to_owned(), "x".repeat(1025)] {
            let result = passwords.hash(&Secret::new(text)).await;
            assert!(matches!(result, Err(AccountError::PasswordWeak(_))));
        }
    }
}
