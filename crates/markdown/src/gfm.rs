//! Markdown as written, to HTML as its author meant it: not safe yet.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::{Mutex, PoisonError};

use comrak::adapters::{HeadingAdapter, HeadingMeta, SyntaxHighlighterAdapter};
use comrak::options::Plugins;
use comrak::{Arena, Options, format_html_with_plugins, parse_document};

use super::highlight;

/// Longest slug of a heading, in characters: longer ones are no use in an address.
const SLUG_MAX_CHARS: usize = 128;

/// Deepest nesting of quotes in a line: the parser limits that of lists, but takes quadratic time for quotes.
const QUOTES_MAX: usize = 50;

/// Renders a text, or nothing if it becomes longer than `max_bytes` or is nested too deep.
pub(super) fn html(text: &str, max_bytes: usize) -> Option<String> {
    if is_too_deep(text) {
        return None;
    }
    let options = options();
    let headings = Headings::default();
    let mut plugins = Plugins::default();
    plugins.render.heading_adapter = Some(&headings);
    plugins.render.codefence_syntax_highlighter = Some(&Code);

    let arena = Arena::new();
    let document = parse_document(&arena, text, &options);
    let mut html = Bounded {
        html: String::with_capacity(text.len()),
        max_bytes,
    };
    format_html_with_plugins(document, &options, &mut html, &plugins).ok()?;
    Some(html.html)
}

/// Is what of Markdown's dialects is understood.
pub(super) fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.alerts = true;
    options.extension.autolink = true;
    options.extension.footnotes = true;
    options.extension.shortcodes = true;
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.tasklist = true;
    options.render.tasklist_classes = true;
    // Raw HTML is judged later, where it can't be told from ours.
    options.render.r#unsafe = true;
    options
}

/// Tells whether the marks of blocks stand anywhere in a row with more quotes than are allowed.
pub(super) fn is_too_deep(text: &str) -> bool {
    let mut quotes = 0;
    text.bytes().any(|b| {
        quotes = match b {
            b'>' => quotes + 1,
            b' ' | b'\t' | b'-' | b'+' | b'*' | b'.' | b')' | b'0'..=b'9' => quotes,
            _ => 0,
        };
        quotes > QUOTES_MAX
    })
}

/// Refuses what exceeds its bound, so that a short text can't become gigabytes.
struct Bounded {
    html: String,
    max_bytes: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        if self.html.len() + s.len() > self.max_bytes {
            return Err(fmt::Error);
        }
        self.html.push_str(s);
        Ok(())
    }
}

/// Gives headings their ids, each once. Counts instead of trying, so that many equal headings stay cheap.
#[derive(Default)]
struct Headings(Mutex<HashMap<String, usize>>);

impl HeadingAdapter for Headings {
    fn enter(
        &self,
        output: &mut dyn Write,
        heading: &HeadingMeta,
        _: Option<comrak::nodes::Sourcepos>,
    ) -> fmt::Result {
        let slug = slug(&heading.content);
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = seen.entry(slug.clone()).or_default();
        let count = *before;
        *before += 1;
        match (slug.as_str(), count) {
            ("", _) => write!(output, "<h{}>", heading.level),
            (slug, 0) => write!(output, "<h{} id=\"{slug}\">", heading.level),
            (slug, count) => write!(output, "<h{} id=\"{slug}-{count}\">", heading.level),
        }
    }

    fn exit(&self, output: &mut dyn Write, heading: &HeadingMeta) -> fmt::Result {
        writeln!(output, "</h{}>", heading.level)
    }
}

/// Is what a link to a heading says: letters and digits in lower case, and hyphens for blanks.
fn slug(heading: &str) -> String {
    let kept = |c: char| match c {
        ' ' | '-' => Some('-'),
        c if c.is_alphanumeric() || c == '_' => Some(c),
        _ => None,
    };
    let lower = heading.trim().chars().flat_map(char::to_lowercase);
    lower.filter_map(kept).take(SLUG_MAX_CHARS).collect()
}

/// Colours blocks of code.
struct Code;

impl SyntaxHighlighterAdapter for Code {
    fn write_highlighted(
        &self,
        output: &mut dyn Write,
        lang: Option<&str>,
        code: &str,
    ) -> fmt::Result {
        highlight::write(output, lang.unwrap_or_default(), code)
    }

    fn write_pre_tag(
        &self,
        output: &mut dyn Write,
        _: HashMap<&'static str, Cow<'_, str>>,
    ) -> fmt::Result {
        output.write_str("<pre>")
    }

    fn write_code_tag(
        &self,
        output: &mut dyn Write,
        _: HashMap<&'static str, Cow<'_, str>>,
    ) -> fmt::Result {
        output.write_str("<code>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_each_heading_its_own_id() {
        let html = html("# Über *uns*!\n\n# a\n\n# a\n\n# \"x\n\n# !\n", 1000).unwrap();
        let heads: Vec<_> = html.lines().collect();
        assert_eq!(heads[0], "<h1 id=\"über-uns\">Über <em>uns</em>!</h1>");
        assert_eq!(heads[1], "<h1 id=\"a\">a</h1>");
        assert_eq!(heads[2], "<h1 id=\"a-1\">a</h1>");
        assert_eq!(heads[3], "<h1 id=\"x\">&quot;x</h1>");
        assert_eq!(heads[4], "<h1>!</h1>");
    }

    #[test]
    fn refuses_what_becomes_too_long() {
        assert!(html("*a*", 18).is_some());
        assert!(html("*a*", 17).is_none());
    }
}
