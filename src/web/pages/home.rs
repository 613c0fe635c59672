//! `/`: own repositories, and what was pushed last.

use leptos::prelude::*;

use crate::web::api::repositories::home;
use crate::web::commands;
use crate::web::components::command_tabs::CommandTabs;
use crate::web::components::empty_state::EmptyState;
use crate::web::components::icon::Icon;
use crate::web::components::loaded::loaded;
use crate::web::components::page_head::PageHead;
use crate::web::components::repository_list::RepositoryList;
use crate::web::components::search_box::{SearchBox, SearchBoxPlace};
use crate::web::dto::{Home, RepositoryCard, Viewer};
use crate::web::session::Session;

/// The front page.
#[component]
pub fn HomePage() -> impl IntoView {
    let session = Session::here();
    let page = Resource::new_blocking(move || session.version(), |_| home());
    view! {
        <PageHead title="" path="/" />
        {loaded(page, |home: Home| view! { <HomeView home /> })}
    }
}

#[component]
fn HomeView(home: Home) -> impl IntoView {
    let Home {
        viewer,
        own,
        recent,
    } = home;
    let is_stranger = viewer.user.is_none();
    let is_empty = recent.is_empty() && own.is_empty();
    view! {
        <div class="home">
            {if is_stranger {
                view! { <Hero /> }.into_any()
            } else {
                view! { <OwnRepositories viewer own /> }.into_any()
            }}
            {if is_empty {
                is_stranger.then(|| view! { <EmptyInstance /> }).into_any()
            } else {
                view! { <RecentlyPushed recent /> }.into_any()
            }}
        </div>
    }
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
fn EmptyInstance() -> impl IntoView {
    view! {
        <EmptyState
            title="This Dockyard is empty"
            text="Sign up, then push the first image with docker, podman, curl or the browser."
        >
            <div class="form-actions">
                <a class="button button-primary" href="/signup">
                    "Sign up"
                </a>
                <a class="button" href="/login">
                    "Log in"
                </a>
            </div>
        </EmptyState>
    }
}

#[component]
fn OwnRepositories(viewer: Viewer, own: Vec<RepositoryCard>) -> impl IntoView {
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
                view! { <RepositoryList repositories=own /> }.into_any()
            }}
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

#[component]
fn RecentlyPushed(recent: Vec<RepositoryCard>) -> impl IntoView {
    view! {
        <section class="section">
            <div class="section-head">
                <h2>"Recently pushed"</h2>
            </div>
            {if recent.is_empty() {
                view! { <p class="section-note">"Nothing public has been pushed yet."</p> }.into_any()
            } else {
                view! { <RepositoryList repositories=recent /> }.into_any()
            }}
        </section>
    }
}
