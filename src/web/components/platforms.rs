//! The machines that an image is for.

use leptos::prelude::*;

/// Platforms that are named before the rest becomes a number.
const SHOWN: usize = 4;

/// Names the platforms, most of them by their architecture alone.
#[component]
pub fn Platforms(platforms: Vec<String>) -> impl IntoView {
    let rest = platforms.len().saturating_sub(SHOWN);
    let hidden = platforms.iter().skip(SHOWN).cloned().collect::<Vec<_>>();
    let shown = platforms.into_iter().take(SHOWN).map(|platform| {
        view! { <span class="platform">{short(&platform).to_owned()}</span> }
    });
    view! {
        <span class="platforms">
            {shown.collect_view()}
            {(rest > 0)
                .then(|| {
                    view! {
                        <span class="platform" title=hidden.join(", ")>
                            {format!("+{rest}")}
                        </span>
                    }
                })}
        </span>
    }
}

/// Leaves out what nearly every image is for.
fn short(platform: &str) -> &str {
    platform.strip_prefix("linux/").unwrap_or(platform)
}
