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
pub use absent::{
    cancel, chosen, copy, forget_unfinished, leave, listen_to_keys, send_all, tick_all, unfinished,
};
#[cfg(feature = "hydrate")]
pub use clipboard::copy;
#[cfg(feature = "hydrate")]
pub use keys::listen_to_keys;
#[cfg(feature = "hydrate")]
pub use ticks::tick_all;
#[cfg(feature = "hydrate")]
pub use upload::{cancel, chosen, forget_unfinished, leave, send_all, unfinished};

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
        /// Bytes a second, once that says something.
        rate: Option<f64>,
    },
    /// The connection broke or the server is not well; it is tried again.
    Waiting { secs: u32 },
    /// That went on for too long.
    Lost,
    /// The server answered.
    Answered { status: u16, body: String },
    /// The person cancelled.
    Cancelled,
}

/// Is a number of bytes, which browsers count in floats.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
pub const fn whole(number: f64) -> u64 {
    number as u64
}

/// Is a number of bytes as browsers count them.
#[cfg(feature = "hydrate")]
#[expect(clippy::cast_precision_loss, reason = "exact up to nine petabytes")]
const fn float(number: u64) -> f64 {
    number as f64
}
