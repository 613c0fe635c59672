//! The time, passed in so that services never ask the system themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time in Unix milliseconds. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// Is the machine's own clock.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// Stands still at `now_ms` until it is advanced; clones share it.
    pub fn fixed(now_ms: i64) -> Self {
        Self(Source::Fixed(Arc::new(AtomicI64::new(now_ms))))
    }

    /// Moves a fixed clock forward; the system's clock is left alone.
    pub fn advance(&self, by_ms: i64) {
        if let Source::Fixed(now) = &self.0 {
            now.fetch_add(by_ms, Ordering::SeqCst);
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the system"
    )]
    pub fn now_ms(&self) -> i64 {
        match &self.0 {
            Source::System => {
                let since = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }
            Source::Fixed(now) => now.load(Ordering::SeqCst),
        }
    }
}
