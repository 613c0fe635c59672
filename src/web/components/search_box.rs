//! The search box, in the header and large on pages.

use leptos::prelude::*;
use leptos_router::components::Form;
use leptos_router::hooks::use_query_map;

use super::icon::Icon;

/// Where a search box stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchBoxPlace {
    Header,
    Page,
}

/// Asks for words and leads to the results.
#[component]
pub fn SearchBox(place: SearchBoxPlace) -> impl IntoView {
    let query = use_query_map();
    let text = move || query.read().get("q").unwrap_or_default();
    let (id, class, label) = match place {
        SearchBoxPlace::Header => ("header-search", "search-box", "Header search"),
        SearchBoxPlace::Page => ("page-search", "search-box search-box-large", "Image search"),
    };
    let is_page = place == SearchBoxPlace::Page;
    view! {
        <Form action="/search" attr:class=class attr:role="search" attr:aria-label=label>
            <Icon name="search" />
            <input
                type="search"
                id=id
                name="q"
                value=text
                prop:value=text
                placeholder="Search images"
                aria-label="Search images"
                autocomplete="off"
                spellcheck="false"
            />
            {(!is_page).then(|| view! { <kbd class="search-key" aria-hidden="true">"/"</kbd> })}
            <button type="submit" class=if is_page { "button" } else { "visually-hidden" }>
                "Search"
            </button>
        </Form>
    }
}
