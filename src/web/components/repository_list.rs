//! Lists of repositories.

use leptos::prelude::*;

use super::icon::Icon;
use super::repository_row::RepositoryRow;
use crate::web::dto::RepositoryCard;

/// Shows repositories one below the other.
#[component]
pub fn RepositoryList(
    repositories: Vec<RepositoryCard>,
    /// What was looked for, to stand out.
    #[prop(optional)]
    words: Vec<String>,
) -> impl IntoView {
    let rows = repositories
        .into_iter()
        .map(|card| view! { <RepositoryRow card words=words.clone() /> });
    view! { <ul class="repository-list">{rows.collect_view()}</ul> }
}

/// Repositories from which on a list can be filtered: fewer are seen at a glance.
const FILTER_FROM: usize = 6;

/// Shows repositories, and a field that hides those whose names do not hold what is typed. The field is there once the
/// page is hydrated.
#[component]
pub fn FilteredList(repositories: Vec<RepositoryCard>) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let works = RwSignal::new(false);
    Effect::new(move |_| works.set(true));
    let is_long = repositories.len() >= FILTER_FROM;
    let names: Vec<String> = repositories.iter().map(|card| card.name.clone()).collect();
    let found = move || {
        let typed = typed.read().trim().to_lowercase();
        names.iter().filter(|name| name.contains(&typed)).count()
    };
    let rows = repositories.into_iter().map(|card| {
        let name = card.name.clone();
        let hidden = move || !name.contains(&typed.read().trim().to_lowercase());
        view! { <RepositoryRow card attr:hidden=hidden /> }
    });
    view! {
        {is_long
            .then(|| {
                view! {
                    <div class="filter-bar" hidden=move || !works.get()>
                        <div class="filter-text">
                            <Icon name="search" />
                            <input
                                type="search"
                                placeholder="Filter your repositories"
                                aria-label="Filter your repositories"
                                autocomplete="off"
                                autocapitalize="none"
                                spellcheck="false"
                                on:input:target=move |event| typed.set(event.target().value())
                            />
                        </div>
                    </div>
                }
            })}
        <ul class="repository-list">{rows.collect_view()}</ul>
        <p class="section-note" role="status">
            {move || (found() == 0).then_some("No repository has that in its name.")}
        </p>
    }
}
