//! Digests.

use leptos::prelude::*;

use super::copy_button::CopyButton;

/// Shows a digest short, whole on hover and when copied.
#[component]
pub fn ShortDigest(digest: String, short: String) -> impl IntoView {
    view! {
        <span class="digest">
            <code title=digest.clone()>{short}</code>
            <CopyButton text=digest what="digest" />
        </span>
    }
}
