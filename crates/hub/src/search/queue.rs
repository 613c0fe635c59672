//! The queue of repositories to index. A repository that changes often is debounced, and the least recently indexed ones
//! come first, so that the changes of one user do not delay those of others.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;

use crate::Id;

/// Debounce delay of a repository that changes often.
const APART: Duration = Duration::from_secs(2);
/// Number of changes that are indexed without the delay, so that the edits of a person are searchable at once.
const AT_ONCE: u32 = 4;
/// Idle time after which the number of changes is counted from zero again.
const LEFT_ALONE: Duration = Duration::from_secs(20);
/// Repositories of which is remembered when they were indexed.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(20_000).expect("more than none");

#[derive(Debug)]
pub(super) struct Queue {
    /// By repository, its first change that is not in the index.
    waiting: HashMap<Id, i64>,
    indexed: LruCache<Id, Indexed>,
}

/// When a repository was indexed last, and how often lately.
#[derive(Debug, Clone, Copy)]
struct Indexed {
    at: Instant,
    times: u32,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            waiting: HashMap::new(),
            indexed: LruCache::new(REMEMBERED),
        }
    }
}

impl Queue {
    /// Lets a repository wait that changed.
    pub(super) fn add(&mut self, id: Id, change: i64) {
        self.waiting.entry(id).or_insert(change);
    }

    /// Takes some of those that may be indexed now; they count as indexed.
    pub(super) fn take(&mut self, most: usize, now: Instant) -> Vec<Id> {
        let due = self.waiting.keys().filter_map(|id| {
            let Some(last) = self.indexed.peek(id) else {
                return Some((None, *id));
            };
            let waited = now.duration_since(last.at);
            (last.times < AT_ONCE || waited >= APART).then_some((Some(waited), *id))
        });
        let mut due: Vec<(Option<Duration>, Id)> = due.collect();
        // New ones first.
        due.sort_unstable_by_key(|(waited, id)| (waited.is_some(), Reverse(*waited), *id));
        due.truncate(most);
        for (_, id) in &due {
            self.waiting.remove(id);
            let before = self.indexed.peek(id);
            let lately = before.filter(|last| now.duration_since(last.at) < LEFT_ALONE);
            let times = lately.map_or(0, |last| last.times) + 1;
            self.indexed.put(*id, Indexed { at: now, times });
        }
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// Returns the first change that is not in the index.
    pub(super) fn first(&self) -> Option<i64> {
        self.waiting.values().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waited_longest_comes_first_and_nobody_often() {
        let (mut queue, mut now) = (Queue::default(), Instant::now());
        let [busy, other, new] = [Id::new(), Id::new(), Id::new()];
        for change in 0..4 {
            queue.add(busy, change);
            assert_eq!(queue.take(1, now), [busy]);
        }
        queue.add(busy, 4);
        queue.add(other, 5);
        queue.add(busy, 6);
        assert_eq!(queue.first(), Some(4));
        assert_eq!(queue.take(10, now), [other]);
        assert_eq!((queue.take(10, now), queue.first()), (vec![], Some(4)));
        now += APART;
        queue.add(new, 7);
        assert_eq!(queue.take(1, now), [new]);
        assert_eq!(queue.take(10, now), [busy]);
        queue.add(busy, 8);
        assert_eq!(queue.take(10, now), []);
        now += LEFT_ALONE;
        for change in 8..12 {
            queue.add(busy, change);
            assert_eq!(queue.take(10, now), [busy]);
        }
        assert_eq!(queue.first(), None);
    }
}
