//! `/r/{repository}`: what it is, how to get it, what is in it.

use dockyard_oci::{RepositoryName, Visibility};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::not_found::NotFoundPage;
use super::tag::TagLoader;
use super::tags::TagsLoader;
use crate::web::addresses::{self, RepositoryAddress};
use crate::web::api::repositories::repository;
use crate::web::commands::{self, Image};
use crate::web::components::command_tabs::CommandTabs;
use crate::web::components::empty_state::EmptyState;
use crate::web::components::loaded::loaded;
use crate::web::components::page_head::RepositoryPageHead;
use crate::web::components::relative_time::RelativeTime;
use crate::web::components::repository_head::{RepositoryHeadView, RepositoryTab};
use crate::web::components::tag_table::TagTable;
use crate::web::dto::{RepositoryHead, RepositoryPage, TagRow};
use crate::web::session::Session;

/// Reads the rest of the address, since a repository's name may have slashes in it.
#[component]
pub fn RepositoryRoute() -> impl IntoView {
    let params = use_params_map();
    let address = Memo::new(move |_| params.read().get("path")?.parse::<RepositoryAddress>().ok());
    move || match address.get() {
        Some(RepositoryAddress::Overview(name)) => view! { <RepositoryLoader name /> }.into_any(),
        Some(RepositoryAddress::Tags(name)) => view! { <TagsLoader name /> }.into_any(),
        Some(RepositoryAddress::Tag(name, tag)) => view! { <TagLoader name tag /> }.into_any(),
        None => view! { <NotFoundPage /> }.into_any(),
    }
}

#[component]
fn RepositoryLoader(name: RepositoryName) -> impl IntoView {
    let session = Session::here();
    let page = Resource::new_blocking(move || session.version(), move |_| repository(name.clone()));
    loaded(
        page,
        |page: RepositoryPage| view! { <RepositoryView page /> },
    )
}

#[component]
fn RepositoryView(page: RepositoryPage) -> impl IntoView {
    let RepositoryPage {
        head,
        readme_html,
        created,
        tags,
    } = page;
    let name = head.card.name.clone();
    view! {
        <RepositoryPageHead repository=&head.card title=name.clone() path=addresses::repository(&name) />
        <RepositoryHeadView head=head.clone() tab=RepositoryTab::Overview />
        {if tags.is_empty() {
            view! { <EmptyRepository head /> }.into_any()
        } else {
            view! {
                <PullBox head=head.clone() tag=tags[0].name.clone() />
                <RecentTags name tags tag_count=head.card.tag_count />
            }
                .into_any()
        }}
        <Readme html=readme_html />
        <p class="section-note">"Created " <RelativeTime moment=created /></p>
    }
}

/// Shows how to pull the tag that was pushed last.
#[component]
fn PullBox(head: RepositoryHead, tag: String) -> impl IntoView {
    let image = Image::Tagged {
        repository: head.card.name,
        tag,
    };
    let account = (head.card.visibility == Visibility::Private)
        .then_some(head.viewer.user.as_deref())
        .flatten();
    let tabs = commands::pull(&head.viewer.server, &image, account);
    view! {
        <section class="section" aria-label="Pull">
            <CommandTabs name="pull-with" legend="Pull with" tabs />
        </section>
    }
}

#[component]
fn RecentTags(name: String, tags: Vec<TagRow>, tag_count: u64) -> impl IntoView {
    let all = addresses::tags(&name);
    let has_more = usize::try_from(tag_count).is_ok_and(|count| count > tags.len());
    view! {
        <section class="section">
            <div class="section-head">
                <h2>{if has_more { "Latest tags" } else { "Tags" }}</h2>
                {has_more
                    .then(|| {
                        view! {
                            <a class="section-more" href=all>
                                {format!("All {tag_count} tags")}
                            </a>
                        }
                    })}
            </div>
            <TagTable repository=name tags />
        </section>
    }
}

/// Shows the commands that fill a repository to those who may; says that it is empty to others.
#[component]
fn EmptyRepository(head: RepositoryHead) -> impl IntoView {
    if !head.may_push {
        return view! {
            <EmptyState title="Nothing in it yet" text="No image has been pushed here so far." />
        }
        .into_any();
    }
    let tabs = commands::push(&head.viewer, &head.card.name);
    view! {
        <EmptyState
            title="Nothing in it yet"
            text="Push an image to it. In place of my-image comes the name of yours, as docker images lists it."
        >
            <CommandTabs name="push-with" legend="Push with" tabs />
        </EmptyState>
    }
    .into_any()
}

#[component]
fn Readme(html: String) -> impl IntoView {
    (!html.trim().is_empty()).then(|| {
        view! {
            <section class="section">
                <div class="section-head">
                    <h2>"README"</h2>
                </div>
                <div class="readme markdown" inner_html=html></div>
            </section>
        }
    })
}
