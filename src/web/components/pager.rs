//! The way to the pages before and after.

use leptos::prelude::*;

/// Leads to the page before and the one after, where there are any.
#[component]
pub fn Pager(
    #[prop(optional_no_strip)] previous: Option<String>,
    #[prop(optional_no_strip)] next: Option<String>,
    #[prop(optional, into)] here: String,
) -> impl IntoView {
    let is_needed = previous.is_some() || next.is_some();
    let step = |href: Option<String>, text: &'static str, rel: &'static str| {
        href.map(|href| view! { <a class="button" href=href rel=rel>{text}</a> })
    };
    is_needed.then(|| {
        view! {
            <nav class="pager" aria-label="Pages">
                {step(previous, "Previous", "prev")}
                <span>{here}</span>
                {step(next, "Next", "next")}
            </nav>
        }
    })
}
