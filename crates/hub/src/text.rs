//! Texts of one line that people write and other people's screens show.

/// Tells whether a text drives no terminal and leaves the direction of what stands around it alone: it holds no control
/// characters, and none that embed or override a direction. Source: Unicode Standard Annex 9, "Explicit Formatting".
pub(crate) fn is_plain(text: &str) -> bool {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|c| c.is_control() || turns(c))
}

/// Puts a text on one line, with single spaces.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_or_turns_text_is_not_plain() {
        for text in [
            "",
            "an app",
            "für Häuser",
            "שלום",
            "مرحبا",
            "字 😀",
            "a\u{200f}b",
        ] {
            assert!(is_plain(text), "{text:?}");
        }
        for text in [
            "\u{1b}]0;x\u{7}",
            "a\0",
            "a\u{9b}1m",
            "a\u{202e}b",
            "\u{2066}a\u{2069}",
            "a\u{7f}",
        ] {
            assert!(!is_plain(text), "{text:?}");
        }
    }
}
