//! Texts that fit: without what can't be drawn, in lines, cut where they are too long.

use super::canvas::Font;

/// Platforms that are named; of the others only how many they are.
const PLATFORMS_NAMED: usize = 3;

/// Keeps what can be drawn of a text, with single spaces.
///
/// So characters that turn the writing round, that have no width or that are pictures are left out, whatever
/// wrote them.
pub fn drawable(font: &Font, text: &str) -> String {
    let known = text.chars().filter_map(|character| match character {
        '\u{ad}' => None,
        _ if character.is_whitespace() => Some(' '),
        _ => font.has(character).then_some(character),
    });
    let text: String = known.collect();
    text.split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Breaks a text into lines of at most `width` pixels, between words where it can; the last is cut with an
/// ellipsis when there is more.
pub fn wrap(font: &Font, text: &str, size: f32, width: f32, lines_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && lines.len() < lines_max {
        let fits = fitting(font, rest, size, width);
        if fits == rest.len() {
            lines.push(rest.to_owned());
            return lines;
        }
        if lines.len() + 1 == lines_max {
            lines.push(cut(font, rest, size, width));
            return lines;
        }
        let end = match rest[..fits].rfind([' ', '/']) {
            Some(at) if at > 0 => at + 1,
            _ => fits,
        };
        lines.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
    }
    lines
}

/// Cuts a text with an ellipsis so that it fits.
pub fn cut(font: &Font, text: &str, size: f32, width: f32) -> String {
    if fitting(font, text, size, width) == text.len() {
        return text.to_owned();
    }
    let room = width - font.width("…", size);
    let end = fitting(font, text, size, room);
    format!("{}…", text[..end].trim_end())
}

/// Is how many bytes of a text fit; at least one character, so that there is an end.
fn fitting(font: &Font, text: &str, size: f32, width: f32) -> usize {
    let mut taken = 0.0;
    for (at, character) in text.char_indices() {
        taken += font.width(character.encode_utf8(&mut [0; 4]), size);
        if taken > width && at > 0 {
            return at;
        }
    }
    text.len()
}

/// Writes a number in three or four characters.
pub fn count(number: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "G"), (1_000_000, "M"), (1000, "k")];
    for (unit, name) in UNITS {
        if number >= unit {
            let tenths = number / (unit / 10);
            return match tenths {
                100.. => format!("{}{name}", tenths / 10),
                _ => format!("{}.{}{name}", tenths / 10, tenths % 10),
            };
        }
    }
    number.to_string()
}

/// Names the first platforms and counts the others.
pub fn some_of(platforms: &[String]) -> Option<String> {
    let named = platforms.iter().take(PLATFORMS_NAMED);
    let named: Vec<&str> = named.map(String::as_str).collect();
    let more = platforms.len().saturating_sub(PLATFORMS_NAMED);
    match (named.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(named.join(", ")),
        (false, more) => Some(format!("{} and {more} more", named.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::canvas::REGULAR;
    use super::*;

    #[test]
    fn keeps_only_what_can_be_drawn() {
        let hostile =
            "a\u{202e}b\u{0}c\u{1b}[0m\u{200b}\u{feff} \u{2066}\n\t😀 d\u{a0}é ж λ 字\u{ad}";
        assert_eq!(drawable(&REGULAR, hostile), "abc[0m d é ж λ");
        assert_eq!(drawable(&REGULAR, "😀🏳️‍🌈"), "");
    }

    #[test]
    fn wraps_between_words_and_cuts_the_last_line() {
        let text = "one two three four five six seven eight nine ten";
        let lines = wrap(&REGULAR, text, 20.0, 150.0, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("one two") && !lines[0].ends_with(' '));
        assert!(lines[1].ends_with('…'), "{lines:?}");
        for line in &lines {
            assert!(REGULAR.width(line, 20.0) <= 150.0, "{line}");
        }
        assert_eq!(wrap(&REGULAR, "short", 20.0, 150.0, 2), ["short"]);
        assert_eq!(wrap(&REGULAR, "", 20.0, 150.0, 2), Vec::<String>::new());
    }

    #[test]
    fn breaks_words_that_are_longer_than_a_line() {
        let text = "w".repeat(10_000);
        let lines = wrap(&REGULAR, &text, 20.0, 150.0, 3);
        assert_eq!(lines.len(), 3);
        assert!(lines[2].ends_with('…'));
        assert!(lines.iter().all(|line| REGULAR.width(line, 20.0) <= 150.0));
        assert_eq!(wrap(&REGULAR, "ww", 20.0, 0.0, 9).len(), 2);
    }

    #[test]
    fn writes_counts_short() {
        let written = [0, 999, 1000, 1234, 99_949, 1_500_000, 12_000_000_000].map(count);
        assert_eq!(written, ["0", "999", "1.0k", "1.2k", "99k", "1.5M", "12G"]);
    }
}
