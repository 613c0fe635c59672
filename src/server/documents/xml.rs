//! XML as it is written: escaped, and without the characters that it can't hold.

use std::fmt::Write as _;

/// Writes elements one after the other.
#[derive(Default)]
pub struct Xml(String);

impl Xml {
    /// Starts a document.
    pub fn document() -> Self {
        Self("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n".to_owned())
    }

    /// Writes a tag with attributes, `<link href="..."` and what closes it.
    fn tag(&mut self, name: &str, attributes: &[(&str, &str)], close: &str) {
        let _ = write!(self.0, "<{name}");
        for (attribute, value) in attributes {
            let _ = write!(self.0, " {attribute}=\"");
            self.escape(value);
            self.0.push('"');
        }
        self.0.push_str(close);
    }

    /// Opens an element.
    pub fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes, ">\n");
    }

    /// Closes an element.
    pub fn close(&mut self, name: &str) {
        let _ = writeln!(self.0, "</{name}>");
    }

    /// Writes an element without content.
    pub fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes, "/>\n");
    }

    /// Writes an element that holds a text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.tag(name, &[], ">");
        self.escape(text);
        self.close(name);
    }

    pub fn finish(self) -> String {
        self.0
    }

    fn escape(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\t' | '\n' => self.0.push(character),
                // Source: XML 1.0, "Characters". Two of the last are none to it, escaped or not.
                _ if character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}') => {}
                _ => self.0.push(character),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_texts_and_drops_what_xml_can_not_hold() {
        let mut xml = Xml::default();
        xml.text("t", "a<b> & \"c\"\u{0}\u{1b}[0m\u{ffff}\n😀");
        xml.empty("l", &[("href", "?a=1&b=\"")]);
        let expected =
            "<t>a&lt;b&gt; &amp; &quot;c&quot;[0m\n😀</t>\n<l href=\"?a=1&amp;b=&quot;\"/>\n";
        assert_eq!(xml.finish(), expected);
    }
}
