//! The button beside everything that is worth copying.

use std::time::Duration;

use leptos::prelude::*;

use super::icon::Icon;
use crate::web::browser;

/// How long the button says that it copied: long enough to be seen.
const CONFIRMED_FOR: Duration = Duration::from_secs(2);

/// Copies a text. Hidden until the page is hydrated, since it does nothing before.
#[component]
pub fn CopyButton(
    #[prop(into)] text: String,
    /// What is copied, for screen readers.
    what: &'static str,
) -> impl IntoView {
    let works = RwSignal::new(false);
    let copied = RwSignal::new(false);
    Effect::new(move |_| works.set(true));
    let copy = move |_| {
        browser::copy(&text);
        copied.set(true);
        // The button may be gone by then.
        set_timeout(
            move || {
                let _ = copied.try_set(false);
            },
            CONFIRMED_FOR,
        );
    };
    let label = move || {
        if copied.get() {
            "Copied".to_owned()
        } else {
            format!("Copy {what}")
        }
    };
    view! {
        <button
            type="button"
            class="button-icon copy-button"
            class:copied=move || copied.get()
            hidden=move || !works.get()
            aria-label=label
            title=label
            on:click=copy
        >
            {move || {
                if copied.get() {
                    view! { <Icon name="check" /> }
                } else {
                    view! { <Icon name="copy" /> }
                }
            }}
        </button>
    }
}
