//! The HTML of texts that were rendered lately, within a bound in bytes.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::CodeHost;

/// Most bytes of HTML that are kept: some hundred READMEs of the usual few kilobytes.
const KEPT_BYTES: usize = 4 * 1024 * 1024;
/// Longest HTML that is kept, so that a few large READMEs don't push all others out.
const ONE_MAX_BYTES: usize = KEPT_BYTES / 4;
/// What an entry costs beside its HTML: its key, the links of the list.
const ENTRY_BYTES: usize = 128;

/// A text's length and its hash under a secret of this process, so that nobody can make two texts meet.
type Key = (usize, u64);

pub(super) struct Cache {
    secret: RandomState,
    kept: Mutex<Kept>,
}

struct Kept {
    html: LruCache<Key, Arc<str>>,
    bytes: usize,
}

impl Default for Cache {
    fn default() -> Self {
        let html = LruCache::unbounded();
        Self {
            secret: RandomState::new(),
            kept: Mutex::new(Kept { html, bytes: 0 }),
        }
    }
}

impl Cache {
    /// Finds the HTML of a text.
    pub(super) fn find(&self, text: &str, host: Option<&CodeHost>) -> Option<Arc<str>> {
        let key = self.key(text, host);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.html.get(&key).cloned()
    }

    /// Keeps the HTML of a text, and hands it back.
    pub(super) fn keep(&self, text: &str, host: Option<&CodeHost>, html: Arc<str>) -> Arc<str> {
        if html.len() > ONE_MAX_BYTES {
            return html;
        }
        let key = self.key(text, host);
        let cost = |html: &str| html.len() + ENTRY_BYTES;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += cost(&html);
        if let Some(old) = kept.html.put(key, html.clone()) {
            kept.bytes -= cost(&old);
        }
        while kept.bytes > KEPT_BYTES {
            let Some((_, old)) = kept.html.pop_lru() else {
                break;
            };
            kept.bytes -= cost(&old);
        }
        html
    }

    fn key(&self, text: &str, host: Option<&CodeHost>) -> Key {
        (text.len(), self.secret.hash_one((text, host)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_was_used_last_and_stays_within_its_bounds() {
        let cache = Cache::default();
        let html: Arc<str> = "x".repeat(10_000).into();
        for n in 0..1000 {
            cache.keep(&n.to_string(), None, html.clone());
            assert!(cache.find("0", None).is_some());
        }
        assert!(cache.find("1", None).is_none());
        assert!(cache.find("999", None).is_some());
        assert!(cache.kept.lock().unwrap().bytes <= KEPT_BYTES);

        let large: Arc<str> = "x".repeat(ONE_MAX_BYTES + 1).into();
        cache.keep("large", None, large);
        assert!(cache.find("large", None).is_none());
    }
}
