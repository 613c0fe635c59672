//! Pulls, counted: noted in memory as they happen, written in batches.
//!
//! A pull is a client's GET of a manifest. An index and a manifest that it lists, asked for by the same
//! client soon after, are one pull.

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dockyard_oci::{Digest, MediaType};
use lru::LruCache;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::StoredManifest;
use crate::Id;
use crate::accounts::{Grant, Pull};
use crate::clock::Clock;
use crate::db::tables::{outbox, pulls};
use crate::db::{Db, DbError};

/// How often what was noted is written, in seconds; so much can be lost when the process is killed.
const WRITE_SECS: u64 = 5;
/// Manifests noted after which it is written at once.
const NOTED_MAX: usize = 10_000;
/// Manifests written in one transaction, so that pushes get their turn.
const A_TRANSACTION: usize = 200;
/// Indexes that are remembered, to tell what is pulled together.
const RECENT_MAX: NonZeroUsize = NonZeroUsize::new(2048).expect("2048 is not zero");
/// Manifests of an index that are remembered: more than any image has platforms.
const LISTED_MAX: usize = 256;
/// How long after an index a manifest of it belongs to the same pull, in milliseconds.
const TOGETHER_MS: i64 = 10 * 60 * 1000;
/// How far the counts that search sorts by may lag behind, in milliseconds: a repository that is pulled all the time
/// is indexed anew this often.
const INDEX_MS: i64 = 10 * 60 * 1000;
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Pulls on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Start of the day (UTC), in Unix milliseconds.
    pub start_ms: i64,
    pub pulls: u64,
}

/// Counts pulls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pulls {
    db: Db,
    clock: Clock,
    noted: Arc<Noted>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Noted {
    state: Mutex<State>,
    full: Notify,
}

#[derive(Debug)]
struct State {
    counts: HashMap<(Id, Digest), Count>,
    recent: LruCache<(Id, u64), Recent>,
    /// When repositories were last handed to the search index for their pulls.
    indexed: LruCache<Id, i64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    pulls: i64,
    last_ms: i64,
}

/// What is to be written of one repository.
#[derive(Default)]
struct Pulled<'a> {
    all: Count,
    /// Its manifests, and when each was pulled last.
    manifests: Vec<(&'a Digest, i64)>,
}

/// An index that a client pulled.
#[derive(Debug)]
struct Recent {
    at_ms: i64,
    /// The first 64 bits of each digest that it lists and that was not pulled yet.
    listed: Vec<u64>,
}

impl Pulls {
    /// Opens the counter and starts the task that writes.
    pub(crate) fn open(db: Db, clock: Clock) -> Self {
        let pulls = Self {
            db,
            clock,
            noted: Arc::new(Noted {
                state: Mutex::new(State {
                    counts: HashMap::new(),
                    recent: LruCache::new(RECENT_MAX),
                    indexed: LruCache::new(RECENT_MAX),
                }),
                full: Notify::new(),
            }),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        pulls.tasks.spawn(pulls.clone().write_on());
        pulls.tasks.close();
        pulls
    }

    /// Notes that a client got a manifest. Takes a lock for a moment, and never waits for the database.
    ///
    /// `client` is anything that tells clients apart.
    pub fn note(&self, grant: &Grant<Pull>, manifest: &StoredManifest, client: u64) {
        let now_ms = self.clock.now_ms();
        let id = grant.repository_id();
        let mut state = self.noted.lock();
        let is_new = if is_index(&manifest.media_type) {
            let listed = digests_in(&manifest.bytes);
            let recent = Recent {
                at_ms: now_ms,
                listed,
            };
            state.recent.put((id, client), recent);
            true
        } else {
            !state.is_part(id, client, &manifest.digest, now_ms)
        };
        // A part was pulled as well, but not as a pull of its own.
        let key = (id, manifest.digest.clone());
        let count = state.counts.entry(key).or_default();
        count.pulls += i64::from(is_new);
        count.last_ms = now_ms;
        if state.counts.len() == NOTED_MAX {
            self.noted.full.notify_one();
        }
    }

    /// Lists the pulls of each of the last days, the last of them today.
    pub async fn days(&self, grant: &Grant<Pull>, days: u32) -> Result<Vec<Day>, DbError> {
        let today = self.clock.now_ms().div_euclid(DAY_MS);
        let first = today - i64::from(days) + 1;
        let counted = pulls::list_days(&self.db, grant.repository_id(), first).await?;
        let counted: HashMap<i64, u64> = counted.into_iter().collect();
        Ok((first..=today)
            .map(|day| Day {
                start_ms: day * DAY_MS,
                pulls: counted.get(&day).copied().unwrap_or_default(),
            })
            .collect())
    }

    /// Writes what was noted. What can't be written now is tried again later.
    pub async fn write(&self) -> Result<(), DbError> {
        let counts: Vec<_> = mem::take(&mut self.noted.lock().counts)
            .into_iter()
            .collect();
        let mut batches = counts.chunks(A_TRANSACTION);
        while let Some(batch) = batches.next() {
            if let Err(error) = self.write_batch(batch).await {
                let mut state = self.noted.lock();
                for (key, count) in batch.iter().chain(batches.flatten()) {
                    let kept = state.counts.entry(key.clone()).or_default();
                    kept.pulls += count.pulls;
                    kept.last_ms = kept.last_ms.max(count.last_ms);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    async fn write_batch(&self, batch: &[((Id, Digest), Count)]) -> Result<(), DbError> {
        // By repository and then manifest, in one order, as whoever writes to a repository takes that first.
        let mut repositories: BTreeMap<Id, Pulled<'_>> = BTreeMap::new();
        for ((id, digest), count) in batch {
            let pulled = repositories.entry(*id).or_default();
            pulled.all.pulls += count.pulls;
            pulled.all.last_ms = pulled.all.last_ms.max(count.last_ms);
            pulled.manifests.push((digest, count.last_ms));
        }
        let mut tx = self.db.begin().await?;
        for (id, pulled) in repositories {
            let count = pulled.all;
            let day = count.last_ms.div_euclid(DAY_MS);
            pulls::add(&mut tx, id, day, count.pulls, count.last_ms).await?;
            for (digest, last_ms) in pulled.manifests {
                pulls::touch_manifest(&mut tx, id, digest, last_ms).await?;
            }
            if self.noted.lock().is_due(id, count.last_ms) {
                outbox::insert(&mut tx, id, count.last_ms).await?;
            }
        }
        tx.commit().await
    }

    async fn write_on(self) {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.noted.full.notified() => {}
                () = tokio::time::sleep(Duration::from_secs(WRITE_SECS)) => {}
            }
            if let Err(error) = self.write().await {
                tracing::error!(%error, "could not write the counts of pulls; trying again in a moment");
            }
        }
    }

    /// Stops the task and writes the rest.
    pub(crate) async fn close(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
        if let Err(error) = self.write().await {
            tracing::error!(%error, "the last counts of pulls were lost");
        }
    }
}

impl Noted {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells whether it is time to index a repository anew, and takes it as done.
    fn is_due(&mut self, id: Id, now_ms: i64) -> bool {
        let last_ms = self.indexed.get(&id).copied();
        let is_due = last_ms.is_none_or(|last_ms| last_ms + INDEX_MS < now_ms);
        if is_due {
            self.indexed.put(id, now_ms);
        }
        is_due
    }

    /// Tells whether a manifest is part of an index that the client pulled lately; once.
    fn is_part(&mut self, id: Id, client: u64, digest: &Digest, now_ms: i64) -> bool {
        let Some(recent) = self.recent.get_mut(&(id, client)) else {
            return false;
        };
        let Some(short) = first_bits(digest.hex().as_bytes()) else {
            return false;
        };
        match recent.listed.iter().position(|listed| *listed == short) {
            Some(at) if recent.at_ms + TOGETHER_MS >= now_ms => {
                recent.listed.swap_remove(at);
                true
            }
            _ => false,
        }
    }
}

fn is_index(media_type: &MediaType) -> bool {
    matches!(
        media_type.as_str(),
        MediaType::OCI_INDEX | MediaType::DOCKER_LIST
    )
}

/// Finds every digest in a document, without taking it apart.
fn digests_in(bytes: &[u8]) -> Vec<u64> {
    let mut found = Vec::new();
    let colons = (1..bytes.len()).filter(|at| bytes[*at] == b':');
    // In `"size":1`, a quote stands before the colon.
    for at in colons.filter(|at| bytes[at - 1].is_ascii_digit()) {
        if let Some(short) = first_bits(&bytes[at + 1..])
            && found.len() < LISTED_MAX
        {
            found.push(short);
        }
    }
    found
}

/// Reads the first 16 hex digits of a hash.
fn first_bits(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text.get(..16)?).ok()?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_digests_of_an_index() {
        let digest: Digest = format!("sha256:{}", "0123456789abcdef".repeat(4))
            .parse()
            .unwrap();
        let index = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"digest":"{digest}","size":1234567890123456}}]}}"#
        );
        assert_eq!(digests_in(index.as_bytes()), [0x0123_4567_89ab_cdef]);
        assert!(digests_in(b":::").is_empty());
    }
}
