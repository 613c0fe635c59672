//! What a command prints: lines for people, JSON for programs, or names and digests alone.

use serde::Serialize;

use crate::progress::Screen;

/// The form that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Text,
    /// JSON on standard output; everything else goes to standard error.
    Json,
    /// Names and digests, a line each.
    Quiet,
}

impl Output {
    pub const fn of(json: bool, quiet: bool) -> Self {
        match (json, quiet) {
            (true, _) => Self::Json,
            (false, true) => Self::Quiet,
            (false, false) => Self::Text,
        }
    }

    /// Is where progress and remarks go.
    pub const fn screen(self) -> Screen {
        match self {
            Self::Text => Screen::Stdout,
            Self::Json => Screen::Stderr,
            Self::Quiet => Screen::Silent,
        }
    }

    /// Makes a remark.
    pub fn say(self, line: &str) {
        self.screen().say(line);
    }

    /// Prints what was asked for: `value` as JSON, `names` a line each, or `lines`.
    pub fn print<T: Serialize + ?Sized>(
        self,
        value: &T,
        names: impl IntoIterator<Item = String>,
        lines: impl IntoIterator<Item = String>,
    ) {
        let say = |line: String| Screen::Stdout.say(&line);
        match self {
            Self::Text => lines.into_iter().for_each(say),
            Self::Quiet => names.into_iter().for_each(say),
            Self::Json => match serde_json::to_string_pretty(value) {
                Ok(json) => say(crate::text::json(&json)),
                Err(error) => Screen::Stderr.say(&format!("mydocker: {error}")),
            },
        }
    }
}
