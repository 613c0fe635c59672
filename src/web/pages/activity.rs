//! `/r/{repository}/-/activity`: what happened to the tags of a repository.

use dockyard_oci::RepositoryName;
use leptos::prelude::*;

use crate::web::addresses;
use crate::web::api::tags::activity;
use crate::web::components::empty_state::EmptyState;
use crate::web::components::loaded::loaded;
use crate::web::components::move_table::MoveTable;
use crate::web::components::page_head::RepositoryPageHead;
use crate::web::components::pager::Pager;
use crate::web::components::repository_head::{RepositoryHeadView, RepositoryTab};
use crate::web::dto::ActivityPage;
use crate::web::load::load;
use crate::web::query::page_query;
use crate::web::session::Session;

/// Loads the moves of a repository's tags, from before the one in `?before=`.
#[component]
pub fn ActivityLoader(name: RepositoryName) -> impl IntoView {
    let session = Session::here();
    let query = page_query();
    let before = Memo::new(move |_| query.read().get("before"));
    let page = load(
        move || (before.get(), session.version()),
        move |(before, _)| activity(name.clone(), before),
    );
    loaded(page, |page: ActivityPage| view! { <ActivityView page /> })
}

#[component]
fn ActivityView(page: ActivityPage) -> impl IntoView {
    let name = page.head.card.name.clone();
    let next = page
        .next
        .map(|place| addresses::activity(&name, Some(&place)));
    let moves = page.moves;
    view! {
        <RepositoryPageHead
            title=format!("Activity of {name}")
            path=addresses::activity(&name, None)
            head=page.head.clone()
        />
        <RepositoryHeadView head=page.head tab=RepositoryTab::Activity />
        {if moves.is_empty() {
            let text = "Pushes, restores and deletions of tags are listed here.";
            view! { <EmptyState title="Nothing happened yet" text icon="clock" /> }.into_any()
        } else {
            view! { <MoveTable repository=name moves /> }.into_any()
        }}
        <Pager next />
    }
}
