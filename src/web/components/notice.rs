//! Quiet messages.

use leptos::prelude::*;

use super::icon::Icon;
use crate::web::form::Outcome;

/// Says what went wrong; screen readers announce it.
#[component]
pub fn ErrorNotice(#[prop(into)] message: String) -> impl IntoView {
    view! {
        <div class="notice notice-error" role="alert">
            <Icon name="alert-circle" />
            <p>{message}</p>
        </div>
    }
}

/// Says what went well.
#[component]
pub fn SuccessNotice(#[prop(into)] message: String) -> impl IntoView {
    view! {
        <div class="notice notice-success" role="status">
            <Icon name="check" />
            <p>{message}</p>
        </div>
    }
}

/// Says what is wrong with a form as a whole, once it was sent.
#[component]
pub fn FormNotice(outcome: Outcome) -> impl IntoView {
    move || {
        outcome
            .message()
            .map(|message| view! { <ErrorNotice message /> })
    }
}
