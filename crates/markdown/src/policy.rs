//! What a README may hold: elements, attributes and addresses. It knows no parser.

use std::borrow::Cow;

use ammonia::Url;

/// What every id and every link to one begins with, so that a README can't name the page's own elements.
pub(super) const ID_PREFIX: &str = "user-content-";
/// What links to other sites say: no praise from us, and nothing told about where one comes from.
pub(super) const LINK_REL: &str = "nofollow ugc noopener noreferrer";
/// What every image says.
pub(super) const IMAGE: &[(&str, &str)] = &[
    ("loading", "lazy"),
    ("decoding", "async"),
    ("referrerpolicy", "no-referrer"),
];
/// What every box of a task list says, so that no other kind of input can be.
pub(super) const TASK: &[(&str, &str)] = &[
    ("type", "checkbox"),
    ("disabled", ""),
    ("aria-label", "Task"),
];

/// Elements that stand in a line.
pub(super) const INLINE: &[&str] = &[
    "a", "b", "br", "code", "del", "em", "i", "img", "input", "ins", "kbd", "mark", "picture", "s",
    "samp", "small", "source", "span", "strong", "sub", "sup", "u", "var",
];
/// Elements that stand for themselves. `h1` is the page's own.
pub(super) const BLOCK: &[&str] = &[
    "blockquote",
    "caption",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "ul",
];
/// Elements that hold nothing.
pub(super) const VOID: &[&str] = &["br", "hr", "img", "input", "source"];

/// Attributes that an element may have, beside what `IMAGE`, `TASK` and `LINK_REL` say.
pub(super) const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("a", &["aria-label", "href", "id", "title"]),
    ("code", &[]),
    ("details", &["id", "open"]),
    ("div", &["align", "class", "id"]),
    ("h2", &["align", "id"]),
    ("h3", &["align", "id"]),
    ("h4", &["align", "id"]),
    ("h5", &["align", "id"]),
    ("h6", &["align", "id"]),
    (
        "img",
        &["align", "alt", "height", "id", "src", "title", "width"],
    ),
    ("input", &["checked"]),
    ("li", &["class", "id", "value"]),
    ("ol", &["class", "start"]),
    ("p", &["align", "class", "id"]),
    ("section", &["class"]),
    ("source", &["media", "srcset"]),
    ("span", &["class"]),
    ("sup", &["class"]),
    ("td", &["align"]),
    ("th", &["align"]),
    ("ul", &["class"]),
];

/// The only conditions on which another image is shown.
const THEMES: &[&str] = &[
    "(prefers-color-scheme: dark)",
    "(prefers-color-scheme: light)",
];

/// The only classes, all of them in `style/markdown.css`.
const CLASSES: &[&str] = &[
    "contains-task-list",
    "footnote-ref",
    "footnotes",
    "hl-added",
    "hl-comment",
    "hl-keyword",
    "hl-name",
    "hl-number",
    "hl-removed",
    "hl-string",
    "markdown-alert",
    "markdown-alert-caution",
    "markdown-alert-important",
    "markdown-alert-note",
    "markdown-alert-tip",
    "markdown-alert-title",
    "markdown-alert-warning",
    "task-list-item",
];

/// Returns the name of an element as it is kept: `h1` becomes `h2` and so on, since a page has one `h1`.
pub(super) fn element(name: &str) -> Option<&'static str> {
    let name = match name {
        "h1" => "h2",
        "h2" => "h3",
        "h3" => "h4",
        "h4" => "h5",
        "h5" => "h6",
        other => other,
    };
    let mut all = INLINE.iter().chain(BLOCK);
    all.find(|known| **known == name).copied()
}

/// Returns the value of an attribute as it is kept. Asking again for what is kept gives the same.
pub(super) fn attribute<'a>(element: &str, name: &str, value: &'a str) -> Option<Cow<'a, str>> {
    let allowed = ATTRIBUTES.iter().find(|(known, _)| *known == element)?.1;
    if !allowed.contains(&name) {
        return None;
    }
    match name {
        "href" => link(value),
        "src" => image(value).map(Cow::from),
        // One image for each theme, as code hosts show them: a list of several is none.
        "srcset" => image(value.trim())
            .filter(|one| !one.contains([' ', ',']))
            .map(Cow::from),
        "media" => kept_if(value, THEMES.contains(&value)),
        "id" => anchor(value),
        "class" => classes(value),
        "alt" | "title" => Some(value.into()),
        "open" | "checked" => Some("".into()),
        // The arrow back from a footnote; no one else may say to a screen reader what is not there.
        "aria-label" => kept_if(value, value.starts_with("Back to reference ")),
        "align" => kept_if(value, ["left", "center", "right"].contains(&value)),
        "width" | "height" => kept_if(value, is_number(value.strip_suffix('%').unwrap_or(value))),
        "start" | "value" => kept_if(value, is_number(value)),
        _ => None,
    }
}

/// Tells whether a kept address leads to another place than the README itself.
pub(super) fn is_external(href: &str) -> bool {
    !href.starts_with('#')
}

/// Tells whether a character may be shown: not those that turn the direction of what follows, and so
/// make a command read otherwise than it is.
pub(super) fn shown(c: char) -> bool {
    !matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn link(value: &str) -> Option<Cow<'_, str>> {
    if let Some(fragment) = value.strip_prefix('#') {
        return anchor(fragment).map(|id| format!("#{id}").into());
    }
    kept_if(
        value,
        is_address(value, &["http://", "https://", "mailto:"]),
    )
}

fn image(value: &str) -> Option<&str> {
    is_address(value, &["https://"]).then_some(value)
}

/// Tells whether an address begins with one of the schemes, to the letter, and has no name before its host
/// that could pass for the host.
fn is_address(value: &str, schemes: &[&str]) -> bool {
    let begins = |scheme: &&str| {
        let start = value.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    schemes.iter().any(begins)
        && !value.chars().any(|c| c.is_control() || !shown(c))
        && Url::parse(value).is_ok_and(|url| url.username().is_empty() && url.password().is_none())
}

fn anchor(id: &str) -> Option<Cow<'_, str>> {
    if id.is_empty() || id.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    if id.len() > ID_PREFIX.len() && id.starts_with(ID_PREFIX) {
        return Some(id.into());
    }
    Some(format!("{ID_PREFIX}{id}").into())
}

fn classes(value: &str) -> Option<Cow<'_, str>> {
    let kept: Vec<_> = value
        .split_ascii_whitespace()
        .filter(|class| CLASSES.contains(class))
        .collect();
    (!kept.is_empty()).then(|| kept.join(" ").into())
}

fn is_number(value: &str) -> bool {
    (1..=9).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit())
}

fn kept_if(value: &str, is_kept: bool) -> Option<Cow<'_, str>> {
    is_kept.then_some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_only_addresses_that_say_what_they_are() {
        let kept = |href| attribute("a", "href", href).map(Cow::into_owned);
        for href in ["http://a.b/c?d=1#e", "HTTPS://a.b", "mailto:a@b.c"] {
            assert_eq!(kept(href).as_deref(), Some(href));
        }
        assert_eq!(
            kept("#Some-place").as_deref(),
            Some("#user-content-Some-place")
        );
        assert_eq!(kept("#user-content-x").as_deref(), Some("#user-content-x"));
        for href in [
            "",
            "#",
            "a",
            "/a",
            "//a.b",
            "./a",
            "?a",
            "http:a",
            "https:",
            "https://",
            "javascript:a",
            " https://a.b",
            "java\nscript:a",
            "https://a.b\n",
            "https://good.example@a.b",
            "data:a",
            "https://a.b/\u{202E}",
            "vbscript:a",
            "ftp://a.b",
            "blob:https://a.b",
            "httpsx://a.b",
        ] {
            assert_eq!(kept(href), None, "{href:?}");
        }
        assert_eq!(attribute("img", "src", "http://a.b/c.png"), None);
        assert!(attribute("img", "src", "https://a.b/c.png").is_some());
    }

    #[test]
    fn keeps_only_what_is_listed() {
        for (element, name, value) in [
            ("a", "onclick", "x"),
            ("p", "style", "x"),
            ("div", "class", "page-head"),
            ("p", "name", "x"),
            ("th", "align", "justify"),
            ("img", "width", "1e9"),
            ("a", "aria-label", "Log in"),
            ("form", "id", "x"),
            ("h2", "id", "a b"),
        ] {
            assert_eq!(attribute(element, name, value), None, "{element} {name}");
        }
        let class = attribute("span", "class", "modal hl-name x").unwrap();
        assert_eq!(class, "hl-name");
    }
}
