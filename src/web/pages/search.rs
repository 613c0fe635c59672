//! `/search?q=`: what was found.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::web::addresses;
use crate::web::api::search::search;
use crate::web::components::byte_size::grouped;
use crate::web::components::empty_state::EmptyState;
use crate::web::components::loaded::loaded;
use crate::web::components::page_head::PageHead;
use crate::web::components::pager::Pager;
use crate::web::components::repository_list::RepositoryList;
use crate::web::components::search_box::{SearchBox, SearchBoxPlace};
use crate::web::dto::SearchPage;
use crate::web::session::Session;

/// The search page.
#[component]
pub fn SearchResultsPage() -> impl IntoView {
    let session = Session::here();
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let query = query.read();
        let page = query
            .get("page")
            .and_then(|page| page.parse().ok())
            .unwrap_or(1_u32);
        (query.get("q").unwrap_or_default(), page.max(1))
    });
    let page = Resource::new_blocking(
        move || (asked.get(), session.version()),
        |((text, page), _)| search(text, page),
    );
    let title = move || match asked.get().0.trim() {
        "" => "Search".to_owned(),
        text => format!("{text} - Search"),
    };
    view! {
        <PageHead title />
        <header class="page-head">
            <h1>"Search"</h1>
        </header>
        <SearchBox place=SearchBoxPlace::Page />
        {loaded(page, |page: SearchPage| view! { <Results page /> })}
    }
}

#[component]
fn Results(page: SearchPage) -> impl IntoView {
    let text = page.text.trim().to_owned();
    if text.is_empty() {
        return view! {
            <EmptyState
                title="What are you looking for?"
                text="Type words of a name, a description or a README. The end of a word may be missing."
                icon="search"
            />
        }
        .into_any();
    }
    if page.repositories.is_empty() {
        return view! { <NothingFound text page=page.page /> }.into_any();
    }
    let found = if page.total == 1 {
        "repository"
    } else {
        "repositories"
    };
    let previous = (page.page > 1).then(|| addresses::search(&text, page.page - 1));
    let next = page
        .has_next
        .then(|| addresses::search(&text, page.page + 1));
    view! {
        <p class="result-count" role="status">
            {format!("{} {found} for ", grouped(page.total))}
            <strong>{text}</strong>
        </p>
        <RepositoryList repositories=page.repositories />
        <Pager previous next here=format!("Page {}", page.page) />
    }
    .into_any()
}

#[component]
fn NothingFound(text: String, page: u32) -> impl IntoView {
    if page > 1 {
        let first = addresses::search(&text, 1);
        return view! {
            <EmptyState title="There are no more results" text="This page is past the last one.">
                <a class="button" href=first>
                    "First page"
                </a>
            </EmptyState>
        }
        .into_any();
    }
    let hint = format!(
        "No repository that you may see matches all of \"{text}\". Try fewer words, or only their beginnings."
    );
    view! { <EmptyState title="Nothing found" text=hint icon="search" /> }.into_any()
}
