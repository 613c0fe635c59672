//! `/r/{repository}/-/tags`: all tags.

use dockyard_oci::RepositoryName;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::web::addresses;
use crate::web::api::repositories::tags;
use crate::web::components::empty_state::EmptyState;
use crate::web::components::loaded::loaded;
use crate::web::components::page_head::RepositoryPageHead;
use crate::web::components::pager::Pager;
use crate::web::components::repository_head::{RepositoryHeadView, RepositoryTab};
use crate::web::components::tag_table::TagTable;
use crate::web::dto::TagsPage;
use crate::web::session::Session;

/// Loads the tags of a repository, from the one in `?after=` on.
#[component]
pub fn TagsLoader(name: RepositoryName) -> impl IntoView {
    let session = Session::here();
    let query = use_query_map();
    let after = Memo::new(move |_| query.read().get("after"));
    let page = Resource::new_blocking(
        move || (after.get(), session.version()),
        move |(after, _)| tags(name.clone(), after),
    );
    loaded(page, |page: TagsPage| view! { <TagsView page /> })
}

#[component]
fn TagsView(page: TagsPage) -> impl IntoView {
    let name = page.head.card.name.clone();
    let next = page
        .next
        .map(|last| format!("{}?after={last}", addresses::tags(&name)));
    view! {
        <RepositoryPageHead repository=&page.head.card title=format!("Tags of {name}") path=addresses::tags(&name) />
        <RepositoryHeadView head=page.head tab=RepositoryTab::Tags />
        {if page.tags.is_empty() {
            let text = "A tag appears here with the first push.";
            view! { <EmptyState title="No tags" text icon="tag" /> }.into_any()
        } else {
            view! { <TagTable repository=name tags=page.tags /> }.into_any()
        }}
        <Pager next />
    }
}
