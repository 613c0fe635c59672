//! Lists of repositories.

use leptos::prelude::*;

use super::repository_row::RepositoryRow;
use crate::web::dto::RepositoryCard;

/// Shows repositories one below the other.
#[component]
pub fn RepositoryList(repositories: Vec<RepositoryCard>) -> impl IntoView {
    let rows = repositories
        .into_iter()
        .map(|card| view! { <RepositoryRow card /> });
    view! { <ul class="repository-list">{rows.collect_view()}</ul> }
}
