//! The search box, in the header and large on pages.

use leptos::leptos_dom::helpers::debounce;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::Form;
use leptos_router::hooks::{use_location, use_navigate};

use super::icon::Icon;
use super::suggestions::{SUGGEST_AFTER, SuggestionList, Suggestions};
use crate::web::addresses;

/// Where a search box stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchBoxPlace {
    Header,
    Page,
}

/// Asks for words and leads to the results; names are suggested as one types.
#[component]
pub fn SearchBox(place: SearchBoxPlace) -> impl IntoView {
    let query = use_location().query;
    let text = move || query.read().get("q").unwrap_or_default();
    let (id, class, label) = match place {
        SearchBoxPlace::Header => ("header-search", "search-box", "Header search"),
        SearchBoxPlace::Page => ("page-search", "search-box search-box-large", "Image search"),
    };
    let is_page = place == SearchBoxPlace::Page;
    let suggestions = Suggestions::new(id);
    let navigate = use_navigate();
    let mut ask = debounce(SUGGEST_AFTER, move |text: String| suggestions.ask(text));
    let go = move |event: leptos::ev::KeyboardEvent| {
        if let Some(name) = suggestions.on_key(&event) {
            navigate(&addresses::repository(&name), NavigateOptions::default());
        }
    };
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
                autocapitalize="none"
                spellcheck="false"
                role="combobox"
                aria-autocomplete="list"
                aria-expanded=move || suggestions.is_open().to_string()
                aria-controls=suggestions.list_id()
                aria-activedescendant=move || suggestions.active_id()
                on:input:target=move |event| ask(event.target().value())
                on:keydown=go
                on:blur=move |_| suggestions.close()
            />
            <SuggestionList suggestions />
            {(!is_page).then(|| view! { <kbd class="search-key" aria-hidden="true">"/"</kbd> })}
            <button type="submit" class=if is_page { "button" } else { "visually-hidden" }>
                "Search"
            </button>
        </Form>
    }
}
