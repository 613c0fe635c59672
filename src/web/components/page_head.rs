//! What stands in the head of a page: its title, and what search engines and those who get a link to it show.

use dockyard_oci::Visibility;
use leptos::prelude::*;
use leptos::text_prop::TextProp;
use leptos_meta::Title;

use crate::web::addresses;
use crate::web::dto::RepositoryHead;

pub use programs::provide;

/// What a page is about when it says nothing better.
#[cfg(feature = "ssr")]
const DESCRIPTION: &str = "Push, pull and find Docker images on a hub of your own.";
/// The picture of all pages that have none of their own.
const CARD: &str = "/card.png";

/// Says what a page is, once a page. One that names no path of its own is kept from search engines.
#[component]
pub fn PageHead(
    /// Stands before the name of the site; empty for the name alone.
    #[prop(into)]
    title: TextProp,
    /// One sentence about the page.
    #[prop(optional, into)]
    description: String,
    /// The one address of what the page shows, however it was reached.
    #[prop(optional, into)]
    path: String,
    /// Path of the picture that is shown with a link to the page.
    #[prop(default = CARD.to_owned(), into)]
    card: String,
    /// Path of a feed of what happens there.
    #[prop(optional, into)]
    feed: String,
) -> impl IntoView {
    programs::tell(title.clone(), description, path, card, feed);
    view! { <Title text=title /> }
}

/// What programs read of a page that they fetch: it stands in the HTML that the server sends.
#[cfg(feature = "ssr")]
mod programs {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use leptos::prelude::*;
    use leptos::text_prop::TextProp;
    use leptos_meta::{Link, Meta};

    use super::DESCRIPTION;
    use crate::server::web::base_url;
    use crate::web::response::hide_from_search;

    /// Whether the head of an answer is written; one for each answer.
    #[derive(Clone, Default)]
    struct Told(Arc<AtomicBool>);

    /// Provides the head of an answer, to be written by one of its components.
    pub fn provide() {
        provide_context(Told::default());
    }

    /// Tells them about the page. What is rendered goes to the head alone: in the page it leaves nothing, so that the
    /// browser finds there what it makes itself.
    pub fn tell(title: TextProp, description: String, path: String, card: String, feed: String) {
        // A page that waits for data is made twice: once to see what it waits for.
        if use_context::<Told>().is_some_and(|told| told.0.swap(true, Ordering::Relaxed)) {
            return;
        }
        let base_url = base_url();
        let description = match description.as_str() {
            "" => DESCRIPTION.to_owned(),
            _ => description,
        };
        let head = view! {
            <Meta name="description" content=description.clone() />
            {of_address(&base_url, &path)}
            {(!feed.is_empty())
                .then(|| {
                    view! {
                        <Link
                            rel="alternate"
                            type_="application/atom+xml"
                            title="Pushes"
                            href=feed
                        />
                    }
                })}
            <ForOthers title description card=format!("{base_url}{card}") />
        };
        head.to_html();
    }

    fn of_address(base_url: &str, path: &str) -> AnyView {
        if path.is_empty() {
            hide_from_search();
            return view! { <Meta name="robots" content="noindex" /> }.into_any();
        }
        let url = format!("{base_url}{path}");
        view! {
            <Link rel="canonical" href=url.clone() />
            <Meta property="og:url" content=url />
        }
        .into_any()
    }

    /// Says it in the form that chats and social sites read. Source: ogp.me.
    #[component]
    fn ForOthers(title: TextProp, description: String, card: String) -> impl IntoView {
        let title = move || match title.get() {
            title if title.is_empty() => "Dockyard".to_owned(),
            title => title.to_string(),
        };
        view! {
            <Meta property="og:site_name" content="Dockyard" />
            <Meta property="og:type" content="website" />
            <Meta property="og:title" content=title />
            <Meta property="og:description" content=description />
            <Meta property="og:image" content=card />
            <Meta property="og:image:width" content="1200" />
            <Meta property="og:image:height" content="630" />
            <Meta name="twitter:card" content="summary_large_image" />
        }
    }
}

/// Programs do not follow a browser from page to page, so it writes none of it; what the server said of the first
/// page goes with that page, for browsers offer feeds and share addresses by it.
#[cfg(not(feature = "ssr"))]
mod programs {
    use leptos::prelude::*;
    use leptos::text_prop::TextProp;

    const OF_A_PAGE: &str = "head meta[property],head meta[name=description],\
         head meta[name=robots],head link[rel=canonical],head link[rel=alternate]";

    /// There is no head to be written.
    pub const fn provide() {}

    /// Forgets what was told about the first page when it is left.
    pub fn tell(_: TextProp, _: String, _: String, _: String, _: String) {
        on_cleanup(|| {
            while let Ok(Some(told)) = document().query_selector(OF_A_PAGE) {
                told.remove();
            }
        });
    }
}

/// Says what a page of a repository is. Of a private one, search engines and others learn nothing.
#[component]
pub fn RepositoryPageHead(
    #[prop(into)] title: String,
    /// The address of the page.
    path: String,
    head: RepositoryHead,
) -> impl IntoView {
    let repository = head.card;
    let feed = addresses::feed(&repository.name);
    match repository.visibility {
        Visibility::Private => view! { <PageHead title feed /> }.into_any(),
        Visibility::Public => {
            let card = addresses::card(&repository.name);
            let description = repository.description;
            view! { <PageHead title description path card feed /> }.into_any()
        }
    }
}
