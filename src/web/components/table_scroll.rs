//! The box in which a wide table scrolls.

use leptos::prelude::*;

/// Lets what is wider than the page scroll in a box of its own, also with the keyboard.
#[component]
pub fn TableScroll(
    /// What is in it, for screen readers.
    label: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="table-scroll" tabindex="0" role="group" aria-label=label>
            {children()}
        </div>
    }
}
