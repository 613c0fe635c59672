//! What only a browser can do: copy, send a file with progress, react to keys. The server has the
//! same functions, which do nothing, so that components need not know where they run.

#[cfg(not(feature = "hydrate"))]
mod absent;
#[cfg(feature = "hydrate")]
mod clipboard;
#[cfg(feature = "hydrate")]
mod keys;
#[cfg(feature = "hydrate")]
mod ticks;
#[cfg(feature = "hydrate")]
mod upload;

#[cfg(not(feature = "hydrate"))]
pub use absent::{cancel, copy, listen_to_keys, send, tick_all};
#[cfg(feature = "hydrate")]
pub use clipboard::copy;
#[cfg(feature = "hydrate")]
pub use keys::listen_to_keys;
#[cfg(feature = "hydrate")]
pub use ticks::tick_all;
#[cfg(feature = "hydrate")]
pub use upload::{cancel, send};

/// A file that a person chose.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    pub name: String,
    pub size_bytes: f64,
}

/// What becomes of a file that is being sent.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    not(feature = "hydrate"),
    expect(dead_code, reason = "only a browser sends files")
)]
pub enum Sending {
    Progress {
        /// Bytes so far, of `total`.
        sent: f64,
        total: f64,
        /// Since the sending began.
        elapsed_ms: f64,
    },
    /// The server answered.
    Answered { status: u16, body: String },
    /// The connection broke.
    Broken,
    /// The person cancelled.
    Cancelled,
}
