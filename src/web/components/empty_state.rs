//! What stands where a list would be.

use leptos::prelude::*;

use super::icon::Icon;

/// Says that there is nothing, and what to do about it.
#[component]
pub fn EmptyState(
    title: &'static str,
    #[prop(into)] text: String,
    #[prop(default = "package")] icon: &'static str,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty-state">
            <Icon name=icon />
            <h2>{title}</h2>
            <p>{text}</p>
            {children.map(|children| children())}
        </div>
    }
}
