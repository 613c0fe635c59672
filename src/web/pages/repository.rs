//! `/r/{repository}`: what it is, how to get it, what is in it.

use dockyard_oci::{RepositoryName, Visibility};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::activity::ActivityLoader;
use super::delete_tags::DeleteTagsLoader;
use super::not_found::NotFoundPage;
use super::repository_settings::RepositorySettingsLoader;
use super::tag::{LabelValue, TagLoader};
use super::tags::TagsLoader;
use crate::web::addresses::{self, RepositoryAddress};
use crate::web::api::repositories::repository;
use crate::web::commands::{self, Image};
use crate::web::components::byte_size::{ByteSize, grouped};
use crate::web::components::command_tabs::CommandTabs;
use crate::web::components::empty_state::EmptyState;
use crate::web::components::loaded::loaded;
use crate::web::components::page_head::RepositoryPageHead;
use crate::web::components::platforms::Platforms;
use crate::web::components::pull_chart::{PullChart, pulls};
use crate::web::components::relative_time::RelativeTime;
use crate::web::components::repository_head::{RepositoryHeadView, RepositoryTab};
use crate::web::components::tag_table::TagList;
use crate::web::dto::{DayPulls, LabelRow, RepositoryHead, RepositoryPage, TagRow};
use crate::web::load::load;
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
        Some(RepositoryAddress::DeleteTags(name)) => view! { <DeleteTagsLoader name /> }.into_any(),
        Some(RepositoryAddress::Activity(name)) => view! { <ActivityLoader name /> }.into_any(),
        Some(RepositoryAddress::Settings(name)) => {
            view! { <RepositorySettingsLoader name /> }.into_any()
        }
        None => view! { <NotFoundPage /> }.into_any(),
    }
}

#[component]
fn RepositoryLoader(name: RepositoryName) -> impl IntoView {
    let session = Session::here();
    let page = load(move || session.version(), move |_| repository(name.clone()));
    loaded(
        page,
        |page: RepositoryPage| view! { <RepositoryView page /> },
    )
}

#[component]
fn RepositoryView(page: RepositoryPage) -> impl IntoView {
    let head = page.head.clone();
    let body = match page.tags.first() {
        None => view! { <EmptyRepository head=head.clone() /> }.into_any(),
        Some(newest) => view! { <PullBox head=head.clone() newest=newest.clone() /> }.into_any(),
    };
    let (html, head_of_readme) = (page.readme_html.clone(), head.clone());
    view! {
        <RepositoryPageHead
            title=head.card.name.clone()
            path=addresses::repository(&head.card.name)
            head=head.clone()
        />
        <RepositoryHeadView head tab=RepositoryTab::Overview />
        {body}
        <div class="columns">
            <div class="column-main">
                <Readme html head=head_of_readme />
            </div>
            <aside class="column-side" aria-label="About">
                <About page />
            </aside>
        </div>
    }
}

/// Shows how to pull the tag that was pushed last.
#[component]
fn PullBox(head: RepositoryHead, newest: TagRow) -> impl IntoView {
    let image = Image::Tagged {
        repository: head.card.name,
        tag: newest.name,
    };
    let account = (head.card.visibility == Visibility::Private)
        .then_some(head.viewer.user.as_deref())
        .flatten();
    let tabs = commands::fetch(
        &head.viewer.server,
        &image,
        account,
        newest.artifact.as_deref(),
    );
    view! {
        <section class="section" aria-label="Pull">
            <CommandTabs name="pull-with" legend="Pull with" tabs />
        </section>
    }
}

/// Shows the commands that fill a repository to those who may; says that it is empty to others.
#[component]
fn EmptyRepository(head: RepositoryHead) -> impl IntoView {
    if !head.may_change {
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
fn Readme(html: String, head: RepositoryHead) -> impl IntoView {
    if !html.trim().is_empty() {
        return view! {
            <section class="section" aria-label="README">
                <div class="readme markdown" inner_html=html></div>
            </section>
        }
        .into_any();
    }
    let text = if head.may_change {
        "Say what the image is, how to run it, and which tags there are."
    } else {
        "Its owner has not written one."
    };
    view! {
        <section class="section">
            <EmptyState title="No README" text icon="book-open">
                {head
                    .may_change
                    .then(|| {
                        view! {
                            <a class="button" href=addresses::settings(&head.card.name)>
                                "Write a README"
                            </a>
                        }
                    })}
            </EmptyState>
        </section>
    }
    .into_any()
}

/// Shows what is known of a repository beside its README.
#[component]
fn About(page: RepositoryPage) -> impl IntoView {
    let RepositoryPage {
        head,
        created,
        stored_bytes,
        tags,
        labels,
        pulls,
        ..
    } = page;
    let name = head.card.name.clone();
    let tag_count = head.card.tag_count;
    let pushed_by = tags.first().and_then(|tag| tag.pushed_by.clone());
    view! {
        {(head.card.pulls > 0 || !tags.is_empty())
            .then(|| view! { <PullFacts days=pulls total=head.card.pulls /> })}
        {(!tags.is_empty()).then(|| view! { <LatestTags name tags tag_count /> })}
        <section class="side-section">
            <h2>"About"</h2>
            <dl class="side-facts">
                {(!head.card.platforms.is_empty())
                    .then(|| {
                        view! {
                            <dt>"Platforms"</dt>
                            <dd>
                                <Platforms platforms=head.card.platforms.clone() />
                            </dd>
                        }
                    })} <Labels labels />
                {pushed_by
                    .map(|name| {
                        view! {
                            <dt>"Last pushed by"</dt>
                            <dd>
                                <a href=addresses::user(&name)>{name.clone()}</a>
                            </dd>
                        }
                    })} <dt>"Stored"</dt> <dd>
                    <ByteSize bytes=stored_bytes />
                </dd> <dt>"Created"</dt> <dd>
                    <RelativeTime moment=created />
                </dd>
            </dl>
        </section>
    }
}

#[component]
fn Labels(labels: Vec<LabelRow>) -> impl IntoView {
    let rows = labels.into_iter().map(|label| {
        let value = label.href.as_deref().map_or(label.value, host_of);
        view! {
            <dt>{label.name}</dt>
            <dd>
                <LabelValue value href=label.href />
            </dd>
        }
    });
    rows.collect_view()
}

/// Leaves of an address what fits a narrow column.
fn host_of(href: &str) -> String {
    let short = href
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    short.trim_end_matches('/').to_owned()
}

#[component]
fn PullFacts(days: Vec<DayPulls>, total: u64) -> impl IntoView {
    let lately: u64 = days.iter().map(|day| day.pulls).sum();
    let count = days.len();
    view! {
        <section class="side-section">
            <h2>"Pulls"</h2>
            <p class="side-number">
                <strong>{grouped(lately)}</strong>
                {format!(" in {count} days")}
            </p>
            <PullChart days />
            <p class="side-note">{format!("{} in all", pulls(total))}</p>
        </section>
    }
}

#[component]
fn LatestTags(name: String, tags: Vec<TagRow>, tag_count: u64) -> impl IntoView {
    let all = addresses::tags(&name);
    view! {
        <section class="side-section">
            <h2>"Latest tags"</h2>
            <TagList repository=name tags />
            <p class="side-note">
                <a href=all>
                    {if tag_count == 1 {
                        "See the tag".to_owned()
                    } else {
                        format!("All {} tags", grouped(tag_count))
                    }}
                </a>
            </p>
        </section>
    }
}
