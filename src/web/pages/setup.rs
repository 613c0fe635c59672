//! `/setup?key=`: the first administrator.

use leptos::form::ActionForm;
use leptos::prelude::*;

use super::signup::AccountFields;
use crate::web::components::field::SubmitButton;
use crate::web::components::notice::FormNotice;
use crate::web::components::page_head::PageHead;
use crate::web::form::Outcome;
use crate::web::query::page_query;
use crate::web::session::Session;

/// The form behind the link that the first start prints.
#[component]
pub fn SetUpPage() -> impl IntoView {
    let action = Session::here().set_up;
    on_cleanup(move || action.clear());
    let outcome = Outcome::of(action);
    let query = page_query();
    let key = move || query.read().get("key").unwrap_or_default();
    view! {
        <PageHead title="Set up" />
        <section class="card card-narrow">
            <h1>"Set up this Dockyard"</h1>
            <p>"Make the first administrator. The link works once."</p>
            <FormNotice outcome />
            <ActionForm action=action attr:class="form">
                <input type="hidden" name="key" value=key />
                <AccountFields outcome />
                <SubmitButton text="Create administrator" outcome />
            </ActionForm>
        </section>
    }
}
