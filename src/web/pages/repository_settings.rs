//! `/r/{repository}/-/settings`: what can be changed about a repository.

mod danger;
mod texts;

use dockyard_oci::{RepositoryName, Visibility};
use leptos::form::ActionForm;
use leptos::prelude::*;

use danger::{DeleteSection, RenameSection};
use texts::TextsSection;

use crate::web::api::repository_settings::{SetVisibility, repository_settings};
use crate::web::components::loaded::loaded;
use crate::web::components::notice::{FormNotice, SuccessNotice};
use crate::web::components::page_head::PageHead;
use crate::web::components::repository_head::{RepositoryHeadView, RepositoryTab};
use crate::web::components::visibility_field::VisibilityField;
use crate::web::dto::RepositorySettings;
use crate::web::form::Outcome;
use crate::web::load::load;
use crate::web::query::page_query;
use crate::web::session::Session;

/// Loads what can be changed about a repository.
#[component]
pub fn RepositorySettingsLoader(name: RepositoryName) -> impl IntoView {
    let session = Session::here();
    let visibility = ServerAction::<SetVisibility>::new();
    let changed = visibility.version();
    let page = load(
        move || (session.version(), changed.get()),
        move |_| repository_settings(name.clone()),
    );
    loaded(
        page,
        move |page: RepositorySettings| view! { <SettingsView page visibility /> },
    )
}

#[component]
fn SettingsView(
    page: RepositorySettings,
    visibility: ServerAction<SetVisibility>,
) -> impl IntoView {
    let head = page.head.clone();
    let card = page.head.card;
    view! {
        <PageHead title=format!("Settings of {}", card.name) />
        <RepositoryHeadView head tab=RepositoryTab::Settings />
        <DoneNotice visibility />
        <div class="settings">
            <TextsSection
                name=card.name.clone()
                description=card.description.clone()
                readme=page.readme
            />
            <VisibilitySection
                name=card.name.clone()
                current=card.visibility
                action=visibility
            />
            <RenameSection name=card.name.clone() />
            <DeleteSection card freed_bytes=page.freed_bytes />
        </div>
    }
}

/// Says what was just changed.
#[component]
fn DoneNotice(visibility: ServerAction<SetVisibility>) -> impl IntoView {
    let query = page_query();
    let changed = visibility.value();
    move || {
        let done = query.read().get("done").unwrap_or_default();
        let message = match (changed.get(), done.as_str()) {
            (Some(Ok(())), _) | (None, "visibility") => "The visibility is changed.",
            (None, "name") => "The repository has its new name. The old one leads here.",
            _ => return None,
        };
        Some(view! { <SuccessNotice message /> })
    }
}

#[component]
fn VisibilitySection(
    name: String,
    current: Visibility,
    action: ServerAction<SetVisibility>,
) -> impl IntoView {
    let outcome = Outcome::of(action);
    view! {
        <section class="settings-section">
            <h2>"Visibility"</h2>
            <FormNotice outcome />
            <ActionForm action=action attr:class="form">
                <input type="hidden" name="name" value=name />
                <VisibilityField outcome current />
                <div class="form-actions">
                    <button type="submit" class="button" disabled=move || outcome.is_pending()>
                        "Change visibility"
                    </button>
                </div>
            </ActionForm>
        </section>
    }
}
