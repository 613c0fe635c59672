//! The page of an error that no page could show: whole, without a script, and without asking anything
//! that may have failed.

use leptos::prelude::*;

use super::components::icon::Icon;
use super::dto::Theme;
use crate::server::assets::url;

/// What happened, as far as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub status: u16,
    /// What the request got wrong, when it is known.
    pub message: Option<String>,
    /// When to come back, in seconds.
    pub wait_secs: Option<u64>,
    /// Under which the log has it, for failures of the server.
    pub request_id: Option<String>,
}

/// Writes the page.
pub struct ErrorDocument;

impl ErrorDocument {
    /// Is the page for some trouble, in a theme.
    pub fn of(trouble: &Trouble, theme: Theme) -> String {
        let (title, advice) = words(trouble.status);
        let told = trouble.message.as_deref().map(told);
        let wait = trouble.wait_secs.map(waiting);
        let page = view! {
            <!DOCTYPE html>
            <html lang="en" class=theme.class()>
                <head>
                    <meta charset="utf-8" />
                    <meta name="viewport" content="width=device-width, initial-scale=1" />
                    <meta name="robots" content="noindex" />
                    <meta name="color-scheme" content="light dark" />
                    <title>{format!("{title} · Dockyard")}</title>
                    <link rel="icon" href=url("favicon.svg") type="image/svg+xml" />
                    <link rel="stylesheet" href=url("main.css") />
                </head>
                <body>
                    <div class="site">
                        <main id="main" class="site-main">
                            <section class="message-page">
                                <p class="message-code">{trouble.status}</p>
                                <h1>{title}</h1>
                                {told.map(|text| view! { <p>{text}</p> })}
                                <p>{advice}</p>
                                {wait.map(|text| view! { <p>{text}</p> })}
                                {trouble.request_id.clone().map(request_id)}
                                {search()}
                                <div class="form-actions">
                                    {(trouble.status == 401)
                                        .then(|| {
                                            view! {
                                                <a class="button button-primary" href="/login">
                                                    "Log in"
                                                </a>
                                            }
                                        })}
                                    <a class="button" href="/">
                                        "Go to the front page"
                                    </a>
                                </div>
                            </section>
                        </main>
                        <header class="site-header">
                            <div class="site-header-inner">
                                <a class="brand" href="/" aria-label="Dockyard">
                                    <Icon name="mark" />
                                    <span class="brand-name">"Dockyard"</span>
                                </a>
                            </div>
                        </header>
                    </div>
                </body>
            </html>
        };
        // The marks between its parts are for the browser's half, which never sees this page.
        page.to_html().replace("<!>", "")
    }
}

fn request_id(id: String) -> impl IntoView {
    view! {
        <p class="message-id">"The server's log has it as " <code>{id}</code> "."</p>
    }
}

fn search() -> impl IntoView {
    view! {
        <form action="/search" class="search-box search-box-large" role="search">
            <Icon name="search" />
            <input
                type="search"
                name="q"
                placeholder="Search images"
                aria-label="Search images"
                autocomplete="off"
            />
            <button type="submit" class="button">
                "Search"
            </button>
        </form>
    }
}

/// Is what happened, and what to do next.
const fn words(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => (
            "Log in first",
            "This is for people with an account on this Dockyard.",
        ),
        403 => (
            "You may not do this",
            "Go back, or log in with an account that may.",
        ),
        404 => (
            "There is nothing here",
            "The address may be mistyped, or it leads to something private. If it is yours, log in first.",
        ),
        405 => (
            "This can't be done here",
            "The address is there, but not for what was asked of it. Go back and try again.",
        ),
        408 => (
            "This took too long",
            "The server waited for the rest of what was sent, and nothing came. Check the connection, \
             then try again.",
        ),
        409 => (
            "Something else came first",
            "It changed meanwhile. Go back, look again, then decide.",
        ),
        413 => (
            "That is too large",
            "Go back and send less at once. Images of any size can be pushed or uploaded as tarballs.",
        ),
        416 => (
            "That part is not there",
            "The download can't be resumed from where it stopped. Start it anew.",
        ),
        429 => ("Too many tries", "Wait a little, then try again."),
        507 => (
            "The server's disk is full",
            "Nothing was lost. Tell whoever operates this Dockyard, then try again.",
        ),
        503 => (
            "Not ready",
            "The server can't answer right now. Try again in a moment.",
        ),
        400..=499 => (
            "This was not understood",
            "Go back, change what was sent, and try again.",
        ),
        _ => (
            "Something went wrong on the server",
            "It is not your fault. Try again in a moment; if it stays, tell whoever operates this Dockyard.",
        ),
    }
}

/// Makes a sentence of an error's text.
fn told(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(char::to_uppercase);
    let text: String = first.into_iter().flatten().chain(characters).collect();
    if text.ends_with(['.', '?']) {
        text
    } else {
        text + "."
    }
}

fn waiting(secs: u64) -> String {
    match secs {
        0..=1 => "Try again in a second.".to_owned(),
        2..=119 => format!("Try again in {secs} seconds."),
        _ => format!("Try again in {} minutes.", secs.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_happened_and_escapes_it() {
        let trouble = Trouble {
            status: 413,
            message: Some("<script>alert(1)</script> is too large".to_owned()),
            wait_secs: Some(90),
            request_id: None,
        };
        let html = ErrorDocument::of(&trouble, Theme::Dark);
        for part in [
            "<!DOCTYPE html>",
            "<h1>That is too large</h1>",
            "&lt;script&gt;alert(1)&lt;/script&gt; is too large.",
            "Try again in 90 seconds.",
            "action=\"/search\"",
            "href=\"/\"",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains("<script"), "{html}");
    }
}
