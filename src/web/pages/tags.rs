//! `/r/{repository}/-/tags`: all tags of a repository.

use dockyard_oci::RepositoryName;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::Form;
use leptos_router::hooks::use_navigate;

use crate::web::addresses;
use crate::web::api::tags::tags;
use crate::web::commands;
use crate::web::components::command_tabs::CommandTabs;
use crate::web::components::empty_state::EmptyState;
use crate::web::components::icon::Icon;
use crate::web::components::loaded::loaded;
use crate::web::components::notice::SuccessNotice;
use crate::web::components::page_head::RepositoryPageHead;
use crate::web::components::pager::Pager;
use crate::web::components::repository_head::{RepositoryHeadView, RepositoryTab};
use crate::web::components::tag_table::{TagTable, TagTableUse};
use crate::web::dto::{RepositoryHead, TagRow, TagSort, TagsPage};
use crate::web::load::load;
use crate::web::query::page_query;
use crate::web::session::Session;

/// Loads the tags that the query of the address asks for: `filter`, `sort`, and `after` to go on.
#[component]
pub fn TagsLoader(name: RepositoryName) -> impl IntoView {
    let session = Session::here();
    let query = page_query();
    let asked = Memo::new(move |_| {
        let query = query.read();
        let part = query.get("filter").unwrap_or_default();
        let sort = TagSort::of_query(&query.get("sort").unwrap_or_default());
        (part, sort, query.get("after"))
    });
    let page = load(
        move || (asked.get(), session.version()),
        move |((part, sort, after), _)| tags(name.clone(), part, sort, after),
    );
    loaded(page, |page: TagsPage| view! { <TagsView page /> })
}

#[component]
fn TagsView(page: TagsPage) -> impl IntoView {
    let TagsPage {
        head,
        part,
        sort,
        tags,
        next,
    } = page;
    let name = head.card.name.clone();
    let next = next.map(|place| addresses::tags_part(&name, &part, sort.as_str(), Some(&place)));
    let is_bare = tags.is_empty() && part.is_empty();
    let body = if is_bare {
        view! { <NoTags head=head.clone() /> }.into_any()
    } else {
        let may_change = head.may_change;
        view! {
            <TagFilter name=name.clone() part=part.clone() sort />
            <FoundTags name part tags may_change />
            <Pager next />
        }
        .into_any()
    };
    view! {
        <RepositoryPageHead
            title=format!("Tags of {}", head.card.name)
            path=addresses::tags(&head.card.name)
            head=head.clone()
        />
        <RepositoryHeadView head tab=RepositoryTab::Tags />
        <DeletedNotice />
        {body}
    }
}

/// Says how many tags the page before deleted.
#[component]
fn DeletedNotice() -> impl IntoView {
    let query = page_query();
    move || {
        let count: u64 = query.read().get("deleted")?.parse().ok()?;
        let message = match count {
            1 => "One tag was deleted. Activity shows it, and what it pointed to.".to_owned(),
            count => format!("{count} tags were deleted. Activity shows what they pointed to."),
        };
        Some(view! { <SuccessNotice message /> })
    }
}

#[component]
fn NoTags(head: RepositoryHead) -> impl IntoView {
    if head.may_change {
        let tabs = commands::push(&head.viewer, &head.card.name);
        let text = "A tag appears here with the first push.";
        return view! {
            <EmptyState title="No tags yet" text icon="tag">
                <CommandTabs name="push-with" legend="Push with" tabs />
            </EmptyState>
        }
        .into_any();
    }
    let text = "Nothing has been pushed here so far.";
    view! { <EmptyState title="No tags yet" text icon="tag" /> }.into_any()
}

/// Asks for a part of the names and an order. With JavaScript the list follows what is typed.
#[component]
fn TagFilter(name: String, part: String, sort: TagSort) -> impl IntoView {
    let navigate = use_navigate();
    let options = TagSort::ALL.into_iter().map(move |one| {
        view! {
            <option value=one.as_str() selected=one == sort>
                {one.label()}
            </option>
        }
    });
    let (typed, chosen) = (RwSignal::new(part.clone()), RwSignal::new(sort));
    let repository = name.clone();
    let follow = move || {
        let part = typed.get_untracked();
        let href = addresses::tags_part(&repository, &part, chosen.get_untracked().as_str(), None);
        let options = NavigateOptions {
            replace: true,
            scroll: false,
            ..NavigateOptions::default()
        };
        navigate(&href, options);
    };
    let sorted = follow.clone();
    let follow = leptos::leptos_dom::helpers::debounce(FOLLOW_AFTER, move |()| follow());
    let mut follow = follow;
    view! {
        <Form action=addresses::tags(&name) attr:class="filter-bar" attr:role="search" attr:aria-label="Tags">
            <div class="filter-text">
                <Icon name="search" />
                <input
                    type="search"
                    name="filter"
                    id="tag-filter"
                    value=part
                    placeholder="Filter tags"
                    aria-label="Filter tags"
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    on:input:target=move |event| {
                        typed.set(event.target().value());
                        follow(());
                    }
                />
            </div>
            <label class="filter-sort">
                <span>"Sort by"</span>
                <select
                    name="sort"
                    on:change:target=move |event| {
                        chosen.set(TagSort::of_query(&event.target().value()));
                        sorted();
                    }
                >
                    {options.collect_view()}
                </select>
            </label>
            <button type="submit" class="button">
                "Apply"
            </button>
        </Form>
    }
}

/// How long after the last letter the list follows: shorter than a pause, longer than a letter.
const FOLLOW_AFTER: std::time::Duration = std::time::Duration::from_millis(200);

#[component]
fn FoundTags(name: String, part: String, tags: Vec<TagRow>, may_change: bool) -> impl IntoView {
    if tags.is_empty() {
        return view! {
            <EmptyState
                title="No such tags"
                text=format!("No tag has “{part}” in its name.")
                icon="tag"
            >
                <a class="button" href=addresses::tags(&name)>
                    "Show all tags"
                </a>
            </EmptyState>
        }
        .into_any();
    }
    if !may_change {
        return view! { <TagTable repository=name tags usage=TagTableUse::Read /> }.into_any();
    }
    view! {
        <Form action=addresses::delete_tags(&name) attr:class="tag-selection">
            <TagTable repository=name.clone() tags usage=TagTableUse::Select />
            <div class="table-actions">
                <button type="submit" class="button button-danger">
                    <Icon name="trash-2" />
                    "Delete selected"
                </button>
                <p class="section-note">"You are asked before anything goes."</p>
            </div>
        </Form>
    }
    .into_any()
}
