//! What can't be taken back lightly: another name, and the end.

use leptos::form::ActionForm;
use leptos::prelude::*;

use crate::web::api::repository_settings::{DeleteRepository, RenameRepository};
use crate::web::components::byte_size::{ByteSize, grouped};
use crate::web::components::field::Field;
use crate::web::components::icon::Icon;
use crate::web::components::notice::FormNotice;
use crate::web::dto::RepositoryCard;
use crate::web::form::Outcome;

/// Gives a repository another name.
#[component]
pub fn RenameSection(name: String) -> impl IntoView {
    let action = ServerAction::<RenameRepository>::new();
    let outcome = Outcome::of(action);
    let (namespace, rest) = name.split_once('/').unwrap_or_default();
    let (prefix, value) = (format!("{namespace} /"), rest.to_owned());
    view! {
        <section class="settings-section">
            <h2>"Name"</h2>
            <p class="settings-text">
                "Pages and pulls with the old name lead to the new one, until another repository takes the old name. Pushes need the new one."
            </p>
            <FormNotice outcome />
            <ActionForm action=action attr:class="form">
                <input type="hidden" name="name" value=name />
                <Field name="to" label="New name" prefix value required=true outcome />
                <div class="form-actions">
                    <button
                        type="submit"
                        class="button"
                        disabled=move || outcome.is_pending()
                    >
                        "Rename"
                    </button>
                </div>
            </ActionForm>
        </section>
    }
}

/// Deletes a repository once its name was typed.
#[component]
pub fn DeleteSection(card: RepositoryCard, freed_bytes: u64) -> impl IntoView {
    let action = ServerAction::<DeleteRepository>::new();
    let outcome = Outcome::of(action);
    let tags = match card.tag_count {
        1 => "its tag".to_owned(),
        count => format!("its {} tags", grouped(count)),
    };
    view! {
        <section class="settings-section settings-danger">
            <h2>"Delete this repository"</h2>
            <p class="settings-text">
                {format!("The repository goes with {tags}, its stars and its history. This can't be undone. ")}
                "Space that comes back: " <strong>
                    <ByteSize bytes=freed_bytes />
                </strong> "."
            </p>
            <FormNotice outcome />
            <ActionForm action=action attr:class="form">
                <input type="hidden" name="name" value=card.name.clone() />
                <p class="settings-text">
                    "To confirm, type " <code>{card.name}</code>
                </p>
                <Field name="confirmation" label="Name of the repository" required=true outcome />
                <div class="form-actions">
                    <button
                        type="submit"
                        class="button button-danger"
                        disabled=move || outcome.is_pending()
                    >
                        <Icon name="trash-2" />
                        "Delete repository"
                    </button>
                </div>
            </ActionForm>
        </section>
    }
}
