//! Icons.

use leptos::prelude::*;

/// Shows a symbol of the sprite. It says nothing to screen readers: the text beside it does.
///
/// The address is the one without a hash, since the browser's half knows no other.
#[component]
pub fn Icon(name: &'static str) -> impl IntoView {
    view! {
        <svg class="icon" aria-hidden="true">
            <use_ href=format!("/assets/icons.svg#{name}") />
        </svg>
    }
}
