//! The bytes of manifests that were read lately.
//!
//! What a digest stands for never changes, so nothing here can be out of date. Whether a caller may
//! see it, or whether it is there at all, is never answered from here.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use dockyard_oci::Digest;
use lru::LruCache;

/// Most bytes that are kept: some thousand manifests of the usual few kilobytes.
const KEPT_BYTES: usize = 32 * 1024 * 1024;
/// Longest manifest that is kept, so that a few large ones don't push all others out.
const ONE_MAX_BYTES: usize = KEPT_BYTES / 32;
/// What an entry costs beside its bytes: the digest, the links of the list.
const ENTRY_BYTES: usize = 256;

/// Keeps the bytes of manifests by digest. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Bodies(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    bodies: LruCache<Digest, Bytes>,
    bytes: usize,
}

impl Default for Bodies {
    fn default() -> Self {
        let bodies = LruCache::unbounded();
        Self(Arc::new(Mutex::new(Kept { bodies, bytes: 0 })))
    }
}

impl Bodies {
    pub(super) fn find(&self, digest: &Digest) -> Option<Bytes> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bodies.get(digest).cloned()
    }

    /// Keeps the bytes of a digest, and hands them back.
    pub(super) fn keep(&self, digest: &Digest, bytes: Bytes) -> Bytes {
        if bytes.len() > ONE_MAX_BYTES {
            return bytes;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cost = |bytes: &Bytes| bytes.len() + ENTRY_BYTES;
        kept.bytes += cost(&bytes);
        if let Some(old) = kept.bodies.put(digest.clone(), bytes.clone()) {
            kept.bytes -= cost(&old);
        }
        while kept.bytes > KEPT_BYTES {
            let Some((_, old)) = kept.bodies.pop_lru() else {
                break;
            };
            kept.bytes -= cost(&old);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use dockyard_oci::Algorithm;

    use super::*;
    use crate::images::hasher::Hasher;

    #[test]
    fn keeps_what_was_used_last_and_stays_within_its_bounds() {
        let bodies = Bodies::default();
        let digest = |n: u32| Hasher::digest(Algorithm::Sha256, &n.to_be_bytes());
        let body = Bytes::from(vec![7; 100_000]);
        for n in 0..1000 {
            bodies.keep(&digest(n), body.clone());
            assert!(bodies.find(&digest(0)).is_some());
        }
        assert!(bodies.find(&digest(1)).is_none());
        assert!(bodies.find(&digest(999)).is_some());
        assert!(bodies.0.lock().unwrap().bytes <= KEPT_BYTES);

        let large = Bytes::from(vec![7; ONE_MAX_BYTES + 1]);
        assert_eq!(bodies.keep(&digest(2000), large.clone()), large);
        assert!(bodies.find(&digest(2000)).is_none());
    }
}
