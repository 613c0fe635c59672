//! `/u/{user}`: a user, and the repositories and stars that one may see.

use dockyard_oci::UserName;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::not_found::NotFoundPage;
use crate::web::addresses;
use crate::web::api::users::user;
use crate::web::components::empty_state::EmptyState;
use crate::web::components::icon::Icon;
use crate::web::components::loaded::loaded;
use crate::web::components::page_head::PageHead;
use crate::web::components::pager::Pager;
use crate::web::components::repository_list::RepositoryList;
use crate::web::dto::{UserPage, UserTab};
use crate::web::load::load;
use crate::web::query::page_query;
use crate::web::session::Session;

/// The page of the user named in the address.
#[component]
pub fn UserRoute() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.read().get("user")?.parse::<UserName>().ok());
    move || match name.get() {
        Some(name) => view! { <UserLoader name /> }.into_any(),
        None => view! { <NotFoundPage /> }.into_any(),
    }
}

#[component]
fn UserLoader(name: UserName) -> impl IntoView {
    let session = Session::here();
    let query = page_query();
    let asked = Memo::new(move |_| {
        let query = query.read();
        let tab = match query.get("tab").as_deref() {
            Some("stars") => UserTab::Stars,
            _ => UserTab::Repositories,
        };
        (tab, query.get("after"))
    });
    let page = load(
        move || (asked.get(), session.version()),
        move |((tab, after), _)| user(name.clone(), Some(tab), after),
    );
    loaded(page, |page: UserPage| view! { <UserView page /> })
}

#[component]
fn UserView(page: UserPage) -> impl IntoView {
    let next = page
        .next
        .clone()
        .map(|last| addresses::user_part(&page.name, page.tab, Some(&last)));
    let list = if page.repositories.is_empty() {
        view! { <NothingHere page=page.clone() /> }.into_any()
    } else {
        view! { <RepositoryList repositories=page.repositories.clone() /> }.into_any()
    };
    view! {
        <PageHead title=page.name.clone() description=format!("Docker images of {}.", page.name) path=addresses::user(&page.name) />
        <UserHead page=page.clone() />
        <nav class="tabs" aria-label="User">
            <a
                class="tab"
                href=addresses::user(&page.name)
                aria-current=(page.tab == UserTab::Repositories).then_some("page")
            >
                "Repositories"
            </a>
            <a
                class="tab"
                href=addresses::user_part(&page.name, UserTab::Stars, None)
                aria-current=(page.tab == UserTab::Stars).then_some("page")
            >
                "Stars"
            </a>
        </nav>
        {list}
        <Pager next />
    }
}

#[component]
fn UserHead(page: UserPage) -> impl IntoView {
    let action = page.is_viewer.then(|| {
        view! {
            <div class="page-actions">
                <a class="button" href="/settings/profile">
                    <Icon name="settings" />
                    "Edit profile"
                </a>
                <a class="button" href="/new">
                    <Icon name="plus" />
                    "New repository"
                </a>
            </div>
        }
    });
    view! {
        <header class="page-head">
            <div class="page-title">
                <h1>{page.name}</h1>
                {(!page.display_name.is_empty())
                    .then(|| view! { <span class="page-subtitle">{page.display_name}</span> })}
            </div>
            {action}
            {(!page.about.is_empty())
                .then(|| view! { <p class="page-description">{page.about}</p> })}
            <p class="page-facts">{format!("Here since {}", page.joined)}</p>
        </header>
    }
}

/// Says that there is nothing, and what to do about it.
#[component]
fn NothingHere(page: UserPage) -> impl IntoView {
    let name = page.name;
    match (page.tab, page.is_viewer) {
        (UserTab::Repositories, true) => {
            let text = "Make one, or push an image: its repository is made on the way.";
            view! {
                <EmptyState title="No repositories" text>
                    <a class="button button-primary" href="/new">
                        "New repository"
                    </a>
                </EmptyState>
            }
            .into_any()
        }
        (UserTab::Repositories, false) => {
            let text = format!("{name} has nothing that you may see.");
            view! { <EmptyState title="No repositories" text /> }.into_any()
        }
        (UserTab::Stars, true) => {
            let text = "Star a repository to find it again here, and its pushes on the front page.";
            view! {
                <EmptyState title="No stars" text icon="star">
                    <a class="button" href="/search">
                        "Look around"
                    </a>
                </EmptyState>
            }
            .into_any()
        }
        (UserTab::Stars, false) => {
            let text = format!("{name} has starred nothing that you may see.");
            view! { <EmptyState title="No stars" text icon="star" /> }.into_any()
        }
    }
}
