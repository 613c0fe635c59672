//! The single layers of a transfer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dockyard_oci::Digest;
use indicatif::{MultiProgress, ProgressBar};

use super::{Screen, style};
use crate::text;

/// Tells how far the single layers of a transfer are: a bar for the one on its way on a terminal, a line for each that
/// is done. Cheap to clone.
#[derive(Clone)]
pub struct Layers {
    screen: Screen,
    bars: Option<MultiProgress>,
    current: Arc<Mutex<Option<Layer>>>,
}

/// The layer that is on its way.
struct Layer {
    name: String,
    size: u64,
    bar: Option<ProgressBar>,
}

impl Layers {
    pub(super) fn new(screen: Screen, bars: Option<MultiProgress>) -> Self {
        Self {
            screen,
            bars,
            current: Arc::default(),
        }
    }

    /// Begins with a layer of `size` bytes.
    pub fn begin(&self, digest: &Digest, size: u64) {
        let name = digest.short().to_owned();
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.insert(0, ProgressBar::new(size));
            bar.set_style(style(
                "  {prefix}  {bar:24} {binary_bytes}/{binary_total_bytes}",
            ));
            bar.set_prefix(name.clone());
            bar
        });
        *self.lock() = Some(Layer { name, size, bar });
    }

    /// Counts bytes of the layer.
    pub fn advance(&self, bytes: u64) {
        if let Some(Layer { bar: Some(bar), .. }) = &*self.lock() {
            bar.inc(bytes);
        }
    }

    /// Ends the layer and says what became of it.
    pub fn end(&self, what: &str) {
        let Some(Layer { name, size, bar }) = self.lock().take() else {
            return;
        };
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        self.say(&line(&name, size, what));
    }

    /// Says what became of a layer that was never on its way.
    pub fn tell(&self, digest: &Digest, size: u64, what: &str) {
        self.say(&line(digest.short(), size, what));
    }

    /// Sets how many bytes of the layer are done.
    pub fn set(&self, bytes: u64) {
        if let Some(Layer { bar: Some(bar), .. }) = &*self.lock() {
            bar.set_position(bytes);
        }
    }

    /// Writes a line above the bars.
    pub(super) fn say(&self, line: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| self.screen.say(line)),
            None => self.screen.say(line),
        }
    }

    pub(super) fn clear(&self) {
        if let Some(Layer { bar: Some(bar), .. }) = self.lock().take() {
            bar.finish_and_clear();
        }
        if let Some(bars) = &self.bars {
            // A terminal that is gone needs no clearing.
            let _ = bars.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Layer>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(name: &str, size: u64, what: &str) -> String {
    format!("  {name}  {:>10}  {what}", text::size(size))
}
