//! Wrong passwords, counted by all nodes together: each reads what the others counted before it looks at a password.

use std::net::IpAddr;

use sha2::{Digest as _, Sha256};

use super::throttle::{NAME, PAIR, Throttle};
use crate::admission::network;
use crate::clock::Clock;
use crate::db::tables::wrong_passwords;
use crate::db::{Db, DbError};

/// The tries of a name from a network, where several nodes may count them.
pub(super) struct SharedTries<'a> {
    db: &'a Db,
    clock: &'a Clock,
    pair: String,
    name: String,
    /// True if wrong passwords are recorded for the pair, to be deleted after a right one.
    has_wrong: bool,
}

impl<'a> SharedTries<'a> {
    /// Returns `None` for a database that one process has for itself: what it remembers is enough.
    pub(super) fn of(db: &'a Db, clock: &'a Clock, name: &str, from: IpAddr) -> Option<Self> {
        let key = |text: String| hex::encode(Sha256::digest(text.as_bytes()));
        db.is_shared().then(|| Self {
            db,
            clock,
            pair: key(format!("{}\0{name}", network(from))),
            name: key(format!("name\0{name}")),
            has_wrong: false,
        })
    }

    /// Tells the throttle of this node what all have counted.
    pub(super) async fn tell(
        &mut self,
        throttle: &Throttle,
        name: &str,
        from: IpAddr,
    ) -> Result<(), DbError> {
        let found = wrong_passwords::find(self.db, &[&self.pair, &self.name]).await?;
        let of = |key: &str| {
            let row = found.iter().find(|(found, _)| found == key);
            row.map_or(0, |(_, full_ms)| *full_ms)
        };
        let (pair_ms, name_ms) = (of(&self.pair), of(&self.name));
        throttle.learn(name, from, pair_ms, name_ms);
        self.has_wrong = pair_ms > 0;
        Ok(())
    }

    /// Records the outcome of a try. As in [`Throttle`], a wrong password from where the right one came before does not
    /// count against the name.
    pub(super) async fn note(&self, is_right: bool, is_known: bool) -> Result<(), DbError> {
        if is_right && self.has_wrong {
            return wrong_passwords::forget(self.db, &self.pair).await;
        }
        if is_right {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        wrong_passwords::add(self.db, &self.pair, now_ms, PAIR.interval_ms).await?;
        if is_known {
            return Ok(());
        }
        wrong_passwords::add(self.db, &self.name, now_ms, NAME.interval_ms).await
    }
}
