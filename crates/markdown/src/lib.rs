//! READMEs: Markdown as people know it from code hosts, made into HTML that is safe to show.
//!
//! A text goes through four steps: `gfm` writes what the Markdown says, `tidy` keeps what READMEs may
//! hold and puts it in order, `sanitise` reads the outcome as a browser would and lets nothing else
//! through, and adds our own elements. `policy` is the list of what may be there; it knows no parser.
//! `highlight` colours code by classes. The styles are in `style/markdown.css`.

mod cache;
mod code_host;
#[cfg(test)]
mod corpus;
mod gfm;
mod highlight;
mod languages;
#[cfg(test)]
mod limits;
mod plain;
mod policy;
mod sanitise;
mod tidy;

use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use cache::Cache;
pub use code_host::CodeHost;
pub use plain::plain;

/// Longest text, in bytes, that is rendered where it is asked for: a millisecond for an ordinary one, eight for
/// the worst that is known. Longer ones have a thread of their own.
const INLINE_MAX_BYTES: usize = 4 * 1024;
/// Most bytes of HTML that a text may become: four times the longest README. What asks for more is a
/// bomb, and is shown as it was written.
const HTML_MAX_BYTES: usize = 2 * 1024 * 1024;
/// Most KiB of long texts that are rendered at the same time: one of the longest, or many usual ones. The
/// worst texts take 440 bytes of memory for each of theirs, so 220 MiB in all.
const ROOM_KIB: u32 = 512;
/// Longest that a page waits for its README. The worst that is known of 512 KiB takes a
/// quarter of it.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// Renders Markdown and remembers what was rendered lately. Cheap to clone.
///
/// The HTML belongs inside an element of class `markdown`:
///
/// ```ignore
/// let html = state.markdown.render(&repository.readme, None).await;
/// view! { <div class="markdown" inner_html=html.to_string()></div> }
/// ```
///
/// Its headings begin at `h2`, and its ids begin with `user-content-`, so that they can't be taken for the
/// page's own.
#[derive(Clone)]
pub struct Markdown {
    cache: Arc<Cache>,
    room: Arc<Semaphore>,
}

impl Default for Markdown {
    fn default() -> Self {
        Self {
            cache: Arc::default(),
            room: Arc::new(Semaphore::new(ROOM_KIB as usize)),
        }
    }
}

impl Markdown {
    /// Renders a text to HTML that is safe to put into a page. Links to files beside it lead to its `host`, if that is known.
    ///
    /// Never fails: a text that is too much to render is shown as it was written.
    pub async fn render(&self, text: &str, host: Option<&CodeHost>) -> Arc<str> {
        if let Some(html) = self.cache.find(text, host) {
            return html;
        }
        if text.len() <= INLINE_MAX_BYTES {
            return self.cache.keep(text, host, html_at(text, host).into());
        }
        match timeout(WAIT_MAX, self.render_apart(text.into(), host.cloned())).await {
            Ok(html) => html,
            Err(_) => as_written(text).into(),
        }
    }

    /// Renders on a thread of its own, which goes on and remembers the outcome when nobody waits any more.
    async fn render_apart(&self, text: Arc<str>, host: Option<CodeHost>) -> Arc<str> {
        // The semaphore is never closed, and without a permit the work is merely not counted.
        let kib = u32::try_from(text.len() / 1024).unwrap_or(ROOM_KIB);
        let room = self.room.clone();
        let permit = room.acquire_many_owned(kib.min(ROOM_KIB)).await.ok();
        let cache = self.cache.clone();
        let source = text.clone();
        let work = spawn_blocking(move || {
            let _permit = permit;
            // Someone who waited before may have asked for the same.
            let host = host.as_ref();
            cache
                .find(&source, host)
                .unwrap_or_else(|| cache.keep(&source, host, html_at(&source, host).into()))
        });
        work.await.unwrap_or_else(|_| as_written(&text).into())
    }
}

/// Makes the HTML of a text. A parser that panics costs a README its looks, not the page.
fn html_at(text: &str, host: Option<&CodeHost>) -> String {
    catch_unwind(|| rendered(text, host))
        .ok()
        .flatten()
        .unwrap_or_else(|| as_written(text))
}

#[cfg(test)]
fn html(text: &str) -> String {
    html_at(text, None)
}

/// Renders a text, or gives nothing if it would become too long.
fn rendered(text: &str, host: Option<&CodeHost>) -> Option<String> {
    let html = sanitise::decorate(&sanitised(text, host)?);
    (html.len() <= HTML_MAX_BYTES).then_some(html)
}

fn sanitised(text: &str, host: Option<&CodeHost>) -> Option<String> {
    let written = gfm::html(text, HTML_MAX_BYTES)?;
    Some(sanitise::clean(&tidy::html(
        &written,
        host,
        HTML_MAX_BYTES,
    )?))
}

/// Shows a text as it was written, at most `HTML_MAX_BYTES` of it.
fn as_written(text: &str) -> String {
    let mut html = String::from("<pre tabindex=\"0\">");
    for c in text.chars().filter(|c| policy::shown(*c)) {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            _ => html.push(c),
        }
        if html.len() > HTML_MAX_BYTES - 16 {
            break;
        }
    }
    html + "</pre>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn renders_short_and_long_texts_alike_and_remembers_them() {
        let markdown = Markdown::default();
        let short = "Some *text*.\n\n";
        let long = short.repeat(INLINE_MAX_BYTES / short.len() + 1);
        assert_eq!(
            &*markdown.render(short, None).await,
            "<p>Some <em>text</em>.</p>\n"
        );
        let html = markdown.render(&long, None).await;
        assert!(html.starts_with("<p>Some <em>text</em>.</p>\n<p>Some"));
        assert!(Arc::ptr_eq(&html, &markdown.render(&long, None).await));
    }

    #[test]
    fn keeps_what_code_hosts_keep() {
        for (text, expected) in [
            (
                "## <a name=\"plugins\"></a>One",
                "id=\"user-content-plugins\"",
            ),
            ("<a id=\"here\"></a>", "<a id=\"user-content-here\"></a>"),
            ("<p align=\"center\">x</p>", "<p align=\"center\">x</p>"),
            ("<h1 align=\"center\">x</h1>", "<h2 align=\"center\">x</h2>"),
            (":wave: hello :rocket:", "\u{1f44b} hello \u{1f680}"),
            ("- [x] done", "checked=\"\""),
            ("a[^1]\n\n[^1]: note", "class=\"footnotes\""),
            ("```mermaid\ngraph TD\n```", "<code>graph TD"),
        ] {
            let html = html(text);
            assert!(html.contains(expected), "{text}: {html}");
        }
        let picture = "<picture><source media=\"(prefers-color-scheme: dark)\" srcset=\"https://a.b/d.png\">\
            <img src=\"https://a.b/l.png\"></picture>";
        let html = html(picture);
        assert!(html.contains("<picture><source media=\"(prefers-color-scheme: dark)\" srcset=\"https://a.b/d.png\">"), "{html}");
        assert!(html.contains("<img src=\"https://a.b/l.png\""), "{html}");
        for odd in [
            "<source media=\"(prefers-color-scheme: dark)\" srcset=\"https://a.b/d.png\">",
            "<picture><source media=\"(min-width: 1px)\" srcset=\"https://a.b/d.png\"></picture>",
            "<picture><source media=\"(prefers-color-scheme: dark)\" srcset=\"javascript:x\"></picture>",
            "<picture><source media=\"(prefers-color-scheme: dark)\" srcset=\"https://a.b/1, http://c.d/2 2x\"></picture>",
        ] {
            assert!(!super::html(odd).contains("<source"), "{odd}");
        }
    }

    #[test]
    fn links_to_files_beside_it_lead_to_its_home() {
        let host = CodeHost::of_source("https://github.com/a/b");
        let text = "[doc](docs/x.md) ![logo](./logo.png) [top](#top) <img src=\"/a.png\"> [out](../../../../x)";
        let html = html_at(text, host.as_ref());
        for expected in [
            "href=\"https://github.com/a/b/blob/HEAD/docs/x.md\"",
            "src=\"https://raw.githubusercontent.com/a/b/HEAD/logo.png\"",
            "src=\"https://raw.githubusercontent.com/a/b/HEAD/a.png\"",
            "href=\"#user-content-top\"",
        ] {
            assert!(html.contains(expected), "{expected}: {html}");
        }
        assert_eq!(html.matches("<a ").count(), 2, "{html}");
        assert!(!super::html(text).contains("github"));
    }

    #[tokio::test]
    async fn waits_no_longer_than_it_says() {
        let markdown = Markdown::default();
        let _busy = markdown.room.acquire_many(ROOM_KIB).await.unwrap();
        let html = markdown
            .render(&"*a* & ".repeat(INLINE_MAX_BYTES), None)
            .await;
        assert!(html.starts_with("<pre tabindex=\"0\">*a* &amp; *a*"));
    }
}
