//! Texts that are made to cost much: each 512 KiB long, and each done within a bound.

use std::thread;
use std::time::{Duration, Instant};

use super::{HTML_MAX_BYTES, html, plain};

/// The longest README.
const TEXT_BYTES: usize = 512 * 1024;
/// Far more than any takes, on a slow machine and without optimisation; what is quadratic takes minutes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A piece that is repeated up to the longest README.
const REPEATED: &[&str] = &[
    "> ",
    ">",
    "- ",
    "1. ",
    "* * * a\n",
    "[",
    "![",
    "[]",
    "[a](",
    "](",
    "*",
    "_",
    "**a ",
    "*a _b ",
    "~~a ",
    "`",
    "` ``",
    "``` \n",
    "~~~\n",
    "<",
    "<a ",
    "<a href=\"",
    "<b>",
    "<b><p>",
    "<i>a\n\n",
    "<div>",
    "<div>\n\n",
    "<!--",
    "<!-- ",
    "<![CDATA[",
    "<?",
    "<!a ",
    "</",
    "</b>",
    "<a href=https://a.b>",
    "<a b=c ",
    "<img src=x alt=",
    "<table>",
    "<table>a",
    "<table><tr><td>",
    "<table>\n<tr>a",
    "<details><summary>",
    "<li>",
    "<p>",
    "<pre>",
    "<br>",
    "<input type=checkbox>",
    "<img src=https://a.b>",
    "<table></table>",
    "<svg><p>",
    "<span class=hl-name>",
    "|",
    "|a",
    "|\n",
    "a|b\n-|-\n",
    "|-",
    "&amp;",
    "&",
    "&#x26;",
    "\\",
    "\0",
    "\u{202E}",
    "é",
    "a\n",
    "a\n\n",
    "# a\n",
    "#\n",
    "a\n=\n",
    "- a\n",
    "- [ ] a\n",
    "[a]: b\n",
    "[a]: <b> 'c\n",
    "[^a]: b\n",
    "[^a]",
    "[^a]: [^a]\n",
    "https://a.b ",
    "www.a.b ",
    "a@b.c ",
    "a@",
    "http://",
    "www.",
    "www.a.",
    "(((",
    "https://a.b/(",
    "    a\n",
    "\t",
    " ",
    "\n",
    "> [!NOTE]\n",
    "\"a\" ",
    "***a***",
    "a**b",
    "[a][",
    "[a]: a\n\n[a]",
    "<https://a.b>",
    "!",
    "a  \n",
    "-\n",
    "***\n",
    "```sh\n$a ${b \"c\n```\n",
    "```sh\n1 1 1 1 1 1 1\n```\n",
];

#[test]
fn bounds_time_and_output_for_what_repeats() {
    // The longest test of all: on a few cores at once.
    thread::scope(|threads| {
        for pieces in REPEATED.chunks(REPEATED.len().div_ceil(4)) {
            threads.spawn(move || {
                for piece in pieces {
                    assert_bounded(piece, &piece.repeat(TEXT_BYTES / piece.len()));
                }
            });
        }
    });
}

#[test]
fn bounds_time_and_output_for_what_multiplies() {
    let half = TEXT_BYTES / 2;
    let deep = |piece: &str| piece.repeat(half / piece.len());
    let columns = 1000;
    let table = format!("{}|\n{}|\n", "|a".repeat(columns), "|-".repeat(columns));
    for (name, text) in [
        (
            "a wide table of short rows",
            table.clone() + &"|\n".repeat(half / 2),
        ),
        (
            "a reference with a long address",
            format!(
                "[a]: https://a.b/{}\n\n{}",
                "c".repeat(half),
                "[a]".repeat(half / 3)
            ),
        ),
        (
            "a reference with a long title",
            format!(
                "[a]: b '{}'\n\n{}",
                "c".repeat(half),
                "[a] ".repeat(half / 4)
            ),
        ),
        (
            "one footnote for all",
            format!("[^a]: b\n\n{}", "[^a] ".repeat(half / 4)),
        ),
        ("quotes above blank lines", deep("> ") + &"\n".repeat(half)),
        (
            "lists above blank lines",
            deep("- ") + "a" + &"\n".repeat(half),
        ),
        (
            "lists ever deeper",
            (0..900).map(|n| " ".repeat(n) + "- a\n").collect(),
        ),
        (
            "quotes ever deeper",
            (0..700).map(|n| ">".repeat(n) + " a\n\n").collect(),
        ),
        ("open and close in vain", deep("*a ") + &deep("b_ ")),
        (
            "open formatting above paragraphs",
            "<b><i><u><s><code><small>".repeat(20) + &deep("\n\na"),
        ),
        (
            "a tag of many attributes",
            format!(
                "<a {}>",
                (0..50_000)
                    .map(|n| format!("a{n}=b "))
                    .collect::<Vec<_>>()
                    .concat()
            ),
        ),
        (
            "a block of many attributes",
            format!(
                "<div>\n<a {}>",
                (0..50_000)
                    .map(|n| format!("a{n} "))
                    .collect::<Vec<_>>()
                    .concat()
            ),
        ),
        (
            "text fostered by a table",
            format!("<div><table>{}", "<b>a</b>".repeat(half / 8)),
        ),
        (
            "backticks of all lengths",
            (1..900).map(|n| "`".repeat(n) + " ").collect(),
        ),
        ("headings alike", "# a\n".repeat(half / 4)),
        (
            "shell without end",
            format!("```sh\n{}\n```", "${".repeat(30_000)).repeat(8),
        ),
        (
            "settings in one line",
            format!("```yaml\n{}\n```", "a ".repeat(30_000)).repeat(8),
        ),
        (
            "markup without end",
            format!("```html\n{}\n```", "<!a'\"".repeat(10_000)).repeat(8),
        ),
    ] {
        assert!(text.len() < 2 * TEXT_BYTES);
        assert_bounded(name, &text);
    }
}

#[test]
fn shows_quotes_that_are_nested_too_deep_as_they_were_written() {
    assert!(html(&"> ".repeat(50)).starts_with("<blockquote>"));
    assert!(html(&"> ".repeat(51)).starts_with("<pre"));
    assert!(html(&"> - 1. ".repeat(51)).starts_with("<pre"));
}

#[test]
fn shows_what_is_too_much_as_it_was_written() {
    let bomb = "<table></table>".repeat(TEXT_BYTES / 15);
    assert!(html(&bomb).starts_with("<pre tabindex=\"0\">&lt;table&gt;"));
    let ampersands = "&".repeat(TEXT_BYTES);
    assert!(html(&ampersands).len() <= HTML_MAX_BYTES);
}

fn assert_bounded(name: &str, text: &str) {
    let start = Instant::now();
    let html = html(text);
    plain(text);
    let took = start.elapsed();
    assert!(
        html.len() <= HTML_MAX_BYTES,
        "{name:?} became {} bytes",
        html.len()
    );
    assert!(took < PATIENCE, "{name:?} took {took:?}");
}
