//! `/login?next=`.

use leptos::form::ActionForm;
use leptos::prelude::*;

use crate::web::addresses::local;
use crate::web::components::field::{Field, SubmitButton};
use crate::web::components::notice::FormNotice;
use crate::web::components::page_head::PageHead;
use crate::web::form::Outcome;
use crate::web::query::page_query;
use crate::web::session::Session;

/// The log-in form; leads back to where one was.
#[component]
pub fn LogInPage() -> impl IntoView {
    let action = Session::here().log_in;
    on_cleanup(move || action.clear());
    let outcome = Outcome::of(action);
    let query = page_query();
    let next = move || local(&query.read().get("next").unwrap_or_default()).to_owned();
    view! {
        <PageHead title="Log in" path="/login" />
        <section class="card card-narrow">
            <h1>"Log in"</h1>
            <FormNotice outcome />
            <ActionForm action=action attr:class="form">
                <input type="hidden" name="next" value=next />
                <Field
                    name="username"
                    label="Username"
                    autocomplete="username"
                    required=true
                    autofocus=true
                    outcome
                />
                <Field
                    name="password"
                    label="Password"
                    kind="password"
                    autocomplete="current-password"
                    required=true
                    outcome
                />
                <SubmitButton text="Log in" outcome />
            </ActionForm>
            <SignUpLink next=next />
        </section>
    }
}

/// Leads those who have no account to one, where strangers may make one.
#[component]
fn SignUpLink(next: impl Fn() -> String + Copy + Send + Sync + 'static) -> impl IntoView {
    let viewer = Session::here().viewer;
    let link = move || {
        let to = move || format!("/signup?next={}", next());
        view! { <p class="card-foot">"New here? " <a href=to>"Sign up"</a></p> }
    };
    view! {
        <Transition>
            {move || Suspend::new(async move {
                viewer.await.unwrap_or_default().takes_sign_ups.then(link)
            })}
        </Transition>
    }
}
