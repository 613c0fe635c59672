//! Times as people write them.

use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

/// A time such as `90s`, `12h` or `14d`, or `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Keep {
    For(Duration),
    Never,
}

impl FromStr for Keep {
    type Err = humantime::DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "never" {
            return Ok(Self::Never);
        }
        humantime::parse_duration(text).map(Self::For)
    }
}

impl TryFrom<String> for Keep {
    type Error = humantime::DurationError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Keep {
    /// Is the time in milliseconds; `None` for never.
    pub fn millis(self) -> Option<i64> {
        match self {
            Self::For(time) => Some(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)),
            Self::Never => None,
        }
    }
}

/// How far the server's clock is from the machine's: `-14d` is two weeks behind it.
#[cfg(debug_assertions)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeShift(pub i64);

#[cfg(debug_assertions)]
impl FromStr for TimeShift {
    type Err = humantime::DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (sign, time) = match text.strip_prefix('-') {
            Some(time) => (-1, time),
            None => (1, text),
        };
        let time = humantime::parse_duration(time)?;
        Ok(Self(
            i64::try_from(time.as_millis()).map_or(sign * i64::MAX, |by_ms| sign * by_ms),
        ))
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    fn a_time_shift_has_a_sign() {
        let shift = |text: &str| text.parse::<TimeShift>().unwrap();
        assert_eq!(shift("-14d"), TimeShift(-14 * 24 * 3_600_000));
        assert_eq!(shift("90s"), TimeShift(90_000));
        assert!("--1d".parse::<TimeShift>().is_err());
    }
}
