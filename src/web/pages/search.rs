//! `/search?q=`: what was found.

mod facets;

use dockyard_oci::Visibility;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::Form;
use leptos_router::hooks::use_navigate;

use facets::FacetList;

use crate::web::addresses;
use crate::web::api::search::search;
use crate::web::components::byte_size::grouped;
use crate::web::components::empty_state::EmptyState;
use crate::web::components::loaded::loaded;
use crate::web::components::page_head::PageHead;
use crate::web::components::pager::Pager;
use crate::web::components::repository_list::RepositoryList;
use crate::web::components::search_box::{SearchBox, SearchBoxPlace};
use crate::web::dto::{SearchPage, SearchQuery, SearchSort};
use crate::web::load::load;
use crate::web::query::page_query;
use crate::web::session::Session;

/// The search page. The address holds everything that it shows.
#[component]
pub fn SearchResultsPage() -> impl IntoView {
    let session = Session::here();
    let query = page_query();
    let asked = Memo::new(move |_| {
        let query = query.read();
        let page = query.get("page").and_then(|page| page.parse().ok());
        SearchQuery {
            text: query.get("q").unwrap_or_default(),
            sort: SearchSort::of_query(&query.get("sort").unwrap_or_default()),
            platform: query.get("platform").filter(|value| !value.is_empty()),
            namespace: query.get("namespace").filter(|value| !value.is_empty()),
            visibility: query
                .get("visibility")
                .and_then(|value| value.parse::<Visibility>().ok()),
            page: page.unwrap_or(1_u32).max(1),
        }
    });
    let page = load(
        move || (asked.get(), session.version()),
        |(asked, _)| {
            search(
                asked.text,
                Some(asked.sort),
                asked.platform,
                asked.namespace,
                asked.visibility,
                asked.page,
            )
        },
    );
    let title = move || match asked.read().text.trim() {
        "" => "Search".to_owned(),
        text => format!("{text} - Search"),
    };
    view! {
        <PageHead title=title />
        <header class="page-head">
            <h1>"Search"</h1>
        </header>
        <SearchBox place=SearchBoxPlace::Page />
        {loaded(page, |page: SearchPage| view! { <Results page /> })}
    }
}

#[component]
fn Results(page: SearchPage) -> impl IntoView {
    let asked = page.asked.clone();
    let body = if page.repositories.is_empty() {
        view! { <NothingFound asked=asked.clone() /> }.into_any()
    } else {
        view! { <Found page=page.clone() /> }.into_any()
    };
    let has_facets = !page.namespaces.is_empty();
    view! {
        <div class="search-columns">
            {has_facets.then(|| view! { <FacetList page /> })}
            <div class="search-found">{body}</div>
        </div>
    }
}

#[component]
fn Found(page: SearchPage) -> impl IntoView {
    let asked = page.asked;
    let to = |page: u32| {
        addresses::search(&SearchQuery {
            page,
            ..asked.clone()
        })
    };
    let previous = (asked.page > 1).then(|| to(asked.page - 1));
    let next = page.has_next.then(|| to(asked.page + 1));
    let here = format!("Page {}", asked.page);
    view! {
        {page
            .is_near
            .then(|| {
                view! {
                    <p class="notice search-near" role="status">
                        {format!(
                            "Nothing has “{}” in it as you typed it. This comes near.",
                            asked.text.trim(),
                        )}
                    </p>
                }
            })}
        <div class="result-head">
            <p class="result-count" role="status">
                {describe(page.total, &asked)}
            </p>
            <SortForm asked=asked.clone() />
        </div>
        <RepositoryList repositories=page.repositories words=page.words />
        <Pager previous next here />
    }
}

/// Says how many there are, and of what.
fn describe(total: u64, asked: &SearchQuery) -> String {
    let found = if total == 1 {
        "repository"
    } else {
        "repositories"
    };
    match asked.text.trim() {
        "" => format!("{} {found}", grouped(total)),
        text => format!("{} {found} for “{text}”", grouped(total)),
    }
}

/// Asks for an order. With JavaScript the choice is followed at once.
#[component]
fn SortForm(asked: SearchQuery) -> impl IntoView {
    let navigate = use_navigate();
    let current = asked.sort;
    let options = SearchSort::ALL.into_iter().map(move |sort| {
        view! {
            <option value=sort.as_str() selected=sort == current>
                {sort.label()}
            </option>
        }
    });
    let kept = [
        ("q", Some(asked.text.clone())),
        ("platform", asked.platform.clone()),
        ("namespace", asked.namespace.clone()),
        (
            "visibility",
            asked.visibility.map(|one| one.as_str().to_owned()),
        ),
    ];
    let kept = kept.into_iter().filter_map(|(name, value)| {
        let value = value?;
        Some(view! { <input type="hidden" name=name value=value /> })
    });
    view! {
        <Form action="/search" attr:class="sort-form">
            {kept.collect_view()}
            <label class="filter-sort">
                <span>"Sort by"</span>
                <select
                    name="sort"
                    on:change:target=move |event| {
                        let sort = SearchSort::of_query(&event.target().value());
                        let wanted = SearchQuery {
                            sort,
                            page: 1,
                            ..asked.clone()
                        };
                        navigate(&addresses::search(&wanted), NavigateOptions::default());
                    }
                >
                    {options.collect_view()}
                </select>
            </label>
            <button type="submit" class="button without-script">
                "Sort"
            </button>
        </Form>
    }
}

#[component]
fn NothingFound(asked: SearchQuery) -> impl IntoView {
    if asked.page > 1 {
        let first = SearchQuery { page: 1, ..asked };
        return view! {
            <EmptyState title="There are no more results" text="This page is past the last one.">
                <a class="button" href=addresses::search(&first)>
                    "First page"
                </a>
            </EmptyState>
        }
        .into_any();
    }
    if asked.is_filtered() {
        let all = SearchQuery {
            platform: None,
            namespace: None,
            visibility: None,
            ..asked
        };
        return view! {
            <EmptyState title="Nothing fits the filter" text="Without it there may be more." icon="search">
                <a class="button" href=addresses::search(&all)>
                    "Without the filter"
                </a>
            </EmptyState>
        }
        .into_any();
    }
    let hint = match asked.text.trim() {
        "" => "Nothing public is here yet.".to_owned(),
        text => format!(
            "No repository that you may see has all of “{text}” in its name, description or README, nor anything near it. Try fewer words, or only their beginnings."
        ),
    };
    view! { <EmptyState title="Nothing found" text=hint icon="search" /> }.into_any()
}
