//! What a tag pointed to, and the page of one that was deleted.

use leptos::prelude::*;

use super::TagHead;
use crate::web::api::tags::RestoreTag;
use crate::web::components::move_table::TagHistory;
use crate::web::components::notice::FormNotice;
use crate::web::components::page_head::PageHead;
use crate::web::dto::{GoneTag, MoveRow};
use crate::web::form::Outcome;
use crate::web::response::set_status;

/// Lists what a tag pointed to; those who may can put it back.
#[component]
pub fn HistorySection(
    repository: String,
    tag: String,
    current: String,
    moves: Vec<MoveRow>,
    #[prop(optional_no_strip)] restore: Option<ServerAction<RestoreTag>>,
) -> impl IntoView {
    let notice = restore.map(|action| {
        let outcome = Outcome::of(action);
        view! { <FormNotice outcome /> }
    });
    let is_empty = moves.is_empty();
    (!is_empty).then(|| {
        view! {
            <section class="section">
                <div class="section-head">
                    <h2>"History"</h2>
                </div>
                {notice}
                <TagHistory repository tag current moves restore />
            </section>
        }
    })
}

/// Says that a tag was deleted, and offers what it pointed to.
#[component]
pub fn GoneView(page: GoneTag, restore: ServerAction<RestoreTag>) -> impl IntoView {
    set_status(404);
    let repository = page.head.card.name.clone();
    let restore = page.head.may_change.then_some(restore);
    let text = if restore.is_some() {
        "This tag was deleted. What it pointed to can be restored while it is kept."
    } else {
        "This tag was deleted."
    };
    view! {
        <PageHead title=format!("{repository}:{}", page.tag) />
        <TagHead repository=repository.clone() tag=page.tag.clone() gone=true />
        <p class="page-description">{text}</p>
        <HistorySection
            repository
            tag=page.tag
            current=String::new()
            moves=page.history
            restore
        />
    }
}
