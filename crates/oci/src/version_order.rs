//! The order in which people list versions: 1.10 after 1.9, 1.10.0-rc.1 before 1.10.0.

use crate::Tag;

/// What a word after a hyphen must start with to name something before the release.
const BEFORE_RELEASE: [&str; 12] = [
    "alpha",
    "beta",
    "rc",
    "pre",
    "preview",
    "dev",
    "snapshot",
    "canary",
    "nightly",
    "milestone",
    "ea",
    "next",
];

// Bytes of a key, in their order. Numbers stand above marks and below letters.
const BEFORE_END: u8 = b'!';
const END: u8 = b'#';
const DOT: u8 = b'$';
const HYPHEN: u8 = b'%';
const UNDERSCORE: u8 = b'&';

impl Tag {
    /// Is a text that sorts tags by version when compared byte by byte: `latest` last, before it the
    /// versions by number, first everything that is not a version.
    ///
    /// At most four bytes a byte of the tag, and three more.
    pub fn version_key(&self) -> String {
        let text = self.as_str().to_ascii_lowercase();
        let numbered = text
            .strip_prefix('v')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let body = numbered.unwrap_or(&text);
        let class = match body.as_bytes().first() {
            _ if text == "latest" => 'z',
            Some(first) if first.is_ascii_digit() => 'y',
            _ => 'x',
        };
        let mut key = String::from(class);
        push_parts(&mut key, body);
        key
    }
}

fn push_parts(key: &mut String, mut rest: &str) {
    while let Some(first) = rest.bytes().next() {
        if first.is_ascii_digit() {
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            push_number(key, &rest[..end]);
            rest = &rest[end..];
            continue;
        }
        rest = &rest[1..];
        let byte = match first {
            b'-' if is_before_release(rest) => BEFORE_END,
            b'-' => HYPHEN,
            b'.' => DOT,
            b'_' => UNDERSCORE,
            letter => letter,
        };
        key.push(char::from(byte));
    }
    key.push(char::from(END));
}

/// Writes a number so that a longer one sorts higher: its length in two digits first (a tag has at
/// most 128 characters, and numbers past 99 digits sort as 99), then its digits.
fn push_number(key: &mut String, digits: &str) {
    let digits = digits.trim_start_matches('0');
    let length = digits.len().min(99);
    key.push(char::from(b'0' + u8::try_from(length / 10).unwrap_or(9)));
    key.push(char::from(b'0' + u8::try_from(length % 10).unwrap_or(9)));
    key.push_str(digits);
}

fn is_before_release(word: &str) -> bool {
    let letters = word
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(word.len());
    BEFORE_RELEASE.contains(&&word[..letters])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sorted(mut tags: Vec<&str>) -> Vec<&str> {
        tags.sort_by_key(|tag| tag.parse::<Tag>().unwrap().version_key());
        tags
    }

    #[test]
    fn sorts_as_people_do() {
        let ordered = vec![
            "edge",
            "nightly-2026-01-02",
            "nightly-2026-01-10",
            "0.9.0",
            "1",
            "1.9",
            "1.9.0-alpha",
            "1.9.0-beta.2",
            "1.9.0-rc.2",
            "1.9.0-rc.10",
            "1.9.0",
            "1.9.0-alpine",
            "1.9.0-alpine3.19",
            "1.9.1",
            "1.10.0-rc.1",
            "v1.10.0",
            "1.10.1",
            "2.0.0",
            "20260102",
            "latest",
        ];
        let mut shuffled = ordered.clone();
        shuffled.reverse();
        assert_eq!(sorted(shuffled), ordered);
    }

    proptest! {
        #[test]
        fn numbers_sort_by_value(a in 0u64.., b in 0u64..) {
            let key = |n: u64| format!("1.{n}").parse::<Tag>().unwrap().version_key();
            prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
        }

        #[test]
        fn a_key_is_short_and_printable(text in "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}") {
            let key = text.parse::<Tag>().unwrap().version_key();
            prop_assert!(key.len() <= text.len() * 4 + 3);
            prop_assert!(key.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}
