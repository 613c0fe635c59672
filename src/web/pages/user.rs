//! `/u/{user}`: a user and the repositories one may see.

use dockyard_oci::UserName;
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::not_found::NotFoundPage;
use crate::web::addresses;
use crate::web::api::repositories::user;
use crate::web::components::empty_state::EmptyState;
use crate::web::components::icon::Icon;
use crate::web::components::loaded::loaded;
use crate::web::components::page_head::PageHead;
use crate::web::components::pager::Pager;
use crate::web::components::repository_list::RepositoryList;
use crate::web::dto::UserPage;
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
    let query = use_query_map();
    let after = Memo::new(move |_| query.read().get("after"));
    let page = Resource::new_blocking(
        move || (after.get(), session.version()),
        move |(after, _)| user(name.clone(), after),
    );
    loaded(page, |page: UserPage| view! { <UserView page /> })
}

#[component]
fn UserView(page: UserPage) -> impl IntoView {
    let next = page
        .next
        .map(|last| format!("{}?after={last}", addresses::user(&page.name)));
    view! {
        <PageHead title=page.name.clone() description=format!("Docker images of {}.", page.name) path=addresses::user(&page.name) />
        <header class="page-head">
            <div class="page-title">
                <h1>{page.name.clone()}</h1>
            </div>
            {page
                .is_viewer
                .then(|| {
                    view! {
                        <div class="page-actions">
                            <a class="button" href="/new">
                                <Icon name="plus" />
                                "New repository"
                            </a>
                        </div>
                    }
                })}
        </header>
        {if page.repositories.is_empty() {
            view! { <NoRepositories name=page.name is_viewer=page.is_viewer /> }.into_any()
        } else {
            view! { <RepositoryList repositories=page.repositories /> }.into_any()
        }}
        <Pager next />
    }
}

#[component]
fn NoRepositories(name: String, is_viewer: bool) -> impl IntoView {
    let text = if is_viewer {
        "Make one, or push an image: its repository is made on the way.".to_owned()
    } else {
        format!("{name} has nothing that you may see.")
    };
    view! {
        <EmptyState title="No repositories" text>
            {is_viewer
                .then(|| {
                    view! {
                        <a class="button button-primary" href="/new">
                            "New repository"
                        </a>
                    }
                })}
        </EmptyState>
    }
}
