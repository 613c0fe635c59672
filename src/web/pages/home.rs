//! `/`: own repositories and what is new in them; what was pushed last and pulled most.

use leptos::prelude::*;

use crate::web::addresses;
use crate::web::api::repositories::home;
use crate::web::commands;
use crate::web::components::byte_size::{ByteSize, grouped};
use crate::web::components::command_tabs::CommandTabs;
use crate::web::components::empty_state::EmptyState;
use crate::web::components::icon::Icon;
use crate::web::components::loaded::loaded;
use crate::web::components::move_table::News;
use crate::web::components::page_head::PageHead;
use crate::web::components::repository_list::{FilteredList, RepositoryList};
use crate::web::components::search_box::{SearchBox, SearchBoxPlace};
use crate::web::dto::{Home, NewsRow, RepositoryCard, Viewer};
use crate::web::load::load;
use crate::web::session::Session;

/// The front page.
#[component]
pub fn HomePage() -> impl IntoView {
    let session = Session::here();
    let page = load(move || session.version(), |_| home());
    view! {
        {loaded(page, |home: Home| view! { <HomeView home /> })}
    }
}

#[component]
fn HomeView(home: Home) -> impl IntoView {
    let Home {
        viewer,
        own,
        own_count,
        own_bytes,
        news,
        recent,
        popular,
    } = home;
    let meta = view! { <PageHead title="" path="/" /> };
    let is_stranger = viewer.user.is_none();
    let takes_sign_ups = viewer.takes_sign_ups;
    let is_empty = recent.is_empty() && own.is_empty();
    if is_stranger {
        let lists = if is_empty {
            view! { <EmptyInstance takes_sign_ups /> }.into_any()
        } else {
            view! { <PublicLists recent popular /> }.into_any()
        };
        return view! {
            {meta}
            <div class="home">
                <Hero />
                {lists}
            </div>
        }
        .into_any();
    }
    view! {
        {meta}
        <div class="home columns">
            <div class="column-main">
                <OwnRepositories viewer own own_count />
            </div>
            <aside class="column-side" aria-label="Activity and storage">
                <NewsSection news />
                <Storage count=own_count bytes=own_bytes />
            </aside>
        </div>
        {(!is_empty).then(|| view! { <PublicLists recent popular /> })}
    }
    .into_any()
}

#[component]
fn Hero() -> impl IntoView {
    view! {
        <section class="hero">
            <h1>"Push, pull and find Docker images"</h1>
            <SearchBox place=SearchBoxPlace::Page />
        </section>
    }
}

#[component]
fn EmptyInstance(takes_sign_ups: bool) -> impl IntoView {
    let (text, sign_up) = if takes_sign_ups {
        let link = view! {
            <a class="button button-primary" href="/signup">
                "Sign up"
            </a>
        };
        let text = "Sign up, then push the first image with docker, podman, curl or the browser.";
        (text, Some(link))
    } else {
        let text = "Log in, then push the first image with docker, podman, curl or the browser.";
        (text, None)
    };
    view! {
        <EmptyState title="This Dockyard is empty" text>
            <div class="form-actions">
                {sign_up} <a class="button" href="/login">
                    "Log in"
                </a>
            </div>
        </EmptyState>
    }
}

#[component]
fn OwnRepositories(viewer: Viewer, own: Vec<RepositoryCard>, own_count: u64) -> impl IntoView {
    let user = viewer.user.clone().unwrap_or_default();
    let more = usize::try_from(own_count).is_ok_and(|count| count > own.len());
    view! {
        <section class="section">
            <div class="section-head">
                <h1>"Your repositories"</h1>
                <a class="button" href="/new">
                    <Icon name="plus" />
                    "New repository"
                </a>
            </div>
            {if own.is_empty() {
                view! { <FirstPush viewer /> }.into_any()
            } else {
                view! { <FilteredList repositories=own /> }.into_any()
            }}
            {more
                .then(|| {
                    view! {
                        <p class="section-note">
                            <a href=addresses::user(
                                &user,
                            )>{format!("All {} repositories", grouped(own_count))}</a>
                        </p>
                    }
                })}
        </section>
    }
}

/// Shows what is new in the repositories that one owns or starred.
#[component]
fn NewsSection(news: Vec<NewsRow>) -> impl IntoView {
    view! {
        <section class="side-section">
            <h2>"Lately"</h2>
            {if news.is_empty() {
                view! {
                    <p class="side-note">
                        "Pushes to your repositories, and to those you starred, are listed here."
                    </p>
                }
                    .into_any()
            } else {
                view! { <News news /> }.into_any()
            }}
        </section>
    }
}

#[component]
fn Storage(count: u64, bytes: u64) -> impl IntoView {
    let repositories = if count == 1 {
        "repository"
    } else {
        "repositories"
    };
    view! {
        <section class="side-section">
            <h2>"Storage"</h2>
            <p class="side-number">
                <strong>
                    <ByteSize bytes />
                </strong>
                {format!(" in {} {repositories}", grouped(count))}
            </p>
        </section>
    }
}

/// Shows the commands of a first push: they make the repository as well.
#[component]
fn FirstPush(viewer: Viewer) -> impl IntoView {
    let user = viewer.user.clone().unwrap_or_default();
    let tabs = commands::push(&viewer, &format!("{user}/my-image"));
    view! {
        <EmptyState
            title="No repositories yet"
            text="Push an image: its repository is made on the way. Or upload a tarball in the browser."
        >
            <CommandTabs name="push-with" legend="Push with" tabs />
        </EmptyState>
    }
}

/// Shows what is public: pushed last, and pulled most.
#[component]
fn PublicLists(recent: Vec<RepositoryCard>, popular: Vec<RepositoryCard>) -> impl IntoView {
    view! {
        <div class="lists">
            <PublicList
                title="Recently pushed"
                empty="Nothing public has been pushed yet."
                repositories=recent
            />
            <PublicList
                title="Most pulled"
                empty="Nothing public has been pulled yet."
                repositories=popular
            />
        </div>
    }
}

#[component]
fn PublicList(
    title: &'static str,
    empty: &'static str,
    repositories: Vec<RepositoryCard>,
) -> impl IntoView {
    view! {
        <section class="section">
            <div class="section-head">
                <h2>{title}</h2>
            </div>
            {if repositories.is_empty() {
                view! { <p class="section-note">{empty}</p> }.into_any()
            } else {
                view! { <RepositoryList repositories /> }.into_any()
            }}
        </section>
    }
}
