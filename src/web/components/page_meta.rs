//! What a page tells those who do not look at it: search engines, and programs that show links.

use dockyard_oci::Visibility;
use leptos::prelude::*;
use leptos_meta::{Link, Meta, Title};

use crate::web::addresses;
use crate::web::dto::{RepositoryHead, ServerAddress};

/// What the pages say they are when nothing better is known.
const DESCRIPTION: &str = "Push, pull and find Docker images on a hub of your own.";

/// Names and describes a page that everybody may see.
#[component]
pub fn PageMeta(
    #[prop(into)] title: String,
    #[prop(optional, into)] description: String,
    /// The address of the page, without the server.
    path: String,
    /// The address of the picture, without the server.
    #[prop(default = "/card.png".to_owned())]
    card: String,
    server: ServerAddress,
) -> impl IntoView {
    let description = Some(description)
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| DESCRIPTION.to_owned());
    let name = if title.is_empty() {
        "Dockyard".to_owned()
    } else {
        title.clone()
    };
    let url = server.base_url.clone() + &path;
    view! {
        <Title text=title />
        <Meta name="description" content=description.clone() />
        <Link rel="canonical" href=url.clone() />
        <Meta property="og:type" content="website" />
        <Meta property="og:site_name" content="Dockyard" />
        <Meta property="og:title" content=name />
        <Meta property="og:description" content=description />
        <Meta property="og:url" content=url />
        <Meta property="og:image" content=server.base_url + &card />
        <Meta name="twitter:card" content="summary_large_image" />
    }
}

/// Names and describes a page of a repository; of a private one, it tells the title alone.
#[component]
pub fn RepositoryMeta(
    #[prop(into)] title: String,
    path: String,
    head: RepositoryHead,
) -> impl IntoView {
    let name = head.card.name;
    let feed = view! {
        <Link
            rel="alternate"
            type_="application/atom+xml"
            title=format!("Pushes to {name}")
            href=addresses::feed(&name)
        />
    };
    if head.card.visibility == Visibility::Private {
        return view! {
            <Title text=title />
            <Meta name="robots" content="noindex" />
            {feed}
        }
        .into_any();
    }
    view! {
        <PageMeta
            title
            description=head.card.description
            path
            card=addresses::card(&name)
            server=head.viewer.server
        />
        {feed}
    }
    .into_any()
}
