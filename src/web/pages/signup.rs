//! `/signup`.

use leptos::form::ActionForm;
use leptos::prelude::*;

use crate::web::addresses::local;
use crate::web::components::field::{Field, SubmitButton};
use crate::web::components::notice::FormNotice;
use crate::web::components::page_head::PageHead;
use crate::web::components::password_field::NewPasswordField;
use crate::web::form::Outcome;
use crate::web::query::page_query;
use crate::web::session::Session;

/// The form that makes an account.
#[component]
pub fn SignUpPage() -> impl IntoView {
    let action = Session::here().sign_up;
    on_cleanup(move || action.clear());
    let outcome = Outcome::of(action);
    let query = page_query();
    let next = move || local(&query.read().get("next").unwrap_or_default()).to_owned();
    let log_in = move || format!("/login?next={}", next());
    view! {
        <PageHead title="Sign up" path="/signup" />
        <section class="card card-narrow">
            <h1>"Sign up"</h1>
            <FormNotice outcome />
            <ActionForm action=action attr:class="form">
                <input type="hidden" name="next" value=next />
                <AccountFields outcome />
                <SubmitButton text="Sign up" outcome />
            </ActionForm>
            <p class="card-foot">"Have an account? " <a href=log_in>"Log in"</a></p>
        </section>
    }
}

/// The fields of an account, for the first one as well.
#[component]
pub fn AccountFields(outcome: Outcome) -> impl IntoView {
    view! {
        <Field
            name="username"
            label="Username"
            autocomplete="username"
            hint="Starts the names of your images, as in alice/app. Lower-case letters, digits, dots and dashes."
            required=true
            autofocus=true
            maxlength=39
            outcome
        />
        <NewPasswordField label="Password" outcome />
        <Field
            name="email"
            label="Email (optional)"
            kind="email"
            autocomplete="email"
            maxlength=254
            outcome
        />
    }
}
