//! Ranges of bytes: what a pull asks for, and what a chunk of a push says that it is.

use std::ops::Range;
use std::str::FromStr;

/// What a `Range` header asks for of content whose length is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requested {
    /// Everything: no range, several at once, or one in another unit.
    Whole,
    Part(Range<u64>),
    /// Nothing that is there.
    Unsatisfiable,
}

impl Requested {
    /// Parses a header for content of `length` bytes.
    ///
    /// Several ranges at once are answered with the whole, as the source allows.
    /// Source: RFC 9110, section 14.
    pub fn parse(text: &str, length: u64) -> Self {
        let Some(range) = text.strip_prefix("bytes=") else {
            return Self::Whole;
        };
        let Some((first, last)) = range.trim().split_once('-') else {
            return Self::Whole;
        };
        let end = length.saturating_sub(1);
        let (first, last) = match (number(first), number(last)) {
            (Ok(Some(first)), Ok(last)) => (first, last.unwrap_or(u64::MAX).min(end)),
            (Ok(None), Ok(Some(0))) => return Self::Unsatisfiable,
            (Ok(None), Ok(Some(suffix))) => (length.saturating_sub(suffix), end),
            _ => return Self::Whole,
        };
        if last < first || first >= length {
            Self::Unsatisfiable
        } else {
            Self::Part(first..last + 1)
        }
    }
}

/// Reads digits; nothing of an empty text.
fn number(text: &str) -> Result<Option<u64>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(());
    }
    text.parse().map(Some).map_err(|_| ())
}

/// Where the bytes of a chunk lie in their blob: `<first>-<last>`, both included.
///
/// The form of HTTP, `bytes <first>-<last>/<length>`, is understood too.
/// Source: OCI distribution-spec, "Pushing a blob in chunks".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    first: u64,
    length: u64,
}

impl ContentRange {
    /// Is the offset of the first byte.
    pub const fn first(self) -> u64 {
        self.first
    }

    /// Is the number of bytes, 1 or more.
    pub const fn length(self) -> u64 {
        self.length
    }
}

impl FromStr for ContentRange {
    type Err = ContentRangeError;

    fn from_str(text: &str) -> Result<Self, ContentRangeError> {
        let range = text.strip_prefix("bytes ").unwrap_or(text);
        let range = range.split_once('/').map_or(range, |(range, _)| range);
        let (first, last) = range.split_once('-').ok_or(ContentRangeError)?;
        let (Ok(Some(first)), Ok(Some(last))) = (number(first), number(last)) else {
            return Err(ContentRangeError);
        };
        let length = last.checked_sub(first).and_then(|n| n.checked_add(1));
        let length = length.ok_or(ContentRangeError)?;
        Ok(Self { first, length })
    }
}

/// Why a text is no `Content-Range`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Content-Range is written first-last, in bytes")]
pub struct ContentRangeError;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_single_ranges() {
        for (text, requested) in [
            ("bytes=0-4", Requested::Part(0..5)),
            ("bytes=5-", Requested::Part(5..10)),
            ("bytes=-3", Requested::Part(7..10)),
            ("bytes=-30", Requested::Part(0..10)),
            ("bytes=8-99", Requested::Part(8..10)),
            ("bytes=10-", Requested::Unsatisfiable),
            ("bytes=-0", Requested::Unsatisfiable),
            ("bytes=4-2", Requested::Unsatisfiable),
            ("bytes=0-1,3-4", Requested::Whole),
            ("bytes=x-", Requested::Whole),
            ("bytes=+1-", Requested::Whole),
            ("lines=0-1", Requested::Whole),
        ] {
            assert_eq!(Requested::parse(text, 10), requested, "{text}");
        }
        assert_eq!(Requested::parse("bytes=0-", 0), Requested::Unsatisfiable);
    }

    #[test]
    fn refuses_what_is_no_content_range() {
        let biggest = format!("0-{}", u64::MAX);
        for text in [
            "", "-", "5", "5-", "-5", "6-5", "a-b", "+1-2", " 1-2", &biggest,
        ] {
            assert!(text.parse::<ContentRange>().is_err(), "{text}");
        }
        let range: ContentRange = "bytes 5-9/10".parse().unwrap();
        assert_eq!((range.first(), range.length()), (5, 5));
    }

    proptest! {
        #[test]
        fn what_is_asked_for_is_there(text in "bytes=[0-9]{0,20}-[0-9]{0,20}", length: u64) {
            if let Requested::Part(range) = Requested::parse(&text, length) {
                prop_assert!(range.start < range.end && range.end <= length);
            }
        }

        #[test]
        fn never_panics(text in ".*", length: u64) {
            let _ = Requested::parse(&text, length);
            let _ = text.parse::<ContentRange>();
        }

        #[test]
        fn a_content_range_round_trips(first in 0..u64::MAX / 2, more in 0..u64::MAX / 2) {
            let text = format!("{first}-{}", first + more);
            let range: ContentRange = text.parse().unwrap();
            prop_assert_eq!((range.first(), range.length()), (first, more + 1));
        }
    }
}
