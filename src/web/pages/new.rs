//! `/new`: make a repository.

use dockyard_oci::Visibility;
use leptos::form::ActionForm;
use leptos::prelude::*;

use crate::web::api::repositories::CreateRepository;
use crate::web::components::failure::LogInFirst;
use crate::web::components::field::{Field, SubmitButton};
use crate::web::components::loaded::loaded;
use crate::web::components::notice::FormNotice;
use crate::web::components::page_head::PageHead;
use crate::web::components::visibility_field::VisibilityField;
use crate::web::dto::Viewer;
use crate::web::form::Outcome;
use crate::web::session::Session;

/// The form that makes a repository, for whoever is logged in.
#[component]
pub fn NewRepositoryPage() -> impl IntoView {
    let action = ServerAction::<CreateRepository>::new();
    view! {
        <PageHead title="New repository" />
        {loaded(
            Session::here().viewer,
            move |viewer: Viewer| match viewer.user {
                Some(user) => view! { <NewRepositoryForm action user /> }.into_any(),
                None => view! { <LogInFirst /> }.into_any(),
            },
        )}
    }
}

#[component]
fn NewRepositoryForm(action: ServerAction<CreateRepository>, user: String) -> impl IntoView {
    let outcome = Outcome::of(action);
    view! {
        <section class="card">
            <h1>"New repository"</h1>
            <FormNotice outcome />
            <ActionForm action=action attr:class="form">
                <Field
                    name="name"
                    label="Name"
                    prefix=format!("{user} /")
                    hint="Lower-case letters, digits, dots, dashes and underscores, as in app or tools/app."
                    required=true
                    autofocus=true
                    outcome
                />
                <VisibilityField outcome current=Visibility::Public />
                <Field
                    name="description"
                    label="Description (optional)"
                    hint="One line, shown in lists and found by search."
                    maxlength=200
                    outcome
                />
                <SubmitButton text="Create repository" outcome />
            </ActionForm>
        </section>
    }
}
