//! Text in XML.

/// Writes a text so that it means itself in XML, without what XML has no place for.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => {}
            '\t' | '\n' | ' '.. => escaped.push(c),
            _ => {}
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_xml_takes_for_its_own() {
        let text = "a <b> & \"c\"\u{1b}\u{0}";
        assert_eq!(escaped(text), "a &lt;b&gt; &amp; &quot;c&quot;");
    }
}
