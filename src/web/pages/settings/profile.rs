//! Name, a line about oneself, email.

use leptos::form::ActionForm;
use leptos::prelude::*;

use super::{Done, succeeded};
use crate::web::addresses;
use crate::web::api::settings::{SaveProfile, profile};
use crate::web::components::field::{Field, SubmitButton};
use crate::web::components::loaded::loaded;
use crate::web::components::notice::FormNotice;
use crate::web::dto::ProfileForm;
use crate::web::form::Outcome;
use crate::web::load::load;

/// Changes what one tells of oneself.
#[component]
pub fn ProfileSettings() -> impl IntoView {
    let action = ServerAction::<SaveProfile>::new();
    let page = load(|| (), |()| profile());
    loaded(
        page,
        move |page: ProfileForm| view! { <ProfileFields page action /> },
    )
}

#[component]
fn ProfileFields(page: ProfileForm, action: ServerAction<SaveProfile>) -> impl IntoView {
    let outcome = Outcome::of(action);
    view! {
        <section class="settings-section">
            <h2>"Profile"</h2>
            <Done key="profile" succeeded=succeeded(action) message="Your profile is saved." />
            <p class="settings-text">
                "What others see on " <a href=addresses::user(&page.username)>"your page"</a> "."
            </p>
            <FormNotice outcome />
            <ActionForm action=action attr:class="form">
                <Field
                    name="display_name"
                    label="Name (optional)"
                    value=page.display_name
                    autocomplete="name"
                    maxlength=60
                    outcome
                />
                <Field
                    name="about"
                    label="About (optional)"
                    hint="A line of plain text."
                    value=page.about
                    maxlength=200
                    outcome
                />
                <Field
                    name="email"
                    label="Email (optional)"
                    kind="email"
                    hint="Seen by you and the administrator alone."
                    value=page.email
                    autocomplete="email"
                    outcome
                />
                <SubmitButton text="Save profile" outcome />
            </ActionForm>
        </section>
    }
}
