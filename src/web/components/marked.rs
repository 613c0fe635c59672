//! Texts in which the words that were looked for stand out.

use leptos::prelude::*;

/// Shows a text, with what begins as one of the words does marked. The words are in lower case.
pub fn marked(text: &str, words: &[String]) -> impl IntoView + use<> {
    let pieces = pieces(text, words).into_iter().map(|(piece, is_found)| {
        if is_found {
            view! { <mark>{piece}</mark> }.into_any()
        } else {
            piece.into_any()
        }
    });
    pieces.collect_view()
}

/// Cuts a text into pieces, and tells of each whether it was looked for.
fn pieces(text: &str, words: &[String]) -> Vec<(String, bool)> {
    let mut pieces: Vec<(String, bool)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let is_word = rest.starts_with(char::is_alphanumeric);
        let end = rest
            .find(|c: char| c.is_alphanumeric() != is_word)
            .unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        let lower = piece.to_lowercase();
        let is_found = is_word && words.iter().any(|word| lower.starts_with(word.as_str()));
        match pieces.last_mut() {
            Some((last, false)) if !is_found => last.push_str(piece),
            _ => pieces.push((piece.to_owned(), is_found)),
        }
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(text: &str, words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let pieces = pieces(text, &words).into_iter();
        pieces
            .map(|(piece, is_found)| {
                if is_found {
                    format!("[{piece}]")
                } else {
                    piece
                }
            })
            .collect()
    }

    #[test]
    fn marks_words_by_their_beginnings() {
        assert_eq!(marks("alice/web-Server", &["serv"]), "alice/web-[Server]");
        assert_eq!(
            marks("a server, observed", &["serv"]),
            "a [server], observed"
        );
        assert_eq!(marks("Überfahrt", &["über"]), "[Überfahrt]");
        assert_eq!(marks("<b>x</b>", &["b"]), "<[b]>x</[b]>");
        assert_eq!(marks("nothing", &[]), "nothing");
    }
}
