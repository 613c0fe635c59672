//! Ranges of bytes: what a pull asks for, and what a chunk of a push says that it is.

use std::ops::Range;
use std::str::FromStr;

/// Most ranges of one request: what clients that take layers apart ask for at once.
const RANGES_MAX: usize = 1024;

/// What a `Range` header asks for of content whose length is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requested {
    /// Everything: no range, one in another unit, or more than there is.
    Whole,
    Part(Range<u64>),
    /// Several parts, in the order in which they are asked for.
    Parts(Vec<Range<u64>>),
    /// Nothing that is there, or too many parts.
    Unsatisfiable,
}

impl Requested {
    /// Parses a header for content of `length` bytes.
    ///
    /// Parts that overlap, are not in order, or are more than half of the content are answered with the whole, as the source
    /// advises.
    /// Source: RFC 9110, sections 14.1.2 and 14.2.
    pub fn parse(text: &str, length: u64) -> Self {
        let Some(list) = text.strip_prefix("bytes=") else {
            return Self::Whole;
        };
        let mut parts = Vec::new();
        let mut sum = 0_u64;
        for (i, range) in list.split(',').enumerate() {
            if i == RANGES_MAX {
                return Self::Unsatisfiable;
            }
            match part(range.trim(), length) {
                Err(()) => return Self::Whole,
                Ok(None) => {}
                Ok(Some(part)) => {
                    sum = sum.saturating_add(part.end - part.start);
                    parts.push(part);
                }
            }
        }
        match parts.as_slice() {
            [] => Self::Unsatisfiable,
            [part] => Self::Part(part.clone()),
            // What overlaps, or is most of the content, costs less in one piece.
            parts if parts.windows(2).any(|two| two[0].end > two[1].start) => Self::Whole,
            _ if sum > length / 2 => Self::Whole,
            _ => Self::Parts(parts),
        }
    }
}

/// Parses one range; `None` for one that is not there.
fn part(range: &str, length: u64) -> Result<Option<Range<u64>>, ()> {
    let (first, last) = range.split_once('-').ok_or(())?;
    let end = length.saturating_sub(1);
    let (first, last) = match (number(first)?, number(last)?) {
        (Some(first), last) => (first, last.unwrap_or(u64::MAX).min(end)),
        (None, Some(0)) => return Ok(None),
        (None, Some(suffix)) => (length.saturating_sub(suffix), end),
        (None, None) => return Err(()),
    };
    let is_there = first <= last && first < length;
    Ok(is_there.then(|| first..last + 1))
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
            ("bytes=0-1, 3-4", Requested::Parts(vec![0..2, 3..5])),
            ("bytes=0-0,-1,20-", Requested::Parts(vec![0..1, 9..10])),
            ("bytes=-1,0-0", Requested::Whole),
            ("bytes=0-1,1-2", Requested::Whole),
            ("bytes=0-3,5-9", Requested::Whole),
            ("bytes=0-1,20-", Requested::Part(0..2)),
            ("bytes=20-,30-", Requested::Unsatisfiable),
            ("bytes=0-,0-", Requested::Whole),
            ("bytes=0-1,x", Requested::Whole),
            ("bytes=0-1,", Requested::Whole),
            ("bytes=x-", Requested::Whole),
            ("bytes=+1-", Requested::Whole),
            ("lines=0-1", Requested::Whole),
        ] {
            assert_eq!(Requested::parse(text, 10), requested, "{text}");
        }
        assert_eq!(Requested::parse("bytes=0-", 0), Requested::Unsatisfiable);
        let ranges = |count: usize| {
            let ranges: Vec<String> = (0..count).map(|i| format!("{0}-{0}", 4 * i)).collect();
            format!("bytes={}", ranges.join(","))
        };
        let most = Requested::parse(&ranges(RANGES_MAX), 5000);
        assert!(matches!(most, Requested::Parts(parts) if parts.len() == RANGES_MAX));
        let more = Requested::parse(&ranges(RANGES_MAX + 1), 5000);
        assert_eq!(more, Requested::Unsatisfiable);
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
        fn what_is_asked_for_is_there(
            text in "bytes=[0-9]{0,20}-[0-9]{0,20}(,[0-9]{0,3}-[0-9]{0,3}){0,3}",
            length: u64,
        ) {
            let parts = match Requested::parse(&text, length) {
                Requested::Part(range) => vec![range],
                Requested::Parts(parts) => parts,
                Requested::Whole | Requested::Unsatisfiable => Vec::new(),
            };
            for range in parts {
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
