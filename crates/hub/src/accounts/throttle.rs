//! Bounds how often passwords are tried: per name and address first, per name alone far later, so that no
//! stranger locks somebody out who comes from where they were before.
//!
//! What is remembered is bounded, and gone with the process.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::AccountError;
use crate::clock::Clock;

/// Tries at once for a name from an address, and the time after which there is one more, in milliseconds.
const PAIR: Limit = Limit {
    burst: 20,
    interval_ms: 30_000,
};
/// The same for a name from all addresses together that were not let in before.
const NAME: Limit = Limit {
    burst: 200,
    interval_ms: 5_000,
};
/// Pairs and names that are remembered. Pushing one out takes as many tries of others, each as dear as a hash.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(16 * 1024).expect("it is not zero");

/// So many at once, then one in each interval.
struct Limit {
    burst: i64,
    interval_ms: i64,
}

impl Limit {
    /// Is how long to wait in milliseconds, when `full_ms` is the time at which all tries are there again.
    const fn wait_ms(&self, full_ms: i64, now_ms: i64) -> i64 {
        full_ms - now_ms - (self.burst - 1) * self.interval_ms
    }

    fn with_one_more(&self, full_ms: i64, now_ms: i64) -> i64 {
        full_ms.max(now_ms) + self.interval_ms
    }
}

/// Counts wrong passwords. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Throttle {
    clock: Clock,
    hasher: RandomState,
    tries: Arc<Mutex<Tries>>,
}

#[derive(Debug)]
struct Tries {
    pairs: LruCache<u64, Pair>,
    /// When all tries are there again, in Unix milliseconds.
    names: LruCache<u64, i64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    /// When all tries are there again, in Unix milliseconds.
    full_ms: i64,
    /// Whether the right password came from there.
    is_proved: bool,
}

/// One try, counted as a wrong one until it passes.
#[derive(Debug)]
pub(super) struct Try<'a> {
    throttle: &'a Throttle,
    pair: u64,
    name: u64,
    before: Pair,
}

impl Throttle {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            hasher: RandomState::new(),
            tries: Arc::new(Mutex::new(Tries {
                pairs: LruCache::new(REMEMBERED),
                names: LruCache::new(REMEMBERED),
            })),
        }
    }

    /// Counts a try before the password is looked at, so that many at the same time are many.
    ///
    /// Errors: `TooManyTries`, alike for names that exist and others.
    pub(super) fn begin(&self, name: &str, from: IpAddr) -> Result<Try<'_>, AccountError> {
        let now_ms = self.clock.now_ms();
        let pair_key = self.hasher.hash_one((name, network(from)));
        let name_key = self.hasher.hash_one(name);
        let mut tries = self.tries();
        let before = tries.pairs.get(&pair_key).copied().unwrap_or_default();
        let of_name = tries.names.get(&name_key).copied().unwrap_or_default();
        let wait_ms = if before.is_proved {
            PAIR.wait_ms(before.full_ms, now_ms)
        } else {
            let by_name = NAME.wait_ms(of_name, now_ms);
            PAIR.wait_ms(before.full_ms, now_ms).max(by_name)
        };
        if wait_ms > 0 {
            let wait_secs = u64::try_from(wait_ms).unwrap_or_default().div_ceil(1000);
            return Err(AccountError::TooManyTries { wait_secs });
        }
        let pair = Pair {
            full_ms: PAIR.with_one_more(before.full_ms, now_ms),
            ..before
        };
        tries.pairs.put(pair_key, pair);
        if !before.is_proved {
            tries
                .names
                .put(name_key, NAME.with_one_more(of_name, now_ms));
        }
        drop(tries);
        Ok(Try {
            throttle: self,
            pair: pair_key,
            name: name_key,
            before,
        })
    }

    fn tries(&self) -> MutexGuard<'_, Tries> {
        // Nothing in here panics half way.
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Try<'_> {
    /// Takes the count back: the password was right.
    pub(super) fn passed(self) {
        let mut tries = self.throttle.tries();
        let pair = Pair {
            full_ms: 0,
            is_proved: true,
        };
        tries.pairs.put(self.pair, pair);
        if !self.before.is_proved
            && let Some(full_ms) = tries.names.get_mut(&self.name)
        {
            *full_ms -= NAME.interval_ms;
        }
    }
}

/// Is what one household or machine room has: an IPv4 address, or 64 bits of an IPv6 one.
fn network(from: IpAddr) -> u128 {
    match from.to_canonical() {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn elsewhere(n: u8) -> IpAddr {
        IpAddr::from([198, 51, 100, n])
    }

    #[test]
    fn wrong_passwords_from_one_place_end_in_a_wait() {
        let clock = Clock::fixed(1_000_000);
        let throttle = Throttle::new(clock.clone());
        for _ in 0..PAIR.burst {
            assert!(throttle.begin("alice", HOME).is_ok());
        }
        let refused = throttle.begin("alice", HOME);
        let Err(AccountError::TooManyTries { wait_secs }) = refused else {
            panic!("not refused");
        };
        assert_eq!(wait_secs, 30);
        assert!(throttle.begin("alice", elsewhere(1)).is_ok());
        assert!(throttle.begin("bob", HOME).is_ok());
        clock.advance(30_000);
        assert!(throttle.begin("alice", HOME).is_ok());
        assert!(throttle.begin("alice", HOME).is_err());
    }

    #[test]
    fn right_passwords_are_never_too_many() {
        let throttle = Throttle::new(Clock::fixed(0));
        for _ in 0..1000 {
            throttle.begin("alice", HOME).unwrap().passed();
        }
    }

    #[test]
    fn nobody_is_locked_out_of_where_they_were_before() {
        let throttle = Throttle::new(Clock::fixed(0));
        throttle.begin("alice", HOME).unwrap().passed();
        for n in 0..u8::MAX {
            let _ = throttle.begin("alice", elsewhere(n));
        }
        assert!(
            throttle
                .begin("alice", "203.0.113.1".parse().unwrap())
                .is_err()
        );
        assert!(throttle.begin("alice", HOME).is_ok());
    }

    #[test]
    fn a_network_is_one_place() {
        let at = |text: &str| network(text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
    }
}
