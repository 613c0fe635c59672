//! Hashing and checking passwords with argon2id, a few at a time.

use std::net::IpAddr;

use super::AccountError;
use crate::Secret;
use crate::admission::{Place, Places, Turns, network};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

/// Fewest characters of a password, as NIST SP 800-63B asks for.
pub const PASSWORD_MIN_CHARS: usize = 8;
/// Most bytes of a password: bounds the work of hashing it.
const PASSWORD_MAX_BYTES: usize = 1024;
/// Passwords hashed at once: each costs the memory above and tens of milliseconds of one core.
const AT_ONCE: usize = 2;
/// Of these, so many are of people who were not let in from where they are before: a flood of guesses leaves the rest.
const OF_STRANGERS: usize = 1;
/// Checks that wait: of strangers and of those who were let in before, each; and of one network among them. At thirty
/// milliseconds each they wait some seconds.
const WAITING: usize = 256;
const OF_ONE_NETWORK: usize = 128;
/// Salt and key of the hash that is checked when the user does not exist, so that the time taken tells nothing.
const NOBODY: &str = "OLlvmAsRD3DlqSilePFL6A$S8Y+zHc8UEOTIo1/eCVxL8i4PKdQONSk1+2aLLm8bso";

/// What the hash of a password costs.
#[derive(Debug, Clone, Copy)]
pub struct PasswordCost {
    pub memory_kib: u32,
    pub passes: u32,
}

impl Default for PasswordCost {
    /// 9 MiB and four passes, as hard to guess as the more usual 19 MiB and two, and half of what every `docker login`
    /// and pull takes. Source: OWASP, "Password Storage Cheat Sheet", argon2id.
    fn default() -> Self {
        Self {
            memory_kib: 9 * 1024,
            passes: 4,
        }
    }
}

impl PasswordCost {
    fn hashing(self) -> Argon2<'static> {
        let params = Params::new(self.memory_kib, self.passes, 1, None);
        let params = params.expect("the costs are within bounds");
        Argon2::new(Algorithm::Argon2id, Version::default(), params)
    }

    /// A hash that no password belongs to, as costly to check as any other.
    fn nobody(self) -> String {
        let Self { memory_kib, passes } = self;
        format!("$argon2id$v=19$m={memory_kib},t={passes},p=1${NOBODY}")
    }
}

/// Hashes and checks passwords off the async threads.
#[derive(Debug, Clone)]
pub(super) struct Passwords {
    cost: PasswordCost,
    all: Turns,
    strangers: Turns,
    /// Places by network: those of strangers are none of those who are known.
    places_of_strangers: Places<u128>,
    places_of_known: Places<u128>,
}

/// The right to wait for the check of a password.
#[derive(Debug)]
pub(super) struct Waiting {
    is_known: bool,
    _place: Place<u128>,
}

impl Passwords {
    pub(super) fn new(cost: PasswordCost) -> Self {
        Self {
            cost,
            all: Turns::new(AT_ONCE, 2 * WAITING),
            strangers: Turns::new(OF_STRANGERS, WAITING),
            places_of_strangers: Places::new(WAITING, OF_ONE_NETWORK),
            places_of_known: Places::new(WAITING, OF_ONE_NETWORK),
        }
    }

    /// Lets somebody wait who comes from an address, from where they were let in before or not.
    ///
    /// Errors: `Busy`.
    pub(super) fn wait(&self, from: IpAddr, is_known: bool) -> Result<Waiting, AccountError> {
        let places = if is_known {
            &self.places_of_known
        } else {
            &self.places_of_strangers
        };
        Ok(Waiting {
            is_known,
            _place: places.take(network(from))?,
        })
    }

    /// Hashes a new password, of somebody who was let in or of a stranger.
    ///
    /// Errors: `PasswordWeak` with what to do about it; `Busy`.
    pub(super) async fn hash(
        &self,
        password: &Secret<String>,
        is_known: bool,
    ) -> Result<String, AccountError> {
        if password.reveal().chars().count() < PASSWORD_MIN_CHARS {
            let text = format!("choose a password of at least {PASSWORD_MIN_CHARS} characters");
            return Err(AccountError::PasswordWeak(text));
        }
        if password.reveal().len() > PASSWORD_MAX_BYTES {
            let text = format!("choose a password of at most {PASSWORD_MAX_BYTES} bytes");
            return Err(AccountError::PasswordWeak(text));
        }
        let (password, cost) = (password.clone(), self.cost);
        let work = move || {
            let hash = cost.hashing().hash_password(password.reveal().as_bytes());
            hash.expect("argon2 hashes every password of a bounded length")
                .to_string()
        };
        self.work(is_known, work).await
    }

    /// Tells whether a password belongs to a hash; without a hash it takes as long and is wrong.
    pub(super) async fn check(
        &self,
        password: &Secret<String>,
        hash: Option<String>,
        waiting: Waiting,
    ) -> Result<bool, AccountError> {
        if password.reveal().len() > PASSWORD_MAX_BYTES {
            return Ok(false);
        }
        let (password, cost) = (password.clone(), self.cost);
        let is_known = waiting.is_known;
        let work = move || {
            let _until_the_end = waiting;
            let exists = hash.is_some();
            let hash = hash.unwrap_or_else(|| cost.nobody());
            let matches = PasswordHash::new(&hash).is_ok_and(|hash| {
                cost.hashing()
                    .verify_password(password.reveal().as_bytes(), &hash)
                    .is_ok()
            });
            exists && matches
        };
        self.work(is_known, work).await
    }

    /// Runs work when there is a turn for it.
    async fn work<T: Send + 'static>(
        &self,
        is_known: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AccountError> {
        let turn = if is_known {
            None
        } else {
            Some(self.strangers.take().await?)
        };
        let work = move || {
            let done = work();
            drop(turn);
            done
        };
        Ok(self.all.run(work).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// A flood of guesses from one network leaves places for others; one from many leaves those of people who are known.
    #[test]
    fn those_who_wait_are_bounded_by_network() {
        let passwords = Passwords::new(PasswordCost::default());
        let flood: Vec<_> = (0..1000)
            .map_while(|_| passwords.wait(HERE, false).ok())
            .collect();
        assert_eq!(flood.len(), OF_ONE_NETWORK);
        assert!(passwords.wait([198, 51, 100, 1].into(), false).is_ok());
        let everywhere: Vec<_> = (0..=u8::MAX)
            .flat_map(|n| (0..8).map(move |_| IpAddr::from([198, 51, 100, n])))
            .map_while(|from| passwords.wait(from, false).ok())
            .collect();
        assert_eq!(flood.len() + everywhere.len(), WAITING);
        assert!(passwords.wait(HERE, true).is_ok());
    }

    #[tokio::test]
    async fn checks_what_it_hashed() {
        let passwords = Passwords::new(PasswordCost::default());
        let right = Secret::new("correct horse".to_owned());
        let hash = passwords.hash(&right, false).await.unwrap();
        let check = async |password: &Secret<String>, hash: Option<String>| {
            let waiting = passwords.wait(HERE, false).unwrap();
            passwords.check(password, hash, waiting).await.unwrap()
        };
        assert!(check(&right, Some(hash.clone())).await);
        let wrong = Secret::new("wrong horse".to_owned());
        assert!(!check(&wrong, Some(hash)).await);
        assert!(!check(&right, None).await);
    }

    #[test]
    fn nobody_has_a_hash_that_costs_as_much() {
        let cost = PasswordCost::default();
        let nobody = cost.nobody();
        let hash = PasswordHash::new(&nobody).unwrap();
        let own = cost.hashing().hash_password(b"x").unwrap();
        assert_eq!(hash.params, own.params);
    }

    #[tokio::test]
    async fn refuses_short_and_endless_passwords() {
        let passwords = Passwords::new(PasswordCost::default());
        for text in ["1234567".to_owned(), "x".repeat(1025)] {
            let result = passwords.hash(&Secret::new(text), false).await;
            assert!(matches!(result, Err(AccountError::PasswordWeak(_))));
        }
    }
}
