//! Follows a push by what of it was handed to the network, and what the server said that it has.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dockyard_oci::Digest;
use indicatif::ProgressBar;

use super::Layers;

/// How far a push is. Cheap to clone.
#[derive(Clone)]
pub struct Sending {
    bar: Option<ProgressBar>,
    layers: Layers,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Layers on their way, in their order.
    waiting: VecDeque<Waiting>,
    /// Whether the first of them is shown.
    is_shown: bool,
    /// Bytes that the server has.
    there: u64,
    /// Bytes of layers that need not be sent.
    left_out: u64,
}

struct Waiting {
    digest: Digest,
    size: u64,
    /// Where its bytes begin in what is sent.
    start: u64,
}

impl Sending {
    pub(super) fn new(bar: Option<ProgressBar>, layers: Layers) -> Self {
        Self {
            bar,
            layers,
            state: Arc::default(),
        }
    }

    /// Tells that a layer is being looked at before anything of it goes out.
    pub fn look_at(&self, size: u64) {
        let size = crate::text::size(size);
        self.note(format!("reading a layer of {size}"));
    }

    /// Expects a layer in what is sent, from a place on.
    pub fn expect(&self, digest: &Digest, size: u64, start: u64) {
        self.note(String::new());
        let digest = digest.clone();
        self.lock().waiting.push_back(Waiting {
            digest,
            size,
            start,
        });
    }

    /// Counts a layer that the server has.
    pub fn leave_out(&self, digest: &Digest, size: u64) {
        self.note(String::new());
        self.lock().left_out += size;
        self.layers.tell(digest, size, "already there");
    }

    /// Notes that the network took everything up to a place. After a break that may be less than before.
    pub fn moved(&self, to: u64) {
        let mut state = self.lock();
        self.show(to + state.left_out);
        let Some(first) = state.waiting.front().filter(|layer| layer.start < to) else {
            return;
        };
        if !state.is_shown {
            self.layers.begin(&first.digest, first.size);
        }
        self.layers.set((to - first.start).min(first.size));
        state.is_shown = true;
    }

    /// Notes that the server has everything up to a place.
    pub fn has(&self, to: u64) {
        self.moved(to);
        let mut state = self.lock();
        state.there = to;
        while let Some(layer) = state
            .waiting
            .pop_front_if(|layer| layer.start + layer.size <= to)
        {
            if !std::mem::take(&mut state.is_shown) {
                self.layers.begin(&layer.digest, layer.size);
            }
            self.layers.end("sent");
        }
    }

    /// Notes that everything is there, and the server has work left.
    pub fn all_there(&self) {
        self.note("finishing".to_owned());
    }

    /// Is how many bytes the server got, and how many of layers it had.
    pub fn bytes(&self) -> (u64, u64) {
        let state = self.lock();
        (state.there, state.left_out)
    }

    /// Moves the bar, and its end with it where the size was only a guess.
    fn show(&self, position: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(position);
            if bar.length().is_some_and(|length| length < position) {
                bar.set_length(position);
            }
        }
    }

    fn note(&self, what: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(what);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::{Progress, Screen, Size};

    #[test]
    fn a_layer_is_sent_when_the_server_has_it() {
        let progress = Progress::start(Screen::Silent, "", Size::Unknown);
        let sending = progress.sending();
        let digest: Digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
        sending.expect(&digest, 100, 50);
        sending.leave_out(&digest, 1000);
        sending.expect(&digest, 10, 200);
        let waiting = || sending.lock().waiting.len();
        sending.moved(500);
        assert_eq!(waiting(), 2);
        sending.has(149);
        assert_eq!(waiting(), 2);
        sending.moved(100);
        sending.has(150);
        assert_eq!(waiting(), 1);
        sending.has(500);
        assert_eq!((waiting(), sending.bytes()), (0, (500, 1000)));
    }
}
