//! Tags.

use std::str::FromStr;

use crate::text::text_type;

/// Longest tag in bytes, fixed by the specification.
const TAG_MAX: usize = 128;

/// A movable name for a manifest: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
///
/// Source: OCI distribution-spec, "Pulling manifests" (the grammar of `<reference>` as a tag).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Box<str>);

impl Tag {
    /// Longest tag in bytes.
    pub const MAX_BYTES: usize = TAG_MAX;

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is `latest`, the tag that clients take when none is given.
    pub fn latest() -> Self {
        Self("latest".into())
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        if text.is_empty() || text.len() > TAG_MAX {
            return Err(TagError::Length);
        }
        if text.starts_with(['.', '-']) {
            return Err(TagError::FirstCharacter);
        }
        if !text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        {
            return Err(TagError::Characters);
        }
        Ok(Self(text.into()))
    }
}

text_type!(Tag);

/// Why a text is not a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    #[error("a tag has 1 to 128 characters")]
    Length,
    #[error("a tag starts with a letter, a digit or an underscore")]
    FirstCharacter,
    #[error("a tag holds letters, digits, underscores, dots and dashes only")]
    Characters,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_the_grammar_and_nothing_else() {
        for good in ["v1", "_x", "1.2.3-rc.1", "A", &"a".repeat(128)] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a/b", "a:b", "é", &"a".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn generated_tags_round_trip(text in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}") {
            prop_assert_eq!(text.parse::<Tag>().unwrap().to_string(), text);
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<Tag>();
        }
    }
}
