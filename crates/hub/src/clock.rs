//! The time, passed in so that services never ask the system themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time in Unix milliseconds. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    /// The machine's time and so many milliseconds, which are 0 but in tests.
    Machine(i64),
    /// The machine's time and as many milliseconds as another clock, which is looked at now and then, is ahead of it.
    Following(Arc<AtomicI64>),
    /// The system's time and so many milliseconds.
    Shifted(i64),
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// Is the machine's own clock.
    pub const fn system() -> Self {
        Self(Source::Machine(0))
    }

    /// Returns a machine clock with an error of `by_ms` milliseconds, for tests.
    pub const fn wrong_by(by_ms: i64) -> Self {
        Self(Source::Machine(by_ms))
    }

    /// Returns true for a machine's own clock, which a database server's may replace.
    pub(crate) const fn is_machines(&self) -> bool {
        matches!(self.0, Source::Machine(_))
    }

    /// Returns a clock that is set by another one, which shows `now_ms`.
    pub(crate) fn following(now_ms: i64) -> Self {
        let ahead_ms = now_ms - system_ms();
        Self(Source::Following(Arc::new(AtomicI64::new(ahead_ms))))
    }

    /// Sets a following clock to the time of the other one.
    pub(crate) fn set_right(&self, now_ms: i64) {
        if let Source::Following(ahead) = &self.0 {
            ahead.store(now_ms - system_ms(), Ordering::Relaxed);
        }
    }

    /// Returns true for a clock that was set to another time than the real one.
    pub(crate) const fn is_set(&self) -> bool {
        matches!(self.0, Source::Shifted(_) | Source::Fixed(_))
    }

    /// Returns true if no other clone of a following clock exists.
    pub(crate) fn is_last(&self) -> bool {
        match &self.0 {
            Source::Following(ahead) => Arc::strong_count(ahead) == 1,
            _ => false,
        }
    }

    /// Runs `by_ms` before (negative) or after the machine's clock.
    ///
    /// Exists for demonstrations: a server that is started again and again with a smaller shift leaves data that
    /// looks as if it had grown over days. What goes by other clocks, such as the ids of rows, is not shifted.
    pub const fn shifted(by_ms: i64) -> Self {
        Self(Source::Shifted(by_ms))
    }

    /// Stands still at `now_ms` until it is advanced; clones share it.
    pub fn fixed(now_ms: i64) -> Self {
        Self(Source::Fixed(Arc::new(AtomicI64::new(now_ms))))
    }

    /// Moves a fixed clock forward; one that runs is left alone.
    pub fn advance(&self, by_ms: i64) {
        if let Source::Fixed(now) = &self.0 {
            now.fetch_add(by_ms, Ordering::SeqCst);
        }
    }

    pub fn now_ms(&self) -> i64 {
        match &self.0 {
            Source::Following(ahead) => system_ms() + ahead.load(Ordering::Relaxed),
            Source::Machine(by_ms) | Source::Shifted(by_ms) => system_ms().saturating_add(*by_ms),
            Source::Fixed(now) => now.load(Ordering::SeqCst),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks the system"
)]
fn system_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shifted_clock_runs_beside_the_systems() {
        let day_ms = 24 * 3600 * 1000;
        let early = Clock::system().now_ms() - Clock::shifted(-day_ms).now_ms();
        assert!((day_ms - 60_000..=day_ms).contains(&early), "{early}");
        let late = Clock::shifted(day_ms).now_ms() - Clock::system().now_ms();
        assert!((day_ms - 60_000..=day_ms).contains(&late), "{late}");
    }
}
