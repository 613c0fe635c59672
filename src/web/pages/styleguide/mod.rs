//! `/-/styleguide`: every component in its states, light beside dark. In builds for development alone.
//!
//! It is the server's rendering alone: its policy allows no script, so that it shows what is there before the
//! browser's half is.

mod samples;

use dockyard_oci::Visibility;
use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::components::Router;

use crate::server::assets::url;
use crate::web::commands;
use crate::web::components::badge::VisibilityBadge;
use crate::web::components::byte_size::ByteSize;
use crate::web::components::command_tabs::CommandTabs;
use crate::web::components::digest::ShortDigest;
use crate::web::components::empty_state::EmptyState;
use crate::web::components::field::{Field, SubmitButton};
use crate::web::components::footer::SiteFooter;
use crate::web::components::header::SiteHeader;
use crate::web::components::icon::Icon;
use crate::web::components::move_table::MoveTable;
use crate::web::components::notice::{ErrorNotice, SuccessNotice};
use crate::web::components::pager::Pager;
use crate::web::components::password_field::NewPasswordField;
use crate::web::components::platforms::Platforms;
use crate::web::components::pull_chart::PullChart;
use crate::web::components::relative_time::RelativeTime;
use crate::web::components::repository_head::{RepositoryHeadView, RepositoryTab};
use crate::web::components::repository_list::RepositoryList;
use crate::web::components::search_box::{SearchBox, SearchBoxPlace};
use crate::web::components::star_button::StarButton;
use crate::web::components::tag_table::{TagTable, TagTableUse};
use crate::web::components::theme_switch::ThemeSwitch;
use crate::web::components::visibility_field::VisibilityField;
use crate::web::dto::Theme;
use crate::web::form::Outcome;
use crate::web::session::Session;

/// Where its own style sheet is.
pub const STYLE_PATH: &str = "/-/styleguide.css";

/// Renders the whole document.
pub fn document() -> impl IntoView {
    provide_meta_context();
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <link rel="icon" href=url("favicon.svg") type="image/svg+xml" />
                <link rel="stylesheet" href=url("main.css") />
                <link rel="stylesheet" href=STYLE_PATH />
                <MetaTags />
            </head>
            <body>
                <Title text="Styleguide" />
                <Router>
                    <Guide />
                </Router>
            </body>
        </html>
    }
}

#[component]
fn Guide() -> impl IntoView {
    Session::provide();
    view! {
        <SiteHeader />
        <main class="styleguide">
            <Gallery name="light" class="styleguide-side theme-light" />
            <Gallery name="dark" class="styleguide-side theme-dark" />
        </main>
        <SiteFooter />
    }
}

#[component]
fn Gallery(name: &'static str, class: &'static str) -> impl IntoView {
    view! {
        <div class=class>
            <h1>{name}</h1>
            <Buttons />
            <Fields />
            <Notices />
            <Small />
            <Repositories />
            <Tables />
            <Commands name />
            <States />
            <Navigation />
        </div>
    }
}

#[component]
fn Part(title: &'static str, children: Children) -> impl IntoView {
    view! {
        <section class="section">
            <div class="section-head">
                <h2>{title}</h2>
            </div>
            {children()}
        </section>
    }
}

#[component]
fn Buttons() -> impl IntoView {
    let rows = [false, true].map(|disabled| {
        view! {
            <div class="form-actions">
                <button class="button button-primary" disabled=disabled>
                    "Primary"
                </button>
                <button class="button" disabled=disabled>
                    <Icon name="plus" />
                    "Default"
                </button>
                <button class="button button-quiet" disabled=disabled>
                    "Quiet"
                </button>
                <button class="button button-danger" disabled=disabled>
                    "Danger"
                </button>
                <button class="button button-small" disabled=disabled>
                    "Small"
                </button>
                <button class="button-icon" aria-label="Copy" disabled=disabled>
                    <Icon name="copy" />
                </button>
            </div>
        }
    });
    view! { <Part title="Buttons">{rows.into_iter().collect_view()}</Part> }
}

#[component]
fn Fields() -> impl IntoView {
    let (plain, failed) = (Outcome::none(), Outcome::failed(samples::refusal()));
    view! {
        <Part title="Fields">
            <form class="form">
            <Field name="plain" label="Plain" hint="With a hint." outcome=plain />
            <Field name="prefixed" label="Prefixed" prefix="alice /" value="app" outcome=plain />
            <Field name="name" label="Refused" hint="With a hint." outcome=failed />
            <Field name="password" label="Password" kind="password" outcome=failed />
            <NewPasswordField label="New password" outcome=plain />
            <VisibilityField outcome=plain current=Visibility::Public />
            <SubmitButton text="Save" outcome=plain />
            <SubmitButton text="On its way" outcome=Outcome::pending() />
            <div class="field drop-zone">
                <label>
                    <Icon name="upload" />
                    <span>"Choose a tarball or drop it here"</span>
                </label>
                <input type="file" />
            </div>
            </form>
        </Part>
    }
}

#[component]
fn Notices() -> impl IntoView {
    view! {
        <Part title="Notices">
            <ErrorNotice message="The name is taken." />
            <SuccessNotice message="Saved." />
        </Part>
    }
}

#[component]
fn Small() -> impl IntoView {
    let head = samples::head(Visibility::Public);
    view! {
        <Part title="Small things">
            <p class="styleguide-row">
                <VisibilityBadge visibility=Visibility::Public />
                <VisibilityBadge visibility=Visibility::Private />
                <ByteSize bytes=12_345_678 />
                <RelativeTime moment=samples::moment() />
                <ShortDigest digest=samples::digest() />
                <Platforms platforms=samples::platforms() />
            </p>
            <p class="styleguide-row">
                <StarButton head=head.clone() />
                <progress max="100" value="40"></progress>
                <progress></progress>
                <ThemeSwitch theme=Theme::Dark />
            </p>
            <PullChart days=samples::days() />
        </Part>
    }
}

#[component]
fn Repositories() -> impl IntoView {
    view! {
        <Part title="Repositories">
            <RepositoryList
                repositories=samples::repositories()
                words=vec!["app".to_owned()]
            />
        </Part>
    }
}

#[component]
fn Tables() -> impl IntoView {
    view! {
        <Part title="Tables">
            <TagTable
                repository="alice/app".to_owned()
                tags=samples::tags()
                usage=TagTableUse::Select
            />
            <MoveTable repository="alice/app".to_owned() moves=samples::moves() />
        </Part>
    }
}

#[component]
fn Commands(name: &'static str) -> impl IntoView {
    let tabs = commands::push(&samples::viewer(), "alice/app");
    view! {
        <Part title="Commands">
            <CommandTabs name legend="Push with" tabs />
        </Part>
    }
}

#[component]
fn States() -> impl IntoView {
    view! {
        <Part title="States">
            <EmptyState title="Nothing in it yet" text="Push an image to it.">
                <a class="button" href="/new">
                    "New repository"
                </a>
            </EmptyState>
            <p class="loading" role="status">
                "Loading"
            </p>
        </Part>
    }
}

#[component]
fn Navigation() -> impl IntoView {
    view! {
        <Part title="Navigation">
            <RepositoryHeadView head=samples::head(Visibility::Private) tab=RepositoryTab::Tags />
            <SearchBox place=SearchBoxPlace::Page />
            <Pager previous=Some("/".to_owned()) next=Some("/".to_owned()) here="Page 2" />
            <details class="menu" open>
                <summary class="button">
                    <Icon name="plus" />
                    <span class="menu-label">"Menu"</span>
                    <Icon name="chevron-down" />
                </summary>
                <div class="menu-list styleguide-menu">
                    <a class="menu-item" href="/new">
                        <Icon name="package" />
                        "Repository"
                    </a>
                </div>
            </details>
        </Part>
    }
}
