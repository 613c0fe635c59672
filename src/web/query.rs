//! The query of a page's address.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use leptos_router::params::ParamsMap;

/// Follows the query of the address as long as the page is the same, and keeps the last one after that: nothing is loaded
/// for a page that is being left.
///
/// The router's own hook misses the query when one leads from an address to another of the same route, as all
/// pages of repositories are.
pub fn page_query() -> Memo<ParamsMap> {
    let location = use_location();
    let path = location.pathname.get_untracked();
    Memo::new(move |before: Option<&ParamsMap>| match before {
        Some(before) if location.pathname.get() != path => before.clone(),
        _ => location.query.get(),
    })
}
