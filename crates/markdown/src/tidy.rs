//! Puts HTML in order: tags that the policy lists, each closed, none too deep.
//!
//! The sanitiser builds a tree as browsers do, and what repairs broken HTML there takes quadratic time
//! or memory for what is broken on purpose. Here everything takes one pass and a short stack: an unfit tag
//! goes and its text stays. Values of attributes are judged as they are written, without resolving
//! `&...;`, so that an address in disguise is none.

use std::borrow::Cow;
use std::collections::HashSet;

use super::CodeHost;
use super::policy::{self, BLOCK, IMAGE, INLINE, LINK_REL, TASK, VOID};

/// How deep elements may be nested. Real READMEs stay under twenty; browsers and parsers slow down
/// with depth.
const DEPTH_MAX: usize = 64;
/// Elements whose content is no HTML. As GitHub's Markdown has it, their tags are shown instead.
const FILTERED: &[&str] = &[
    "iframe",
    "noembed",
    "noframes",
    "plaintext",
    "script",
    "style",
    "textarea",
    "title",
    "xmp",
];
/// Most attributes of a tag that are looked at: more than all that any element may have.
const ATTRIBUTES_MAX: usize = 16;

/// Puts HTML in order, or gives nothing if it becomes longer than `max_bytes`. Links that say no place of their own lead to
/// `host`.
pub(super) fn html(source: &str, host: Option<&CodeHost>, max_bytes: usize) -> Option<String> {
    let mut tidy = Tidy {
        out: String::with_capacity(source.len()),
        open: Vec::new(),
        ids: HashSet::new(),
        host,
    };
    let mut rest = source;
    while let Some(at) = rest.find('<') {
        tidy.text(&rest[..at]);
        rest = tidy.markup(&rest[at..]);
        if tidy.out.len() > max_bytes {
            return None;
        }
    }
    tidy.text(rest);
    tidy.close_to(0);
    (tidy.out.len() <= max_bytes).then_some(tidy.out)
}

struct Tidy<'h> {
    out: String,
    /// Elements that are open, the outermost first: blocks, at most one `p`, then inline ones.
    open: Vec<&'static str>,
    ids: HashSet<String>,
    host: Option<&'h CodeHost>,
}

type Attributes<'a> = Vec<(String, Cow<'a, str>)>;

impl Tidy<'_> {
    fn text(&mut self, text: &str) {
        if self.in_frame() && !text.trim_ascii().is_empty() {
            self.leave_table();
        }
        self.out.push_str(text);
    }

    /// Takes what begins with `<`, and returns what follows it. As in browsers, what never ends
    /// reaches to the end of the text.
    fn markup<'a>(&mut self, rest: &'a str) -> &'a str {
        let next = rest.as_bytes().get(1).copied().unwrap_or_default();
        if rest.starts_with("<!--") {
            return after(&rest[2..], "-->");
        }
        if next == b'!' || next == b'?' {
            return after(rest, ">");
        }
        if next == b'/' {
            self.end(&tag_name(&rest[2..]));
            return after(rest, ">");
        }
        let name = tag_name(&rest[1..]);
        if !next.is_ascii_alphabetic() || FILTERED.contains(&name.as_str()) {
            self.text("&lt;");
            return &rest[1..];
        }
        let Some((attributes, rest)) = attributes(&rest[1 + name.len()..]) else {
            return "";
        };
        if let Some(element) = policy::element(&name) {
            let attributes = self.at_host(element, with_ids(attributes));
            self.start(element, &attributes);
        }
        rest
    }

    /// Leads links to files beside the text to where these are.
    fn at_host<'a>(&self, element: &str, mut attributes: Attributes<'a>) -> Attributes<'a> {
        let Some(host) = self.host else {
            return attributes;
        };
        for (name, value) in &mut attributes {
            let whole = match (element, name.as_str()) {
                ("a", "href") => host.file(value),
                ("img", "src") | ("source", "srcset") => host.image(value),
                _ => None,
            };
            if let Some(whole) = whole {
                *value = whole.into();
            }
        }
        attributes
    }

    fn start(&mut self, element: &'static str, attributes: &Attributes) {
        if BLOCK.contains(&element) {
            self.close_inline();
            if self.open.last() == Some(&"p") {
                self.close_to(self.open.len() - 1);
            }
        }
        if element == "a" {
            self.end("a");
        }
        if !self.makes_room(element) || self.open.len() >= DEPTH_MAX {
            return;
        }
        match element {
            "a" => self.start_link(attributes),
            "img" => self.image(attributes),
            "source" => self.source(attributes),
            "input" => self.task(attributes),
            _ => self.write(element, attributes, &[]),
        }
    }

    fn start_link(&mut self, attributes: &Attributes) {
        let Some(href) = value("a", "href", attributes) else {
            // A place that links lead to.
            if value("a", "id", attributes).is_some() {
                self.write("a", attributes, &[]);
            }
            return;
        };
        if policy::is_external(&href) {
            self.write("a", attributes, &[("rel", LINK_REL)]);
        } else {
            self.write("a", attributes, &[]);
        }
    }

    /// Writes an image, or what it says it shows.
    fn image(&mut self, attributes: &Attributes) {
        if value("img", "src", attributes).is_some() {
            return self.write("img", attributes, IMAGE);
        }
        if let Some(alt) = value("img", "alt", attributes) {
            self.text(&alt.replace('<', "&lt;"));
        }
    }

    /// Writes another form of an image, for a theme.
    fn source(&mut self, attributes: &Attributes) {
        let has = |name| value("source", name, attributes).is_some();
        if self.open.last() == Some(&"picture") && has("srcset") && has("media") {
            self.write("source", attributes, &[]);
        }
    }

    fn task(&mut self, attributes: &Attributes) {
        let is_box = |(name, value): &(String, Cow<str>)| name == "type" && value == "checkbox";
        if attributes.iter().any(is_box) {
            self.write("input", attributes, TASK);
        }
    }

    fn write(&mut self, element: &'static str, attributes: &Attributes, ours: &[(&str, &str)]) {
        self.out.push('<');
        self.out.push_str(element);
        for (at, (name, value)) in attributes.iter().enumerate() {
            let is_repeated = attributes[..at].iter().any(|(other, _)| other == name);
            if is_repeated {
                continue;
            }
            if let Some(value) = policy::attribute(element, name, value)
                && (name != "id" || self.ids.insert(value.clone().into_owned()))
            {
                self.write_attribute(name, &value);
            }
        }
        for (name, value) in ours {
            self.write_attribute(name, value);
        }
        self.out.push('>');
        if !VOID.contains(&element) {
            self.open.push(element);
        }
    }

    fn write_attribute(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        for c in value.chars() {
            match c {
                '"' => self.out.push_str("&quot;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    /// Closes an element and those within it. An inline one does not reach out of its block.
    fn end(&mut self, name: &str) {
        let Some(element) = policy::element(name) else {
            return;
        };
        let from = if INLINE.contains(&element) {
            self.inline_from()
        } else {
            0
        };
        let found = self.open[from..].iter().rposition(|open| *open == element);
        if let Some(at) = found {
            self.close_to(from + at);
        }
    }

    fn close_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let element = self.open.pop().unwrap_or_default();
            self.out.push_str("</");
            self.out.push_str(element);
            self.out.push('>');
        }
    }

    fn close_inline(&mut self) {
        self.close_to(self.inline_from());
    }

    /// Is where in `open` the inline elements of the current block begin.
    fn inline_from(&self) -> usize {
        let block = self.open.iter().rposition(|open| BLOCK.contains(open));
        block.map_or(0, |at| at + 1)
    }

    /// Makes room for an element where parts of a table matter, and tells whether it has a place.
    fn makes_room(&mut self, element: &str) -> bool {
        let parent = self.open.last().copied().unwrap_or_default();
        match element {
            "caption" | "thead" | "tbody" | "tfoot" => parent == "table",
            "tr" => ["table", "thead", "tbody", "tfoot"].contains(&parent),
            "td" | "th" => parent == "tr",
            _ => {
                self.leave_table();
                true
            }
        }
    }

    /// Tells whether the current element is a part of a table in which only other parts may stand.
    fn in_frame(&self) -> bool {
        let frame = ["table", "thead", "tbody", "tfoot", "tr"];
        self.open.last().is_some_and(|last| frame.contains(last))
    }

    /// Ends a table at what has no place in it.
    fn leave_table(&mut self) {
        while self.in_frame() {
            self.close_to(self.open.len() - 1);
        }
    }
}

/// Takes the older way to name a place for the newer one.
fn with_ids(mut attributes: Attributes) -> Attributes {
    let has_id = attributes.iter().any(|(name, _)| name == "id");
    for (name, _) in &mut attributes {
        if name == "name" && !has_id {
            "id".clone_into(name);
        }
    }
    attributes
}

fn value<'a>(element: &str, name: &str, attributes: &'a Attributes) -> Option<Cow<'a, str>> {
    let (_, value) = attributes.iter().find(|(known, _)| known == name)?;
    policy::attribute(element, name, value)
}

/// Is what follows a mark, or nothing if it is not there.
fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    text.split_once(mark).map_or("", |(_, rest)| rest)
}

/// Is the name that a tag begins with. In ASCII its length is that of what was written.
fn tag_name(text: &str) -> String {
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>');
    text[..end.unwrap_or(text.len())].to_ascii_lowercase()
}

/// Reads attributes to the `>` of their tag, and returns those that any element may have and what follows.
fn attributes(mut rest: &str) -> Option<(Attributes<'_>, &str)> {
    const BLANK: [char; 6] = [' ', '\t', '\n', '\r', '\u{c}', '/'];
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches(BLANK);
        if let Some(rest) = rest.strip_prefix('>') {
            return Some((found, rest));
        }
        // A name may begin with `=`, and nowhere else hold one.
        let first = rest.chars().next()?.len_utf8();
        let end = rest[first..].find(|c| BLANK.contains(&c) || c == '>' || c == '=')?;
        let (name, tail) = rest.split_at(first + end);
        let (value, tail) = match tail.trim_start_matches(&BLANK[..5]).strip_prefix('=') {
            Some(tail) => attribute_value(tail.trim_start_matches(&BLANK[..5]))?,
            None => ("", tail),
        };
        if found.len() < ATTRIBUTES_MAX {
            found.push((name.to_ascii_lowercase(), value.into()));
        }
        rest = tail;
    }
}

fn attribute_value(text: &str) -> Option<(&str, &str)> {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote);
        }
    }
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '>')?;
    Some(text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_html_in_order() {
        for (source, tidied) in [
            ("<p>a<div>b</p>c", "<p>a</p><div>bc</div>"),
            ("<b><i>a</b>b</i>", "<b><i>a</i></b>b"),
            ("<b><p>a</b>", "<b></b><p>a</p>"),
            ("a < b <3 </x> <y>c", "a &lt; b &lt;3  c"),
            ("<h1 ID=a>b</H1>", "<h2 id=\"user-content-a\">b</h2>"),
            (
                "<p id=a></p><p id=a>",
                "<p id=\"user-content-a\"></p><p></p>",
            ),
            ("a<!-- <b> -->c<!doctype x>d<![CDATA[x]]>e<?x?>f", "acdef"),
            ("a<!--b", "a"),
            ("a<b c=\"", "a"),
            ("<a href=/x>b</a><a href='/x'>c</a>", "bc"),
            (
                "<a href=#x>b<a href=#y>c",
                "<a href=\"#user-content-x\">b</a><a href=\"#user-content-y\">c</a>",
            ),
            ("<img src=x alt='a<b'>", "a&lt;b"),
            ("<input type=text><input>", ""),
            ("<table>a<tr>b<td>c", "<table></table>abc"),
            (
                "<table><tr><td>a<div>b</table>c",
                "<table><tr><td>a<div>b</div></td></tr></table>c",
            ),
            ("<td>a<tr>b", "ab"),
            ("<br/><hr / >", "<br><hr>"),
            ("a <title>b</title> <Script>c", "a &lt;title>b &lt;Script>c"),
        ] {
            assert_eq!(
                html(source, None, 1000).as_deref(),
                Some(tidied),
                "{source}"
            );
        }
    }

    #[test]
    fn marks_links_images_and_tasks() {
        let source = "<a href=https://a.b/?c&amp;d title='\"' onclick=x>e</a>\
                      <img src=\"https://a.b/c.png\" alt=d loading=eager>\
                      <input type=\"checkbox\" checked name=x>";
        assert_eq!(
            html(source, None, 1000).unwrap(),
            "<a href=\"https://a.b/?c&amp;d\" title=\"&quot;\" rel=\"nofollow ugc noopener noreferrer\">e</a>\
             <img src=\"https://a.b/c.png\" alt=\"d\" loading=\"lazy\" decoding=\"async\" referrerpolicy=\"no-referrer\">\
             <input checked=\"\" type=\"checkbox\" disabled=\"\" aria-label=\"Task\">"
        );
    }

    #[test]
    fn stays_shallow_and_bounded() {
        let deep = html(&"<div>".repeat(1000), None, 10_000).unwrap();
        assert_eq!(deep.matches("<div>").count(), DEPTH_MAX);
        assert_eq!(deep.matches("</div>").count(), DEPTH_MAX);
        assert!(html("<br><br>", None, 7).is_none());
    }
}
