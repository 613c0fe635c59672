//! Shows how a transfer goes: a bar on a terminal, a plain line at its start and its end elsewhere.

use std::future::ready;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use dockyard_oci::Digest;
use futures::StreamExt;
use futures::stream::BoxStream;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::text;

/// The pieces of a tarball on its way.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// Where messages go. They leave stdout alone when the image itself is written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    Stdout,
    Stderr,
    /// Nowhere: only what was asked for is wanted.
    Silent,
}

impl Screen {
    /// Writes a line; a reader that went away is no reason to stop a transfer.
    pub fn say(self, line: &str) {
        let _ = match self {
            Self::Stdout => writeln!(io::stdout(), "{line}"),
            Self::Stderr => writeln!(io::stderr(), "{line}"),
            Self::Silent => Ok(()),
        };
    }
}

/// How many bytes a transfer will have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Exactly(u64),
    /// What the engine says an image has on its disk: close to the tarball's length.
    About(u64),
    Unknown,
}

/// A running transfer. Dropped without `finish`, it wipes its bar, so that an error stands alone.
pub struct Progress {
    screen: Screen,
    bar: Option<ProgressBar>,
    layers: Layers,
    sent: Arc<AtomicU64>,
    started: Instant,
}

impl Progress {
    /// Starts a transfer and says so: `label` is `Pushing alice/app:v1 to http://...`.
    pub fn start(screen: Screen, label: &str, size: Size) -> Self {
        let has_bar = screen != Screen::Silent && io::stderr().is_terminal();
        let bars = has_bar.then(MultiProgress::new);
        let bar = bars.as_ref().map(|bars| bar(bars, label, size));
        if bar.is_none() {
            screen.say(label);
        }
        Self {
            screen,
            bar,
            layers: Layers::new(screen, bars),
            sent: Arc::default(),
            started: Instant::now(),
        }
    }

    /// Counts the bytes that pass through a stream, and tells when the other side has work left.
    pub fn watch(&self, stream: ByteStream) -> ByteStream {
        let (bar, sent) = (self.bar.clone(), Arc::clone(&self.sent));
        let bar_at_end = self.bar.clone();
        let end = futures::stream::once(async move {
            if let Some(bar) = bar_at_end {
                bar.set_message("finishing");
            }
        });
        let end = end.filter_map(|()| ready(None));
        let counted = stream.inspect(move |piece| {
            let Ok(piece) = piece else { return };
            sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
            if let Some(bar) = &bar {
                advance(bar, piece.len() as u64);
            }
        });
        counted.chain(end).boxed()
    }

    /// Is where to tell how far the single layers are.
    pub fn layers(&self) -> Layers {
        self.layers.clone()
    }

    /// Moves on over bytes that were there before.
    pub fn skip(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
            bar.reset_eta();
        }
    }

    /// Is the number of bytes that passed so far.
    pub fn bytes(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Ends the transfer and says how much it was.
    pub fn finish(self, verb: &str) {
        self.end(verb, 0);
    }

    /// Ends a push and says how much of what was read had to be sent.
    pub fn finish_push(self, left_out_bytes: u64) {
        self.end("Sent", left_out_bytes);
    }

    fn end(self, verb: &str, left_out_bytes: u64) {
        self.clear();
        let (bytes, elapsed) = (self.bytes(), self.started.elapsed());
        let line = summary(verb, bytes.saturating_sub(left_out_bytes), elapsed);
        self.screen.say(&match left_out_bytes {
            0 => line,
            bytes => format!("{line}; {} of layers were there already", text::size(bytes)),
        });
    }

    fn clear(&self) {
        self.layers.clear();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

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
    fn new(screen: Screen, bars: Option<MultiProgress>) -> Self {
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
                "  {prefix}  {wide_bar} {binary_bytes}/{binary_total_bytes}",
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
        let line = format!("  {name}  {:>10}  {what}", text::size(size));
        match (&self.bars, bar) {
            (Some(bars), Some(bar)) => {
                bar.finish_and_clear();
                bars.suspend(|| self.screen.say(&line));
            }
            _ => self.screen.say(&line),
        }
    }

    fn clear(&self) {
        if let Some(Layer { bar: Some(bar), .. }) = self.lock().take() {
            bar.finish_and_clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Layer>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the error that ended a stream: whoever read it only knows that its input broke off.
#[derive(Default)]
pub struct Cut(Arc<Mutex<Option<String>>>);

impl Cut {
    /// Notes the error of a stream that passes.
    pub fn watch(&self, stream: ByteStream) -> ByteStream {
        let slot = Arc::clone(&self.0);
        let watched = stream.inspect(move |piece| {
            if let Err(error) = piece {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            }
        });
        watched.boxed()
    }

    /// Is the error, when there was one.
    pub fn sentence(&self) -> Option<String> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.clone()
    }
}

/// Moves the bar, and its end with it where the size was only a guess.
fn advance(bar: &ProgressBar, bytes: u64) {
    bar.inc(bytes);
    if bar.length().is_some_and(|length| length < bar.position()) {
        bar.set_length(bar.position());
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well-formed")
}

fn bar(bars: &MultiProgress, label: &str, size: Size) -> ProgressBar {
    let (bar, template) = match size {
        Size::Exactly(bytes) => (
            ProgressBar::new(bytes),
            "{prefix}\n{wide_bar} \
            {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {eta} {msg}",
        ),
        Size::About(bytes) => (
            ProgressBar::new(bytes),
            "{prefix}\n{wide_bar} {binary_bytes} of about \
            {binary_total_bytes}  {binary_bytes_per_sec}  {eta} {msg}",
        ),
        Size::Unknown => (
            ProgressBar::no_length(),
            "{prefix}\n{spinner} {binary_bytes}  {binary_bytes_per_sec} {msg}",
        ),
    };
    let bar = bars.add(bar);
    bar.set_style(style(template));
    bar.set_prefix(label.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn summary(verb: &str, bytes: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    let millis = u64::try_from(elapsed.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    let rate = text::size(bytes.saturating_mul(1000) / millis);
    format!("{verb} {} in {seconds:.1} s ({rate}/s)", text::size(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_size_time_and_rate() {
        let line = summary("Sent", 3 << 30, Duration::from_secs(2));
        assert_eq!(line, "Sent 3.00 GiB in 2.0 s (1.50 GiB/s)");
        assert!(summary("Sent", 1, Duration::ZERO).starts_with("Sent 1 B in 0.0 s"));
    }

    #[tokio::test]
    async fn counts_what_passes_and_not_the_errors() {
        let progress = Progress::start(Screen::Stdout, "test", Size::Unknown);
        let pieces = vec![
            Ok(Bytes::from_static(b"abc")),
            Err(io::Error::other("cut")),
            Ok(Bytes::from_static(b"de")),
        ];
        let watched = progress.watch(futures::stream::iter(pieces).boxed());
        assert_eq!(watched.count().await, 3);
        assert_eq!(progress.bytes(), 5);
    }
}
