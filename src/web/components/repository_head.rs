//! The head of every page of a repository.

use leptos::prelude::*;

use super::badge::VisibilityBadge;
use super::icon::Icon;
use crate::web::addresses;
use crate::web::dto::RepositoryHead;

/// Which page of a repository is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepositoryTab {
    Overview,
    Tags,
}

/// Shows the way here, name, visibility and description, and the pages of the repository.
#[component]
pub fn RepositoryHeadView(head: RepositoryHead, tab: RepositoryTab) -> impl IntoView {
    let card = head.card;
    let (namespace, name) = card.name_parts();
    let (owner, name) = (namespace.trim_end_matches('/').to_owned(), name.to_owned());
    let upload = addresses::upload(&card.name);
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
            {head
                .may_push
                .then(|| {
                    view! {
                        <div class="page-actions">
                            <a class="button" href=upload>
                                <Icon name="upload" />
                                "Upload"
                            </a>
                        </div>
                    }
                })}
            {(!card.description.is_empty())
                .then(|| view! { <p class="page-description">{card.description}</p> })}
        </header>
        <RepositoryTabs name=card.name tag_count=card.tag_count tab />
    }
}

#[component]
fn RepositoryTabs(name: String, tag_count: u64, tab: RepositoryTab) -> impl IntoView {
    let current = move |of: RepositoryTab| (of == tab).then_some("page");
    view! {
        <nav class="tabs" aria-label="Repository">
            <a
                class="tab"
                href=addresses::repository(&name)
                aria-current=current(RepositoryTab::Overview)
            >
                "Overview"
            </a>
            <a class="tab" href=addresses::tags(&name) aria-current=current(RepositoryTab::Tags)>
                "Tags "
                <span class="count">{tag_count}</span>
            </a>
        </nav>
    }
}
