//! A new password.

use leptos::form::ActionForm;
use leptos::prelude::*;

use super::{Done, succeeded};
use crate::web::api::settings::ChangePassword;
use crate::web::components::failure::LogInFirst;
use crate::web::components::field::{Field, SubmitButton};
use crate::web::components::loaded::loaded;
use crate::web::components::notice::FormNotice;
use crate::web::components::password_field::NewPasswordField;
use crate::web::dto::Viewer;
use crate::web::form::Outcome;
use crate::web::session::Session;

/// Changes the password, for whoever knows the present one.
#[component]
pub fn PasswordSettings() -> impl IntoView {
    let action = ServerAction::<ChangePassword>::new();
    loaded(Session::here().viewer, move |viewer: Viewer| {
        match viewer.user {
            Some(user) => view! { <PasswordForm action user /> }.into_any(),
            None => view! { <LogInFirst /> }.into_any(),
        }
    })
}

#[component]
fn PasswordForm(action: ServerAction<ChangePassword>, user: String) -> impl IntoView {
    let outcome = Outcome::of(action);
    view! {
        <section class="settings-section">
            <h2>"Password"</h2>
            <Done
                key="password"
                succeeded=succeeded(action)
                message="Your password is changed. Every other browser and docker login has to log in again."
            />
            <p class="settings-text">
                "Changing it ends your other sessions, docker logins, and whatever they are doing at that moment."
            </p>
            <FormNotice outcome />
            <ActionForm action=action attr:class="form">
                // Tells password managers whose password it is.
                <input type="text" autocomplete="username" value=user readonly hidden />
                <Field
                    name="current"
                    label="Present password"
                    kind="password"
                    autocomplete="current-password"
                    required=true
                    outcome
                />
                <NewPasswordField label="New password" outcome />
                <label class="check">
                    <input type="checkbox" name="revoke_tokens" value="true" />
                    "Revoke my personal tokens as well: scripts and pipelines that use one need a new one"
                </label>
                <SubmitButton text="Change password" outcome />
            </ActionForm>
        </section>
    }
}
