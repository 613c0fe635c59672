//! The mark of a repository's visibility.

use dockyard_oci::Visibility;
use leptos::prelude::*;

use super::icon::Icon;

/// Says whether a repository is public or private.
#[component]
pub fn VisibilityBadge(visibility: Visibility) -> impl IntoView {
    let (class, icon, text) = match visibility {
        Visibility::Public => ("badge badge-public", "globe", "Public"),
        Visibility::Private => ("badge badge-private", "lock", "Private"),
    };
    view! {
        <span class=class>
            <Icon name=icon />
            {text}
        </span>
    }
}
