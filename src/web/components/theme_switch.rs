//! The choice of colours.

use leptos::form::ActionForm;
use leptos::prelude::*;

use super::icon::Icon;
use crate::web::dto::Theme;
use crate::web::session::Session;

/// Offers the system's theme, light and dark; the choice is a cookie, so the first byte is right.
#[component]
pub fn ThemeSwitch(
    /// The theme that the page came with.
    theme: Theme,
) -> impl IntoView {
    let action = Session::here().set_theme;
    let current = move || action.value().get().and_then(Result::ok).unwrap_or(theme);
    Effect::new(move |_| {
        if let (Some(Ok(theme)), Some(root)) = (action.value().get(), document().document_element())
        {
            root.set_class_name(theme.class());
        }
    });
    let choices = Theme::ALL.map(|theme| {
        let (icon, text) = match theme {
            Theme::System => ("monitor", "System"),
            Theme::Light => ("sun", "Light"),
            Theme::Dark => ("moon", "Dark"),
        };
        view! {
            <button
                type="submit"
                name="theme"
                value=theme.as_str()
                title=format!("{text} theme")
                aria-pressed=move || if current() == theme { "true" } else { "false" }
            >
                <Icon name=icon />
                <span>{text}</span>
            </button>
        }
    });
    view! {
        <ActionForm action=action attr:class="theme-switch">
            <fieldset>
                <legend class="visually-hidden">"Theme"</legend>
                {choices.into_iter().collect_view()}
            </fieldset>
        </ActionForm>
    }
}
