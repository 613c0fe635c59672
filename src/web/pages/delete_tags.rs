//! `/r/{repository}/-/delete-tags?tag=…`: asks before tags are deleted.

use dockyard_oci::RepositoryName;
use leptos::form::ActionForm;
use leptos::prelude::*;

use crate::web::addresses;
use crate::web::api::tags::{DeleteTags, ask_deletion};
use crate::web::components::byte_size::{ByteSize, grouped};
use crate::web::components::empty_state::EmptyState;
use crate::web::components::icon::Icon;
use crate::web::components::loaded::loaded;
use crate::web::components::notice::FormNotice;
use crate::web::components::page_head::PageHead;
use crate::web::components::repository_head::{RepositoryHeadView, RepositoryTab};
use crate::web::components::tag_table::{TagTable, TagTableUse};
use crate::web::dto::{DeletionPage, TagRow};
use crate::web::form::Outcome;
use crate::web::load::load;
use crate::web::query::page_query;
use crate::web::session::Session;

/// Loads what deleting the tags of the address's query would do.
#[component]
pub fn DeleteTagsLoader(name: RepositoryName) -> impl IntoView {
    let session = Session::here();
    let query = page_query();
    let asked = Memo::new(move |_| query.read().get_all("tag").unwrap_or_default().join(","));
    let action = ServerAction::<DeleteTags>::new();
    let page = load(
        move || (asked.get(), session.version()),
        move |(tags, _)| ask_deletion(name.clone(), tags),
    );
    loaded(
        page,
        move |page: DeletionPage| view! { <DeletionView page action /> },
    )
}

#[component]
fn DeletionView(page: DeletionPage, action: ServerAction<DeleteTags>) -> impl IntoView {
    let name = page.head.card.name.clone();
    let body = if page.tags.is_empty() {
        view! { <NothingChosen name=name.clone() /> }.into_any()
    } else {
        view! { <Question page=page.clone() action /> }.into_any()
    };
    view! {
        <PageHead title=format!("Delete tags of {name}") />
        <RepositoryHeadView head=page.head tab=RepositoryTab::Tags />
        {body}
    }
}

#[component]
fn NothingChosen(name: String) -> impl IntoView {
    view! {
        <EmptyState
            title="No tags chosen"
            text="Tick the tags that are to go, then choose Delete selected."
            icon="tag"
        >
            <a class="button" href=addresses::tags(&name)>
                "Back to the tags"
            </a>
        </EmptyState>
    }
}

#[component]
fn Question(page: DeletionPage, action: ServerAction<DeleteTags>) -> impl IntoView {
    let outcome = Outcome::of(action);
    let name = page.head.card.name.clone();
    let title = counted(page.tags.len() as u64, "tag");
    let joined = names(&page.tags);
    let freed = page.freed_bytes;
    view! {
        <section class="section">
            <div class="section-head">
                <h2>{format!("Delete {title}?")}</h2>
            </div>
            <FormNotice outcome />
            <ul class="consequences">
                <li>{format!("{title} can't be pulled by name any more.")}</li>
                {(page.manifests > 0)
                    .then(|| {
                        let manifests = counted(page.manifests, "manifest");
                        view! {
                            <li>
                                {format!(
                                    "{manifests} that no other tag leads to can still be pulled by digest and restored from Activity, until the collector takes them.",
                                )}
                            </li>
                        }
                    })}
                <li>
                    "Space that then comes back: " <strong>
                        <ByteSize bytes=freed />
                    </strong> {(freed == 0).then_some(" (other tags hold the same layers)")}
                </li>
            </ul>
            <TagTable repository=name.clone() tags=page.tags usage=TagTableUse::Read />
            <ActionForm action=action attr:class="form-actions deletion-form">
                <input type="hidden" name="name" value=name.clone() />
                <input type="hidden" name="tags" value=joined />
                <button
                    type="submit"
                    class="button button-danger"
                    disabled=move || outcome.is_pending()
                >
                    <Icon name="trash-2" />
                    {format!("Delete {title}")}
                </button>
                <a class="button" href=addresses::tags(&name)>
                    "Cancel"
                </a>
            </ActionForm>
        </section>
    }
}

fn names(tags: &[TagRow]) -> String {
    let names: Vec<&str> = tags.iter().map(|tag| tag.name.as_str()).collect();
    names.join(",")
}

/// Writes a number of things.
fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(count))
}
