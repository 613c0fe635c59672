//! The choice between public and private.

use dockyard_oci::Visibility;
use leptos::prelude::*;

use super::icon::Icon;
use crate::web::form::Outcome;

/// Asks who may see a repository.
#[component]
pub fn VisibilityField(
    outcome: Outcome,
    /// What is chosen at first.
    current: Visibility,
) -> impl IntoView {
    let is_private = move || {
        outcome
            .kept("visibility")
            .map_or(current == Visibility::Private, |kept| kept == "private")
    };
    view! {
        <fieldset class="field choice-field">
            <legend>"Visibility"</legend>
            <label class="choice">
                <input
                    type="radio"
                    name="visibility"
                    value="public"
                    checked=move || !is_private()
                />
                <span class="choice-text">
                    <span class="choice-title">
                        <Icon name="globe" />
                        "Public"
                    </span>
                    <span class="choice-hint">"Everyone can find and pull it."</span>
                </span>
            </label>
            <label class="choice">
                <input type="radio" name="visibility" value="private" checked=is_private />
                <span class="choice-text">
                    <span class="choice-title">
                        <Icon name="lock" />
                        "Private"
                    </span>
                    <span class="choice-hint">"Only you can see and pull it."</span>
                </span>
            </label>
        </fieldset>
    }
}
