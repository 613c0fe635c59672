//! What stands in the head of a page: its title, and what search engines and those who get a link to it show.

use dockyard_oci::Visibility;
use leptos::prelude::*;
use leptos::text_prop::TextProp;
use leptos_meta::{Link, Meta, Title};

use crate::web::addresses;
use crate::web::dto::RepositoryHead;
use crate::web::origin::base_url;
use crate::web::response::hide_from_search;

/// What a page is about when it says nothing better.
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
    let base_url = base_url();
    let is_public = !path.is_empty();
    if !is_public {
        hide_from_search();
    }
    let description = match description.as_str() {
        "" => DESCRIPTION.to_owned(),
        _ => description,
    };
    let url = format!("{base_url}{path}");
    view! {
        <Title text=title.clone() />
        <Meta name="description" content=description.clone() />
        {(!is_public).then(|| view! { <Meta name="robots" content="noindex" /> })}
        {is_public
            .then(|| {
                view! {
                    <Link rel="canonical" href=url.clone() />
                    <Meta property="og:url" content=url />
                }
            })}
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
    }
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
