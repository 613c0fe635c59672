//! `/signup`.

use leptos::either::Either;
use leptos::form::ActionForm;
use leptos::prelude::*;

use crate::web::addresses::local;
use crate::web::components::field::{Field, SubmitButton};
use crate::web::components::loaded::loaded;
use crate::web::components::notice::FormNotice;
use crate::web::components::page_head::PageHead;
use crate::web::components::password_field::NewPasswordField;
use crate::web::dto::Viewer;
use crate::web::form::Outcome;
use crate::web::query::page_query;
use crate::web::session::Session;

/// Makes an account, or says that the server takes none.
#[component]
pub fn SignUpPage() -> impl IntoView {
    let session = Session::here();
    let action = session.sign_up;
    on_cleanup(move || action.clear());
    view! {
        <PageHead title="Sign up" path="/signup" />
        <section class="card card-narrow">
            <h1>"Sign up"</h1>
            {loaded(session.viewer, move |viewer: Viewer| {
                if viewer.takes_sign_ups {
                    Either::Left(view! { <SignUpForm /> })
                } else {
                    Either::Right(view! { <Closed /> })
                }
            })}
        </section>
    }
}

/// The form that makes an account.
#[component]
fn SignUpForm() -> impl IntoView {
    let action = Session::here().sign_up;
    let outcome = Outcome::of(action);
    let query = page_query();
    let next = move || local(&query.read().get("next").unwrap_or_default()).to_owned();
    let log_in = move || format!("/login?next={}", next());
    view! {
        <FormNotice outcome />
        <ActionForm action=action attr:class="form">
            <input type="hidden" name="next" value=next />
            <AccountFields outcome />
            <SubmitButton text="Sign up" outcome />
        </ActionForm>
        <p class="card-foot">"Have an account? " <a href=log_in>"Log in"</a></p>
    }
}

/// Says where an account comes from on a server that strangers can't sign up to.
#[component]
fn Closed() -> impl IntoView {
    view! {
        <p>
            "This server takes no new accounts. Ask whoever runs it for one; public images can be pulled without an account."
        </p>
        <div class="form-actions">
            <a class="button button-primary" href="/login">
                "Log in"
            </a>
            <a class="button" href="/search">
                "Browse images"
            </a>
        </div>
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
            hint="Starts the names of your images, as in alice/app. Lower-case letters, digits, dashes and underscores."
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
