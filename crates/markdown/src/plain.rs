//! What a README is about, in a line.

use comrak::nodes::{Node, NodeValue};
use comrak::{Arena, parse_document};

use super::{gfm, policy};

/// Longest description that search engines and social cards show, in characters.
const PLAIN_MAX_CHARS: usize = 200;
/// How much of a text is looked at, in bytes: who has said nothing until then has no first paragraph.
const READ_MAX_BYTES: usize = 16 * 1024;

/// Is the first paragraph of a text that says something, without its markup; at most 200 characters. Badges and
/// other images say nothing.
pub fn plain(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(READ_MAX_BYTES)];
    if gfm::is_too_deep(text) {
        return String::new();
    }
    let arena = Arena::new();
    let document = parse_document(&arena, text, &gfm::options());
    let paragraphs = document
        .descendants()
        .filter(|node| matches!(node.data().value, NodeValue::Paragraph));
    let mut lines = paragraphs.map(line).filter(|line| !line.is_empty());
    shortened(&lines.next().unwrap_or_default())
}

/// Is the text within a node, with single blanks.
fn line(paragraph: Node<'_>) -> String {
    let mut line = String::new();
    push(paragraph, &mut line);
    let line: String = line.chars().filter(|c| policy::shown(*c)).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn push(node: Node<'_>, line: &mut String) {
    for node in node.descendants() {
        let in_image = node
            .ancestors()
            .skip(1)
            .take_while(|above| !matches!(above.data().value, NodeValue::Paragraph))
            .any(|above| matches!(above.data().value, NodeValue::Image(_)));
        match &node.data().value {
            NodeValue::Text(text) if !in_image => line.push_str(text),
            NodeValue::Code(code) if !in_image => line.push_str(&code.literal),
            NodeValue::SoftBreak | NodeValue::LineBreak => line.push(' '),
            _ => {}
        }
    }
}

/// Cuts a line between words, and says so.
fn shortened(line: &str) -> String {
    let Some((end, _)) = line.char_indices().nth(PLAIN_MAX_CHARS) else {
        return line.to_owned();
    };
    let start = line[..end]
        .char_indices()
        .next_back()
        .map_or(0, |(at, _)| at);
    let cut = &line[..start];
    let cut = cut.rsplit_once(' ').map_or(cut, |(words, _)| words);
    format!("{}…", cut.trim_end_matches(|c: char| !c.is_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_first_paragraph_that_says_something() {
        for (text, expected) in [
            ("", ""),
            ("# Title\n", ""),
            (
                "# Title\n\nSome *text* with `code`,\na [link](/x) and more.\n\nNext.",
                "Some text with code, a link and more.",
            ),
            (
                "[![badge](https://a.b/c.svg)](https://a.b) ![d](e)\n\nSays.",
                "Says.",
            ),
            (
                "<p align=center>x</p>\n\n<!-- c -->\n\na<b>c</b>\u{202E}",
                "ac",
            ),
            ("- item\n\n> quote", "item"),
            (
                "<script>alert(1)</script>\n\n&lt;b&gt; & \"c\"",
                "<b> & \"c\"",
            ),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn stays_short() {
        let words = plain(&"some, words ".repeat(50));
        assert!(
            words.ends_with("words…") || words.ends_with("some…"),
            "{words}"
        );
        assert!(words.chars().count() <= PLAIN_MAX_CHARS);
        assert_eq!(plain(&"é".repeat(200)).chars().count(), 200);
        assert_eq!(plain(&"é".repeat(20_001)).chars().count(), 200);
        plain(&"> ".repeat(READ_MAX_BYTES));
        plain(&"![".repeat(READ_MAX_BYTES));
    }
}
