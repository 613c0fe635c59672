//! What attackers write: every vector of the corpus, and any text at all, read back as a browser would.

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_fragment};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use proptest::prelude::*;

use super::policy::{self, BLOCK, ID_PREFIX, IMAGE, INLINE, LINK_REL, TASK};
use super::{HTML_MAX_BYTES, html, sanitise, sanitised};

/// The wrapper of tables, and the focus of code: what is ours alone.
const OURS: &[(&str, &str, &str)] = &[
    ("div", "class", "table-scroll"),
    ("div", "tabindex", "0"),
    ("div", "role", "group"),
    ("div", "aria-label", "Table"),
    ("pre", "tabindex", "0"),
];

#[test]
fn carriage_returns_and_empty_first_lines_go() {
    assert_safe("<table>&#xdiv");
    assert_safe("<pre>&#13;a&#xd;b</pre>");
    assert_safe("<pre>\n\n");
    assert_safe("<pre>\n\nhttps://\n");
}

#[test]
fn lets_no_vector_through() {
    let vectors: Vec<String> =
        serde_json::from_str(include_str!("../../../tests/data/xss.json")).unwrap();
    assert!(vectors.len() >= 120);
    for vector in &vectors {
        assert_safe(vector);
        // Where most texts put things: within other markup.
        assert_safe(&format!("> - {vector}\n\n*a* {vector} `b`\n"));
        assert_safe(&format!("|a|\n|-|\n|{vector}|\n"));
        assert_safe(&format!(
            "<details><summary>a</summary>\n\n{vector}\n\n</details>\n"
        ));
    }
}

#[test]
fn joins_no_two_vectors_to_a_third() {
    let vectors: Vec<String> =
        serde_json::from_str(include_str!("../../../tests/data/xss.json")).unwrap();
    for pair in vectors.windows(2) {
        assert_safe(&pair.concat());
        assert_safe(&pair.join("\n\n"));
    }
}

#[test]
fn would_notice_what_is_not_safe() {
    for unsafe_html in [
        "<script></script>",
        "<p onclick=x>",
        "<a href=javascript:x>",
        "<a href=/x>",
        "<p id=x>",
        "<img src=http://a.b>",
        "<p style=x>",
        "<div class=modal>",
        "<svg></svg>",
        "<a href=https://a.b>",
        "<input type=text>",
        "\u{202E}",
    ] {
        assert!(offences(unsafe_html).is_some(), "{unsafe_html}");
    }
}

/// Pieces that mean something to one of the parsers.
const PIECES: &[&str] = &[
    "<",
    ">",
    "</",
    "/>",
    "\"",
    "'",
    "=",
    "&",
    ";",
    "#",
    "`",
    "```",
    "~~",
    "*",
    "_",
    "[",
    "]",
    "(",
    ")",
    "!",
    "|",
    "|-|",
    "\n",
    "\n\n",
    "    ",
    "> ",
    "- ",
    "1. ",
    "- [x] ",
    "[^1]",
    "[^1]: ",
    "\\",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "a",
    "b",
    "p",
    "div",
    "table",
    "<table>",
    "<td>",
    "<tr>",
    "</table>",
    "<details>",
    "<summary>",
    "<a href=\"",
    "<img src=\"",
    "https://",
    "javascript:",
    "svg",
    "math",
    "style",
    "<pre>",
    "script",
    "onload=",
    "id=",
    "title=",
    "<b>",
    "</b>",
    "<li>",
    "<p>",
    "</p>",
    "h1",
    "&#x",
    "\u{202E}",
    "\0",
    "é",
    "> [!NOTE]\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn makes_any_text_safe(text in ".{0,300}") {
        assert_safe(&text);
    }

    #[test]
    fn makes_any_markup_safe(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..80)
    ) {
        assert_safe(&pieces.concat());
    }
}

fn assert_safe(text: &str) {
    if let Some(clean) = sanitised(text, None) {
        assert_eq!(sanitise::clean(&clean), clean, "not stable: {text:?}");
    }
    let html = html(text);
    assert!(html.len() <= HTML_MAX_BYTES);
    assert_eq!(offences(&html), None, "{text:?} became {html:?}");
}

/// Is the first thing in HTML that should not be there.
fn offences(html: &str) -> Option<String> {
    if let Some(c) = html.chars().find(|c| !policy::shown(*c)) {
        return Some(format!("{c:?}"));
    }
    let context = html5ever::QualName::new(None, html5ever::ns!(html), "div".into());
    let options = ParseOpts::default();
    let dom = parse_fragment(RcDom::default(), options, context, Vec::new(), true).one(html);
    // Beneath the document is one element, the context's stand-in, with what was parsed.
    let root = dom.document.children.borrow()[0].clone();
    let mut nodes: Vec<Handle> = root.children.borrow().clone();
    while let Some(node) = nodes.pop() {
        match &node.data {
            NodeData::Element { name, attrs, .. } => {
                let attributes: Vec<_> = attrs.borrow().iter().map(as_text).collect();
                if name.ns != html5ever::ns!(html) || !is_element_safe(&name.local, &attributes) {
                    return Some(format!("{} {attributes:?}", name.local));
                }
            }
            NodeData::Text { .. } => {}
            _ => return Some("neither an element nor a text".into()),
        }
        nodes.extend(node.children.borrow().iter().cloned());
    }
    None
}

fn as_text(attribute: &html5ever::Attribute) -> (String, String) {
    (
        attribute.name.local.to_string(),
        attribute.value.to_string(),
    )
}

fn is_element_safe(element: &str, attributes: &[(String, String)]) -> bool {
    let value = |name: &str| attributes.iter().find(|(known, _)| known == name);
    let says = |(name, expected): &(&str, &str)| value(name).is_some_and(|(_, v)| v == expected);
    let is_whole = match element {
        "img" => IMAGE.iter().all(says),
        "input" => TASK.iter().all(says),
        "a" => {
            value("href").is_none_or(|(_, href)| href.starts_with('#') || says(&("rel", LINK_REL)))
        }
        _ => true,
    };
    let is_listed = INLINE.contains(&element) || BLOCK.contains(&element);
    is_whole
        && is_listed
        && attributes
            .iter()
            .all(|(name, value)| is_attribute_safe(element, name, value))
}

/// Says by itself what is safe: not by asking the policy that is tested here.
fn is_attribute_safe(element: &str, name: &str, value: &str) -> bool {
    let ours = OURS.contains(&(element, name, value));
    ours || match (element, name) {
        ("a", "href") => {
            let schemes = ["http://", "https://", "mailto:", "#user-content-"];
            let lower = value.to_ascii_lowercase();
            schemes.iter().any(|scheme| lower.starts_with(scheme))
        }
        ("img", "src") => value.to_ascii_lowercase().starts_with("https://"),
        ("a", "rel") => value == LINK_REL,
        ("img", "loading" | "decoding" | "referrerpolicy") => IMAGE.contains(&(name, value)),
        ("input", "type" | "disabled" | "aria-label") => TASK.contains(&(name, value)),
        ("input", "checked") | ("details", "open") => value.is_empty(),
        (_, "id") => value.starts_with(ID_PREFIX),
        (_, "class") => value.split(' ').all(|class| {
            let prefixes = [
                "hl-",
                "markdown-alert",
                "footnote",
                "task-list-item",
                "contains-task-list",
            ];
            prefixes.iter().any(|prefix| class.starts_with(prefix))
        }),
        ("a" | "img", "title") | ("img", "alt") => true,
        ("a", "aria-label") => value.starts_with("Back to reference "),
        ("td" | "th" | "p" | "div" | "img" | "h2" | "h3" | "h4" | "h5" | "h6", "align") => {
            ["left", "center", "right"].contains(&value)
        }
        ("source", "media") => {
            value == "(prefers-color-scheme: dark)" || value == "(prefers-color-scheme: light)"
        }
        ("source", "srcset") => {
            value.to_ascii_lowercase().starts_with("https://") && !value.contains([' ', ','])
        }
        ("img", "width" | "height") | ("ol", "start") | ("li", "value") => {
            value.bytes().all(|b| b.is_ascii_digit() || b == b'%')
        }
        _ => false,
    }
}
