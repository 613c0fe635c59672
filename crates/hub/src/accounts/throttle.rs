//! Bounds how often passwords are tried: per name and address first, per name alone far later, so that no
//! stranger locks somebody out who comes from where they were before.
//!
//! Only wrong passwords count. While as many tries are under way as may still fail, further ones wait for what becomes of
//! them: many right passwords at the same moment all pass, and many guesses are as few as one after the other.
//!
//! The counts are bounded and end with the process; several nodes on one database count together
//! (`shared_tries`).

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use tokio::sync::Notify;

use super::AccountError;
use crate::admission::{Busy, WAIT, network};
use crate::clock::Clock;

/// Tries at once for a name from an address, and the time after which there is one more, in milliseconds.
pub(super) const PAIR: Limit = Limit {
    burst: 20,
    interval_ms: 30_000,
};
/// The same for a name from all addresses together that were not let in before.
pub(super) const NAME: Limit = Limit {
    burst: 200,
    interval_ms: 5_000,
};
/// Pairs and names that are remembered. Pushing one out takes as many tries of others, each as dear as a hash.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(16 * 1024).expect("it is not zero");

/// So many at once, then one in each interval.
pub(super) struct Limit {
    burst: i64,
    pub interval_ms: i64,
}

impl Limit {
    /// Returns how long to wait in milliseconds until one more try may fail.
    const fn wait_ms(&self, count: Count, now_ms: i64) -> i64 {
        count.full_ms - now_ms - (self.burst - 1) * self.interval_ms
    }

    /// Tells whether all tries that may still fail are under way.
    const fn is_used_up(&self, count: Count, now_ms: i64) -> bool {
        let full_ms = if count.full_ms > now_ms {
            count.full_ms
        } else {
            now_ms
        };
        full_ms + count.under_way * self.interval_ms - now_ms > (self.burst - 1) * self.interval_ms
    }
}

/// The tries of one pair or name.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    /// When all tries are there again, in Unix milliseconds.
    full_ms: i64,
    /// Tries whose outcome is open.
    under_way: i64,
    /// Set once the right password came from there.
    is_proved: bool,
}

/// Counts wrong passwords. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Throttle {
    clock: Clock,
    hasher: RandomState,
    tries: Arc<Mutex<Tries>>,
    /// Says that a try has ended.
    ended: Arc<Notify>,
}

#[derive(Debug)]
struct Tries {
    pairs: LruCache<u64, Count>,
    names: LruCache<u64, Count>,
}

/// One try, under way until it is dropped.
#[derive(Debug)]
pub(super) struct Try<'a> {
    throttle: &'a Throttle,
    pair: u64,
    /// `None` from where the right password came before.
    name: Option<u64>,
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
            ended: Arc::default(),
        }
    }

    /// Tells whether the right password came from there before.
    pub(super) fn knows(&self, name: &str, from: IpAddr) -> bool {
        let pair = self.hasher.hash_one((name, network(from)));
        let tries = self.tries();
        tries.pairs.peek(&pair).is_some_and(|count| count.is_proved)
    }

    /// Takes over what other nodes counted: when all tries are there again, of the pair and of the name.
    pub(super) fn learn(&self, name: &str, from: IpAddr, pair_ms: i64, name_ms: i64) {
        let pair_key = self.hasher.hash_one((name, network(from)));
        let name_key = self.hasher.hash_one(name);
        let mut tries = self.tries();
        let Tries { pairs, names } = &mut *tries;
        for (counts, key, full_ms) in [(pairs, pair_key, pair_ms), (names, name_key, name_ms)] {
            if full_ms > 0 {
                let count = counts.get_or_insert_mut(key, Count::default);
                count.full_ms = count.full_ms.max(full_ms);
            }
        }
    }

    /// Begins a try; waits while as many are under way as may fail.
    ///
    /// Errors: `TooManyTries`, alike for names that exist and others; `Busy` after a long wait.
    pub(super) async fn begin(&self, name: &str, from: IpAddr) -> Result<Try<'_>, AccountError> {
        let begun = tokio::time::timeout(WAIT, self.begin_in_turn(name, from));
        begun.await.unwrap_or(Err(AccountError::Busy(Busy)))
    }

    async fn begin_in_turn(&self, name: &str, from: IpAddr) -> Result<Try<'_>, AccountError> {
        loop {
            let mut ended = std::pin::pin!(self.ended.notified());
            ended.as_mut().enable();
            if let Some(begun) = self.begin_now(name, from)? {
                return Ok(begun);
            }
            ended.await;
        }
    }

    /// Begins a try; `None` while as many are under way as may fail.
    fn begin_now(&self, name: &str, from: IpAddr) -> Result<Option<Try<'_>>, AccountError> {
        let now_ms = self.clock.now_ms();
        let pair_key = self.hasher.hash_one((name, network(from)));
        let name_key = self.hasher.hash_one(name);
        let mut tries = self.tries();
        let pair = tries.pairs.get(&pair_key).copied().unwrap_or_default();
        let of_name = tries.names.get(&name_key).copied().unwrap_or_default();
        let mut wait_ms = PAIR.wait_ms(pair, now_ms);
        let mut is_used_up = PAIR.is_used_up(pair, now_ms);
        if !pair.is_proved {
            wait_ms = wait_ms.max(NAME.wait_ms(of_name, now_ms));
            is_used_up |= NAME.is_used_up(of_name, now_ms);
        }
        if wait_ms > 0 {
            let wait_secs = u64::try_from(wait_ms).unwrap_or_default().div_ceil(1000);
            return Err(AccountError::TooManyTries { wait_secs });
        }
        if is_used_up {
            return Ok(None);
        }
        let more = |count: Count| Count {
            under_way: count.under_way + 1,
            ..count
        };
        tries.pairs.put(pair_key, more(pair));
        if !pair.is_proved {
            tries.names.put(name_key, more(of_name));
        }
        drop(tries);
        Ok(Some(Try {
            throttle: self,
            pair: pair_key,
            name: (!pair.is_proved).then_some(name_key),
        }))
    }

    fn tries(&self) -> MutexGuard<'_, Tries> {
        // Nothing in here panics half way.
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Try<'_> {
    /// Remembers that the password was right.
    pub(super) fn passed(self) {
        let mut tries = self.throttle.tries();
        if let Some(pair) = tries.pairs.get_mut(&self.pair) {
            pair.full_ms = 0;
            pair.is_proved = true;
        }
    }

    /// Counts a wrong password.
    pub(super) fn failed(self) {
        let now_ms = self.throttle.clock.now_ms();
        let mut tries = self.throttle.tries();
        let more = |count: &mut Count, limit: &Limit| {
            count.full_ms = count.full_ms.max(now_ms) + limit.interval_ms;
        };
        if let Some(pair) = tries.pairs.get_mut(&self.pair) {
            more(pair, &PAIR);
        }
        if let Some(name) = self.name.and_then(|name| tries.names.get_mut(&name)) {
            more(name, &NAME);
        }
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        let mut tries = self.throttle.tries();
        let less = |count: &mut Count| count.under_way = (count.under_way - 1).max(0);
        if let Some(pair) = tries.pairs.get_mut(&self.pair) {
            less(pair);
        }
        if let Some(name) = self.name.and_then(|name| tries.names.get_mut(&name)) {
            less(name);
        }
        drop(tries);
        self.throttle.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn elsewhere(n: u8) -> IpAddr {
        IpAddr::from([198, 51, 100, n])
    }

    /// Tries a wrong password; says how long to wait where that is too many.
    async fn guess(throttle: &Throttle, name: &str, from: IpAddr) -> Result<(), u64> {
        match throttle.begin(name, from).await {
            Ok(begun) => {
                begun.failed();
                Ok(())
            }
            Err(AccountError::TooManyTries { wait_secs }) => Err(wait_secs),
            Err(error) => panic!("{error}"),
        }
    }

    #[tokio::test]
    async fn wrong_passwords_from_one_place_end_in_a_wait() {
        let clock = Clock::fixed(1_000_000);
        let throttle = Throttle::new(clock.clone());
        for _ in 0..PAIR.burst {
            assert!(guess(&throttle, "alice", HOME).await.is_ok());
        }
        assert_eq!(guess(&throttle, "alice", HOME).await, Err(30));
        assert!(guess(&throttle, "alice", elsewhere(1)).await.is_ok());
        assert!(guess(&throttle, "bob", HOME).await.is_ok());
        clock.advance(30_000);
        assert!(guess(&throttle, "alice", HOME).await.is_ok());
        assert!(guess(&throttle, "alice", HOME).await.is_err());
    }

    #[tokio::test]
    async fn right_passwords_are_never_too_many() {
        let throttle = Throttle::new(Clock::fixed(0));
        for _ in 0..1000 {
            throttle.begin("alice", HOME).await.unwrap().passed();
        }
    }

    #[tokio::test]
    async fn right_passwords_at_the_same_moment_all_pass() {
        let throttle = Throttle::new(Clock::fixed(0));
        let log_in = async || {
            let begun = throttle.begin("alice", HOME).await?;
            tokio::task::yield_now().await;
            begun.passed();
            Ok::<(), AccountError>(())
        };
        let all = futures::future::join_all((0..100).map(|_| log_in()));
        assert!(all.await.into_iter().all(|one| one.is_ok()));
    }

    #[tokio::test]
    async fn guesses_at_the_same_moment_are_as_few_as_others() {
        let throttle = Throttle::new(Clock::fixed(0));
        let guess = async || {
            let Ok(begun) = throttle.begin("alice", HOME).await else {
                return 0;
            };
            tokio::task::yield_now().await;
            begun.failed();
            1
        };
        let all = futures::future::join_all((0..100).map(|_| guess()));
        assert_eq!(all.await.into_iter().sum::<i64>(), PAIR.burst);
    }

    #[tokio::test]
    async fn who_hangs_up_counts_for_nothing() {
        let throttle = Throttle::new(Clock::fixed(0));
        for _ in 0..1000 {
            drop(throttle.begin("alice", HOME).await.unwrap());
        }
        assert!(throttle.begin("alice", HOME).await.is_ok());
    }

    #[tokio::test]
    async fn nobody_is_locked_out_of_where_they_were_before() {
        let throttle = Throttle::new(Clock::fixed(0));
        throttle.begin("alice", HOME).await.unwrap().passed();
        assert!(throttle.knows("alice", HOME));
        for n in 0..u8::MAX {
            let _ = guess(&throttle, "alice", elsewhere(n)).await;
        }
        let stranger = "203.0.113.1".parse().unwrap();
        assert!(guess(&throttle, "alice", stranger).await.is_err());
        assert!(!throttle.knows("alice", stranger));
        assert!(guess(&throttle, "alice", HOME).await.is_ok());
    }
}
