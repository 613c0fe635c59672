//! Text inside `title` and `textarea`, which Leptos writes into the HTML as it is.

use std::borrow::Cow;

/// Escapes text for the HTML that the server sends. Source: HTML, "Serializing HTML fragments".
pub fn text(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>']) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            other => escaped.push(other),
        }
    }
    escaped.into()
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_that_is_escaped_ends_an_element() {
        assert_eq!(super::text("plain \"text\""), "plain \"text\"");
        assert_eq!(super::text("</title>&lt;"), "&lt;/title&gt;&amp;lt;");
    }
}
