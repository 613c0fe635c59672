//! Digests.

use leptos::prelude::*;

use super::copy_button::CopyButton;

/// Characters of a short digest, as docker shows it.
const SHORT_CHARS: usize = 12;

/// Shows a digest short, whole on hover and when copied.
#[component]
pub fn ShortDigest(digest: String) -> impl IntoView {
    let short = short(&digest);
    view! {
        <span class="digest">
            <code title=digest.clone()>{short}</code>
            <CopyButton text=digest what="digest" />
        </span>
    }
}

/// Is enough of a digest to tell it from others at a glance.
pub fn short(digest: &str) -> String {
    let hash = digest.split_once(':').map_or(digest, |(_, hash)| hash);
    hash.chars().take(SHORT_CHARS).collect()
}
