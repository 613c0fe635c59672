//! Shows how a transfer goes: a bar on a terminal, a plain line at its start and its end elsewhere.

mod layers;
mod sending;

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::text;
pub use layers::Layers;
pub use sending::Sending;

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
    /// Writes a line, free of what could drive the terminal; a reader that went away is no reason to stop a transfer.
    pub fn say(self, line: &str) {
        let line = text::lines(line);
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

/// Whether bars are on the terminal.
static HAS_BARS: AtomicBool = AtomicBool::new(false);

/// Takes back the `^C` that a terminal shows on Ctrl-C. It begins a line of its own after bars, which end at the right
/// edge, and the first of them would stay when they are cleared.
pub fn take_back_ctrl_c() {
    if HAS_BARS.load(Ordering::Relaxed) {
        let _ = write!(io::stderr(), "\r\x1b[2K\x1b[A");
    }
}

/// A running transfer. Dropped without `finish`, it wipes its bar, so that an error stands alone.
pub struct Progress {
    screen: Screen,
    bar: Option<ProgressBar>,
    layers: Layers,
    received: Arc<AtomicU64>,
    started: Instant,
}

impl Progress {
    /// Starts a transfer and says so: `label` is `Pushing alice/app:v1 to http://...`.
    pub fn start(screen: Screen, label: &str, size: Size) -> Self {
        let has_bar = screen != Screen::Silent && io::stderr().is_terminal();
        let bars = has_bar.then(MultiProgress::new);
        let bar = bars.as_ref().map(|bars| bar(bars, label, size));
        HAS_BARS.store(has_bar, Ordering::Relaxed);
        if bar.is_none() {
            screen.say(label);
        }
        Self {
            screen,
            bar,
            layers: Layers::new(screen, bars),
            received: Arc::default(),
            started: Instant::now(),
        }
    }

    /// Counts the bytes that come in through a stream.
    pub fn watch(&self, stream: ByteStream) -> ByteStream {
        let (bar, received) = (self.bar.clone(), Arc::clone(&self.received));
        let counted = stream.inspect(move |piece| {
            let Ok(piece) = piece else { return };
            received.fetch_add(piece.len() as u64, Ordering::Relaxed);
            if let Some(bar) = &bar {
                bar.inc(piece.len() as u64);
            }
        });
        counted.boxed()
    }

    /// Follows what goes out.
    pub fn sending(&self) -> Sending {
        Sending::new(self.bar.clone(), self.layers.clone())
    }

    /// Is where to tell how far the single layers are.
    pub fn layers(&self) -> Layers {
        self.layers.clone()
    }

    /// Goes on after bytes that were there before, and says so.
    pub fn skip(&self, bytes: u64) {
        let size = text::size(bytes);
        self.layers
            .say(&format!("Going on after {size}, received before"));
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
            bar.reset_eta();
        }
    }

    /// Ends the transfer and says how much came in.
    pub fn finish(self, verb: &str) {
        let received = self.received.load(Ordering::Relaxed);
        self.end(verb, received, 0);
    }

    /// Ends a push and says how much had to be sent.
    pub fn finish_push(self, sending: &Sending) {
        let (sent, left_out) = sending.bytes();
        self.end("Sent", sent, left_out);
    }

    fn end(self, verb: &str, bytes: u64, left_out: u64) {
        self.clear();
        let line = summary(verb, bytes, self.started.elapsed());
        self.screen.say(&match left_out {
            0 => line,
            bytes => format!("{line}; {} of layers were there already", text::size(bytes)),
        });
    }

    fn clear(&self) {
        HAS_BARS.store(false, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.layers.clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
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

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well-formed")
}

fn bar(bars: &MultiProgress, label: &str, size: Size) -> ProgressBar {
    let (bar, template) = match size {
        Size::Exactly(bytes) => (
            ProgressBar::new(bytes),
            "{prefix}\n{bar:24} {percent} %  \
            {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {eta} {msg}",
        ),
        Size::About(bytes) => (
            ProgressBar::new(bytes),
            "{prefix}\n{bar:24} {percent} %  {binary_bytes} of about \
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
        assert_eq!(progress.received.load(Ordering::Relaxed), 5);
    }
}
