//! Bounds on how much of one kind of work there is at a time: in all, and of each party.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Longest wait for a turn.
pub const WAIT: Duration = Duration::from_secs(10);

/// There is more work of a kind than is taken: it can be asked for again in a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much of this is asked for at the moment: try again in a few seconds")]
pub struct Busy;

/// A number of places, and how many of them one party may hold. Cheap to clone.
#[derive(Debug)]
pub struct Places<K>(Arc<Bounded<K>>);

#[derive(Debug)]
struct Bounded<K> {
    total: usize,
    each: usize,
    held: Mutex<Held<K>>,
}

#[derive(Debug)]
struct Held<K> {
    total: usize,
    by_party: HashMap<K, usize>,
}

impl<K> Clone for Places<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Hash + Eq + Clone> Places<K> {
    pub fn new(total: usize, each: usize) -> Self {
        let held = Held {
            total: 0,
            by_party: HashMap::new(),
        };
        Self(Arc::new(Bounded {
            total,
            each,
            held: Mutex::new(held),
        }))
    }

    /// Takes a place until what is returned is dropped. Errors: [`Busy`], at once.
    pub fn take(&self, party: K) -> Result<Place<K>, Busy> {
        self.take_several(party, 1)
    }

    /// Takes several places, or bytes where places are bytes. Errors: [`Busy`], at once.
    pub fn take_several(&self, party: K, count: usize) -> Result<Place<K>, Busy> {
        self.add(Some(&party), count)?;
        Ok(Place {
            of: self.clone(),
            party: Some(party),
            count,
        })
    }

    /// Takes a place that counts in all alone. Errors: [`Busy`], at once.
    pub fn take_of_all(&self) -> Result<Place<K>, Busy> {
        self.add(None, 1)?;
        Ok(Place {
            of: self.clone(),
            party: None,
            count: 1,
        })
    }

    /// Counts the places that are taken.
    pub fn taken(&self) -> usize {
        lock(&self.0.held).total
    }

    fn add(&self, party: Option<&K>, count: usize) -> Result<(), Busy> {
        let mut held = lock(&self.0.held);
        let total = held.total.saturating_add(count);
        if total > self.0.total {
            return Err(Busy);
        }
        if let Some(party) = party {
            let of_party = held.by_party.get(party).copied().unwrap_or_default();
            let of_party = of_party.saturating_add(count);
            if of_party > self.0.each {
                return Err(Busy);
            }
            held.by_party.insert(party.clone(), of_party);
        }
        held.total = total;
        Ok(())
    }
}

/// Places that are taken.
#[derive(Debug)]
pub struct Place<K: Hash + Eq + Clone> {
    of: Places<K>,
    /// `None` for what counts in all alone.
    party: Option<K>,
    count: usize,
}

impl<K: Hash + Eq + Clone> Place<K> {
    /// Takes more until there are `count`. Errors: [`Busy`], at once.
    pub fn grow(&mut self, count: usize) -> Result<(), Busy> {
        let more = count.saturating_sub(self.count);
        if more == 0 {
            return Ok(());
        }
        self.of.add(self.party.as_ref(), more)?;
        self.count += more;
        Ok(())
    }
}

impl<K: Hash + Eq + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        let mut held = lock(&self.of.0.held);
        held.total -= self.count;
        let Some(party) = self.party.take() else {
            return;
        };
        if let Entry::Occupied(mut of_party) = held.by_party.entry(party) {
            *of_party.get_mut() -= self.count;
            if *of_party.get() == 0 {
                of_party.remove();
            }
        }
    }
}

/// Places that count for a user, for the network that the user comes from, and in all. Cheap to clone.
#[derive(Debug)]
pub struct SharedPlaces<K> {
    by_user: Places<K>,
    by_network: Places<u128>,
}

impl<K> Clone for SharedPlaces<K> {
    fn clone(&self) -> Self {
        Self {
            by_user: self.by_user.clone(),
            by_network: self.by_network.clone(),
        }
    }
}

impl<K: Hash + Eq + Clone> SharedPlaces<K> {
    pub fn new(total: usize, of_network: usize, of_user: usize) -> Self {
        Self {
            by_user: Places::new(total, of_user),
            by_network: Places::new(total, of_network),
        }
    }

    /// Takes a place until what is returned is dropped. Errors: [`Busy`], at once.
    pub fn take(&self, user: K, from: IpAddr) -> Result<SharedPlace<K>, Busy> {
        let by_user = self.by_user.take(user)?;
        Ok((by_user, self.by_network.take(network(from))?))
    }
}

/// A place of a user and of a network.
pub type SharedPlace<K> = (Place<K>, Place<u128>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds the lock.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Blocking work of which some runs at a time and some waits. Cheap to clone.
///
/// Work that has begun keeps its turn to its end, also when nobody waits for it any more.
#[derive(Debug, Clone)]
pub struct Turns {
    running: Arc<Semaphore>,
    places: Arc<Semaphore>,
    /// Longest wait.
    longest: Duration,
}

impl Turns {
    pub fn new(running: usize, waiting: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(running)),
            places: Arc::new(Semaphore::new(running + waiting)),
            longest: WAIT,
        }
    }

    /// Runs work that blocks, off the async threads. Errors: [`Busy`] when too many wait, or it waited for too long.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let turn = self.take().await?;
        let work = move || {
            let done = work();
            drop(turn);
            done
        };
        Ok(resumed(tokio::task::spawn_blocking(work).await))
    }

    /// Waits for a turn. Errors: as [`Self::run`].
    pub async fn take(&self) -> Result<Turn, Busy> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Busy)?;
        let running = Arc::clone(&self.running).acquire_owned();
        let running = timeout(self.longest, running).await.map_err(|_| Busy)?;
        Ok(Turn {
            _running: running.map_err(|_| Busy)?,
            _place: place,
        })
    }
}

/// The right to work now; it ends when it is dropped.
#[derive(Debug)]
pub struct Turn {
    _running: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

/// Goes on with a panic of the work.
fn resumed<T>(done: Result<T, tokio::task::JoinError>) -> T {
    match done {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Returns what one household or machine room has: an IPv4 address, or 64 bits of an IPv6 one.
pub fn network(from: IpAddr) -> u128 {
    match from.to_canonical() {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_in_all_and_for_each() {
        let places = Places::new(3, 2);
        let a = [places.take("a").unwrap(), places.take("a").unwrap()];
        assert_eq!(places.take("a").unwrap_err(), Busy);
        let b = places.take("b").unwrap();
        assert_eq!(places.take("c").unwrap_err(), Busy);
        drop((a, b));
        assert_eq!(places.taken(), 0);
        assert!(lock(&places.0.held).by_party.is_empty());
        assert!(places.take("a").is_ok());
    }

    #[tokio::test]
    async fn beyond_those_that_run_and_wait_work_is_refused() {
        let turns = Turns::new(1, 1);
        let first = turns.take().await.unwrap();
        let second = tokio::spawn({
            let turns = turns.clone();
            async move { turns.run(|| 2).await }
        });
        while turns.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(turns.run(|| 3).await, Err(Busy));
        drop(first);
        assert_eq!(second.await.unwrap(), Ok(2));
        assert_eq!(turns.run(|| 4).await, Ok(4));
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let turns = Turns {
            longest: Duration::from_millis(10),
            ..Turns::new(1, 1)
        };
        let _first = turns.take().await.unwrap();
        assert_eq!(turns.run(|| 2).await, Err(Busy));
    }

    #[test]
    fn several_places_are_taken_and_added_to() {
        let places = Places::new(100, 60);
        let mut first = places.take_several("a", 40).unwrap();
        assert_eq!(places.take_several("a", 21).unwrap_err(), Busy);
        first.grow(30).unwrap();
        assert_eq!(places.taken(), 40, "it never shrinks");
        first.grow(60).unwrap();
        assert_eq!(first.grow(61), Err(Busy));
        assert_eq!(places.take_several("b", 41).unwrap_err(), Busy);
        assert_eq!(places.take_several("b", usize::MAX).unwrap_err(), Busy);
        drop(first);
        assert_eq!(places.taken(), 0);
    }

    #[test]
    fn a_network_has_fewer_places_than_all_its_users() {
        let places = SharedPlaces::new(9, 3, 2);
        let (near, far) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let held = [
            places.take("a", near).unwrap(),
            places.take("a", near).unwrap(),
            places.take("b", near).unwrap(),
        ];
        assert_eq!(places.take("a", far).unwrap_err(), Busy, "of the user");
        assert_eq!(places.take("b", near).unwrap_err(), Busy, "of the network");
        assert!(places.take("b", far).is_ok());
        drop(held);
        assert_eq!(places.by_user.taken(), 0);
        assert_eq!(places.by_network.taken(), 0);
    }

    #[test]
    fn a_network_is_one_place() {
        let at = |text: &str| network(text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
    }
}
