//! The header of every page.

use leptos::form::ActionForm;
use leptos::prelude::*;

use super::icon::Icon;
use super::search_box::{SearchBox, SearchBoxPlace};
use super::theme_switch::ThemeSwitch;
use crate::web::addresses;
use crate::web::dto::Theme;
use crate::web::session::Session;

/// Shows the name, the search box, and the menus of whoever is logged in.
#[component]
pub fn SiteHeader() -> impl IntoView {
    let viewer = Session::here().viewer;
    view! {
        <header id="site-header" class="site-header" tabindex="-1">
            <div class="site-header-inner">
                <a class="brand" href="/" aria-label="Dockyard">
                    <Icon name="mark" />
                    <span class="brand-name">"Dockyard"</span>
                </a>
                <SearchBox place=SearchBoxPlace::Header />
                <nav class="site-nav" aria-label="Account">
                    <Transition>
                        {move || Suspend::new(async move {
                            let viewer = viewer.await.unwrap_or_default();
                            match viewer.user {
                                Some(name) => {
                                    view! {
                                        <NewMenu />
                                        <UserMenu name theme=viewer.theme />
                                    }
                                        .into_any()
                                }
                                None => {
                                    view! { <Entrances takes_sign_ups=viewer.takes_sign_ups /> }.into_any()
                                }
                            }
                        })}
                    </Transition>
                </nav>
            </div>
        </header>
    }
}

/// Leads strangers in.
#[component]
fn Entrances(takes_sign_ups: bool) -> impl IntoView {
    let sign_up = || {
        view! {
            <a class="button button-primary" href="/signup">
                "Sign up"
            </a>
        }
    };
    view! {
        <a class="button button-quiet" href="/login">
            "Log in"
        </a>
        {takes_sign_ups.then(sign_up)}
    }
}

/// Lists what can be made.
#[component]
fn NewMenu() -> impl IntoView {
    view! {
        <details class="menu">
            <summary class="button">
                <Icon name="plus" />
                <span class="menu-label">"New"</span>
                <Icon name="chevron-down" />
            </summary>
            <div class="menu-list">
                <a class="menu-item" href="/new">
                    <Icon name="package" />
                    "Repository"
                </a>
                <a class="menu-item" href="/upload">
                    <Icon name="upload" />
                    "Upload"
                </a>
            </div>
        </details>
    }
}

/// Lists what is the user's own.
#[component]
fn UserMenu(name: String, theme: Theme) -> impl IntoView {
    let log_out = Session::here().log_out;
    view! {
        <details class="menu menu-user">
            <summary class="button">
                <Icon name="user" />
                <span class="menu-label">{name.clone()}</span>
                <Icon name="chevron-down" />
            </summary>
            <div class="menu-list">
                <a class="menu-item" href=addresses::user(&name)>
                    <Icon name="package" />
                    "Your repositories"
                </a>
                <a class="menu-item" href="/settings/profile">
                    <Icon name="settings" />
                    "Settings"
                </a>
                <ThemeSwitch theme />
                <ActionForm action=log_out>
                    <button type="submit" class="menu-item">
                        <Icon name="log-out" />
                        "Log out"
                    </button>
                </ActionForm>
            </div>
        </details>
    }
}
