//! Characters that no terminal and no page should get from somebody else.

/// Tells whether a character is a control character, or embeds or overrides the direction of text.
///
/// Source: Unicode Standard Annex 9, "Explicit Directional Formatting Characters".
pub fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_any_script_are_harmless_and_escapes_are_not() {
        let text = "an app für Häuser שלום مرحبا 字 😀 a\u{200f}b";
        assert!(!text.chars().any(is_harmful));
        for c in [
            '\u{1b}', '\0', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{2069}',
        ] {
            assert!(is_harmful(c), "{c:?}");
        }
    }
}
