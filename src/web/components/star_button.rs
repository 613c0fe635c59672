//! Stars: shown to all, given by those who are logged in.

use leptos::form::ActionForm;
use leptos::prelude::*;

use super::byte_size::grouped;
use super::icon::Icon;
use crate::web::addresses;
use crate::web::api::repository_settings::StarRepository;
use crate::web::dto::{RepositoryHead, StarState};

/// Gives a star or takes it back; strangers are led to log in first.
#[component]
pub fn StarButton(head: RepositoryHead) -> impl IntoView {
    let name = head.card.name;
    let before = StarState {
        starred: head.is_starred,
        stars: head.card.stars,
    };
    if head.viewer.user.is_none() {
        let href = addresses::log_in(&addresses::repository(&name));
        return view! {
            <a class="button star-button" href=href>
                <Icon name="star" />
                "Star"
                <span class="count">{grouped(before.stars)}</span>
            </a>
        }
        .into_any();
    }
    let action = ServerAction::<StarRepository>::new();
    let value = action.value();
    let now = move || value.get().and_then(Result::ok).unwrap_or(before);
    view! {
        <ActionForm action=action attr:class="star-form">
            <input type="hidden" name="name" value=name />
            <input type="hidden" name="starred" value=move || (!now().starred).to_string() />
            <button
                type="submit"
                class="button star-button"
                class:starred=move || now().starred
                aria-pressed=move || now().starred.to_string()
            >
                {move || {
                    if now().starred {
                        view! { <Icon name="star-filled" /> }
                    } else {
                        view! { <Icon name="star" /> }
                    }
                }}
                {move || if now().starred { "Starred" } else { "Star" }}
                <span class="count">{move || grouped(now().stars)}</span>
            </button>
        </ActionForm>
    }
    .into_any()
}
