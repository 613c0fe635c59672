//! What the results have in common, to narrow them down: at the side on a desk, in a drawer on a phone.

use dockyard_oci::Visibility;
use leptos::prelude::*;

use crate::web::addresses;
use crate::web::components::byte_size::grouped;
use crate::web::components::icon::Icon;
use crate::web::dto::{FacetValue, SearchPage, SearchQuery};

/// Lists values with their counts; each leads to the results that have it, or back from them.
#[component]
pub fn FacetList(page: SearchPage) -> impl IntoView {
    let asked = page.asked;
    let platforms = page.platforms.into_iter().map(|facet| {
        let is_chosen = asked.platform.as_deref() == Some(facet.value.as_str());
        let wanted = SearchQuery {
            platform: (!is_chosen).then(|| facet.value.clone()),
            page: 1,
            ..asked.clone()
        };
        link(facet, is_chosen, &wanted)
    });
    let platforms = platforms.collect_view();
    let namespaces = page.namespaces.into_iter().map(|facet| {
        let is_chosen = asked.namespace.as_deref() == Some(facet.value.as_str());
        let wanted = SearchQuery {
            namespace: (!is_chosen).then(|| facet.value.clone()),
            page: 1,
            ..asked.clone()
        };
        link(facet, is_chosen, &wanted)
    });
    let namespaces = namespaces.collect_view();
    let is_private = asked.visibility == Some(Visibility::Private);
    let private = (page.private > 0 || is_private).then(|| {
        let facet = FacetValue {
            value: "Private".to_owned(),
            count: page.private,
        };
        let wanted = SearchQuery {
            visibility: (!is_private).then_some(Visibility::Private),
            page: 1,
            ..asked.clone()
        };
        view! {
            <div class="facet">
                <h2>"Visibility"</h2>
                <ul>{link(facet, is_private, &wanted)}</ul>
            </div>
        }
    });
    view! {
        <details class="facets" open=asked.is_filtered()>
            <summary class="button">"Filter"</summary>
            <div class="facet-groups" role="group" aria-label="Filter">
                {(!platforms.is_empty())
                    .then(|| {
                        view! {
                            <div class="facet">
                                <h2>"Platform"</h2>
                                <ul>{platforms}</ul>
                            </div>
                        }
                    })} <div class="facet">
                    <h2>"Namespace"</h2>
                    <ul>{namespaces}</ul>
                </div> {private}
            </div>
        </details>
    }
}

fn link(facet: FacetValue, is_chosen: bool, wanted: &SearchQuery) -> impl IntoView + use<> {
    view! {
        <li>
            <a
                class="facet-value"
                href=addresses::search(wanted)
                aria-current=is_chosen.then_some("true")
                rel="nofollow"
            >
                <span class="facet-name">{facet.value}</span>
                {if is_chosen {
                    view! {
                        <span class="visually-hidden">"chosen, take away"</span>
                        <Icon name="x" />
                    }
                        .into_any()
                } else {
                    view! { <span class="facet-count">{grouped(facet.count)}</span> }.into_any()
                }}
            </a>
        </li>
    }
}
