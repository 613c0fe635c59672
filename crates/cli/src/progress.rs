//! Shows how a transfer goes: a bar on a terminal, a plain line at its start and its end elsewhere.

use std::future::ready;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use indicatif::{ProgressBar, ProgressStyle};

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
    sent: Arc<AtomicU64>,
    started: Instant,
}

impl Progress {
    /// Starts a transfer and says so: `label` is `Pushing alice/app:v1 to http://...`.
    pub fn start(screen: Screen, label: &str, size: Size) -> Self {
        let has_bar = screen != Screen::Silent && io::stderr().is_terminal();
        let bar = has_bar.then(|| bar(label, size));
        if bar.is_none() {
            screen.say(label);
        }
        Self {
            screen,
            bar,
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
            let before = sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
            if let Some(bar) = &bar {
                advance(bar, before + piece.len() as u64);
            }
        });
        counted.chain(end).boxed()
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
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let (bytes, elapsed) = (self.bytes(), self.started.elapsed());
        let line = summary(verb, bytes.saturating_sub(left_out_bytes), elapsed);
        self.screen.say(&match left_out_bytes {
            0 => line,
            bytes => format!("{line}; {} of layers were there already", text::size(bytes)),
        });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
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
    if bar.length().is_some_and(|length| length < bytes) {
        bar.set_length(bytes);
    }
    bar.set_position(bytes);
}

fn bar(label: &str, size: Size) -> ProgressBar {
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
    let style = ProgressStyle::with_template(template).expect("the template is well-formed");
    bar.set_style(style);
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
