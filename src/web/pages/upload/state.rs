//! How far a file is, and what became of it.

use leptos::serde_json;

use crate::web::browser::{Sending, whole};
use crate::web::components::byte_size::human;
use crate::web::dto::{ApiErrors, Import};

/// What becomes of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Upload {
    /// Others come first.
    Queued,
    Sending {
        /// Bytes so far, of `total`.
        sent: f64,
        total: f64,
        /// How fast it is, or why it is not.
        pace: Pace,
    },
    Done(Import),
    Failed(Failure),
    Cancelled,
}

/// Why a file was not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub message: String,
    /// The images of the file, where one of them must be chosen.
    pub images: Vec<String>,
}

impl Failure {
    fn of(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            images: Vec::new(),
        }
    }
}

/// How a file gets on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Bytes a second.
    Known(f64),
    Unknown,
    /// It is tried again in some seconds.
    Waiting(u32),
}

impl Upload {
    /// Tells whether something is still to come of it.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Queued | Self::Sending { .. })
    }

    /// Takes in what the browser reports.
    pub fn advance(&mut self, news: Sending) {
        *self = match news {
            Sending::Progress { sent, total, rate } => Self::Sending {
                sent,
                total,
                pace: rate.map_or(Pace::Unknown, Pace::Known),
            },
            Sending::Waiting { secs } => {
                let (sent, total) = self.bytes();
                Self::Sending {
                    sent,
                    total,
                    pace: Pace::Waiting(secs),
                }
            }
            Sending::Lost => Self::Failed(Failure::of(
                "The server could not be reached for ten minutes. Check the connection, then choose the \
                 file again: it goes on where it stopped.",
            )),
            Sending::Answered { status, body } => Self::answered(status, &body),
            Sending::Cancelled => Self::Cancelled,
        };
    }

    /// Is how many bytes are sent, and of how many.
    pub const fn bytes(&self) -> (f64, f64) {
        match self {
            Self::Sending { sent, total, .. } => (*sent, *total),
            Self::Queued | Self::Done(_) | Self::Failed(_) | Self::Cancelled => (0.0, 0.0),
        }
    }

    fn answered(status: u16, body: &str) -> Self {
        if status == 201 {
            return serde_json::from_slice(body.as_bytes()).map_or_else(
                |_| Self::Failed(Failure::of("The server's answer could not be read.")),
                Self::Done,
            );
        }
        let told = serde_json::from_slice::<ApiErrors>(body.as_bytes()).ok();
        let told = told.and_then(|told| told.errors.into_iter().next());
        Self::Failed(told.map_or_else(
            || Failure::of(format!("The server answered with status {status}.")),
            |error| Failure {
                message: error.message,
                images: error.detail.unwrap_or_default().images,
            },
        ))
    }

    /// Says how much of how much, how fast, and how long still.
    pub fn facts(&self) -> String {
        let Self::Sending { sent, total, pace } = self else {
            return String::new();
        };
        let amount = format!("{} of {}", human(whole(*sent)), human(whole(*total)));
        match pace {
            Pace::Waiting(1) => format!("{amount} \u{b7} no connection, tried again in a second"),
            Pace::Waiting(secs) => {
                format!("{amount} \u{b7} no connection, tried again in {secs} seconds")
            }
            _ if sent >= total => format!("{amount}, the server is storing it"),
            Pace::Unknown => amount,
            Pace::Known(rate) => {
                let left = duration(whole((total - sent) / rate));
                let rate = human(whole(*rate));
                format!("{amount} \u{b7} {rate}/s \u{b7} {left} left")
            }
        }
    }
}

fn duration(secs: u64) -> String {
    match secs {
        0 | 1 => "a second".to_owned(),
        2..60 => format!("{secs} seconds"),
        60..3600 => format!("{} min {} s", secs / 60, secs % 60),
        _ => format!("{} h {} min", secs / 3600, secs / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(sent: f64, rate: Option<f64>) -> Sending {
        let total = 1e8;
        Sending::Progress { sent, total, rate }
    }

    #[test]
    fn describes_progress() {
        let mut upload = Upload::Queued;
        assert_eq!(upload.facts(), "");
        for (sent, rate, text) in [
            (1e6, None, "1.0 MB of 100.0 MB"),
            (
                2e7,
                Some(1e7),
                "20.0 MB of 100.0 MB \u{b7} 10.0 MB/s \u{b7} 8 seconds left",
            ),
            (
                1e8,
                Some(1e7),
                "100.0 MB of 100.0 MB, the server is storing it",
            ),
        ] {
            upload.advance(progress(sent, rate));
            assert_eq!(upload.facts(), text);
        }
    }

    #[test]
    fn tells_of_a_cut_connection_and_keeps_what_is_sent() {
        let mut upload = Upload::Queued;
        upload.advance(progress(2e7, None));
        upload.advance(Sending::Waiting { secs: 4 });
        let text = "20.0 MB of 100.0 MB \u{b7} no connection, tried again in 4 seconds";
        assert_eq!(upload.facts(), text);
        assert!(upload.is_open());
    }

    #[test]
    fn shows_the_servers_own_words() {
        let mut upload = Upload::Queued;
        let body = r#"{"errors":[{"code":"DENIED","message":"not yours","detail":null}]}"#;
        upload.advance(Sending::Answered {
            status: 403,
            body: body.to_owned(),
        });
        assert_eq!(upload, Upload::Failed(Failure::of("not yours")));
        let body = r#"{"errors":[{"code":"IMAGE_UNCLEAR","message":"several","detail":{"images":["a:1","b:1"]}}]}"#;
        upload.advance(Sending::Answered {
            status: 400,
            body: body.to_owned(),
        });
        assert!(matches!(upload, Upload::Failed(failure) if failure.images == ["a:1", "b:1"]));
    }
}
