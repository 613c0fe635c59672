//! The head of every page of a repository.

use leptos::prelude::*;

use super::badge::VisibilityBadge;
use super::icon::Icon;
use super::pull_chart::pulls;
use super::relative_time::RelativeTime;
use super::star_button::StarButton;
use crate::web::addresses;
use crate::web::dto::{RepositoryCard, RepositoryHead};

/// Which page of a repository is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepositoryTab {
    Overview,
    Tags,
    Activity,
    Settings,
}

/// Shows the way here, name, visibility and description, and the pages of the repository.
#[component]
pub fn RepositoryHeadView(head: RepositoryHead, tab: RepositoryTab) -> impl IntoView {
    let card = head.card.clone();
    let (namespace, name) = card.name_parts();
    let (owner, name) = (namespace.trim_end_matches('/').to_owned(), name.to_owned());
    let upload = addresses::upload(&card.name);
    let may_change = head.may_change;
    view! {
        <header class="page-head">
            <nav class="breadcrumbs" aria-label="Breadcrumb">
                <ol>
                    <li>
                        <a href=addresses::user(&owner)>{owner.clone()}</a>
                    </li>
                    <li aria-current="page">{name}</li>
                </ol>
            </nav>
            <div class="page-title">
                <h1>{card.name.clone()}</h1>
                <VisibilityBadge visibility=card.visibility />
            </div>
            <div class="page-actions">
                {may_change
                    .then(|| {
                        view! {
                            <a class="button" href=upload>
                                <Icon name="upload" />
                                "Upload"
                            </a>
                        }
                    })} <StarButton head />
            </div>
            {(!card.description.is_empty())
                .then(|| view! { <p class="page-description">{card.description.clone()}</p> })}
            <HeadFacts card=card.clone() />
        </header>
        <RepositoryTabs name=card.name tag_count=card.tag_count may_change tab />
    }
}

#[component]
fn HeadFacts(card: RepositoryCard) -> impl IntoView {
    view! {
        <p class="page-facts">
            <span class="fact">
                <Icon name="download" />
                {pulls(card.pulls)}
            </span>
            {card
                .pushed
                .map(|moment| {
                    view! {
                        <span class="fact">
                            <Icon name="clock" />
                            <span>"pushed " <RelativeTime moment /></span>
                        </span>
                    }
                })}
        </p>
    }
}

#[component]
fn RepositoryTabs(
    name: String,
    tag_count: u64,
    may_change: bool,
    tab: RepositoryTab,
) -> impl IntoView {
    let link = move |of: RepositoryTab, href: String, text: &'static str, count: Option<u64>| {
        view! {
            <a class="tab" href=href aria-current=(of == tab).then_some("page")>
                {text}
                {count.map(|count| view! { <span class="count">{count}</span> })}
            </a>
        }
    };
    view! {
        <nav class="tabs" aria-label="Repository">
            {link(RepositoryTab::Overview, addresses::repository(&name), "Overview", None)}
            {link(RepositoryTab::Tags, addresses::tags(&name), "Tags", Some(tag_count))}
            {link(RepositoryTab::Activity, addresses::activity(&name, None), "Activity", None)}
            {may_change
                .then(|| link(RepositoryTab::Settings, addresses::settings(&name), "Settings", None))}
        </nav>
    }
}
