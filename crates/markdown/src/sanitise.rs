//! The lock on the door: reads HTML as a browser would, and writes only what the policy lists.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

use super::policy::{self, ATTRIBUTES, BLOCK, IMAGE, INLINE, LINK_REL, TASK};

/// Made when the first README is shown.
static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(cleaner);

/// Writes HTML anew with only what the policy lists. What was cleaned stays the same.
pub(super) fn clean(html: &str) -> String {
    let mut clean = CLEANER.clean(html).to_string();
    // A carriage return can come in by its number, and would be read as a line feed the next time.
    clean.retain(|c| c != '\r');
    without_leading_lines(&clean)
}

/// Drops the empty lines at the start of each `<pre>`: a browser would drop the first of them, and what was cleaned
/// would not stay the same.
fn without_leading_lines(clean: &str) -> String {
    let mut parts = clean.split("<pre>");
    let mut html = String::with_capacity(clean.len());
    html.push_str(parts.next().unwrap_or_default());
    for part in parts {
        html.push_str("<pre>");
        html.push_str(part.trim_start_matches('\n'));
    }
    html
}

/// Adds the elements and attributes that are ours alone to HTML that was cleaned, where `<` and `>`
/// stand for nothing but tags: a box in which a wide table scrolls, and code that a keyboard can scroll.
pub(super) fn decorate(clean: &str) -> String {
    const BOX: &str = "<div class=\"table-scroll\" tabindex=\"0\" role=\"group\" \
                       aria-label=\"Table\"><table>";
    let html: String = clean.chars().filter(|c| policy::shown(*c)).collect();
    html.replace("<table>", BOX)
        .replace("</table>", "</table></div>")
        .replace("<pre>", "<pre tabindex=\"0\">")
}

fn cleaner() -> Builder<'static> {
    let mut cleaner = Builder::empty();
    cleaner
        .tags(INLINE.iter().chain(BLOCK).copied().collect())
        .tag_attributes(attributes())
        .tag_attribute_values(values())
        .set_tag_attribute_values(HashMap::from([
            ("img", IMAGE.iter().copied().collect()),
            ("input", TASK.iter().copied().collect()),
        ]))
        .clean_content_tags(HashSet::from(["script", "style"]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        // The policy's own rule for links leaves of the relative ones those to the README itself.
        .url_relative(UrlRelative::PassThrough)
        .link_rel(None)
        .strip_comments(true)
        .attribute_filter(|element, name, value| match (element, name) {
            // Theirs are the values that are set above, or the only one that is let through.
            ("a", "rel") => Some(value.into()),
            ("img", name) if has(IMAGE, name) => Some(value.into()),
            ("input", name) if has(TASK, name) => Some(value.into()),
            _ => policy::attribute(element, name, value),
        });
    cleaner
}

fn has(set: &[(&str, &str)], name: &str) -> bool {
    set.iter().any(|(known, _)| *known == name)
}

fn attributes() -> HashMap<&'static str, HashSet<&'static str>> {
    let listed = ATTRIBUTES.iter();
    listed
        .map(|(element, names)| (*element, names.iter().copied().collect()))
        .collect()
}

fn values() -> HashMap<&'static str, HashMap<&'static str, HashSet<&'static str>>> {
    HashMap::from([("a", HashMap::from([("rel", HashSet::from([LINK_REL]))]))])
}
