//! The end of an account.

use leptos::form::ActionForm;
use leptos::prelude::*;

use crate::web::api::settings::{DeleteAccount, account};
use crate::web::components::byte_size::{ByteSize, grouped};
use crate::web::components::field::Field;
use crate::web::components::icon::Icon;
use crate::web::components::loaded::loaded;
use crate::web::components::notice::FormNotice;
use crate::web::dto::AccountPage;
use crate::web::form::Outcome;
use crate::web::load::load;

/// Deletes the account, for whoever types its name and knows the password.
#[component]
pub fn AccountSettings() -> impl IntoView {
    let action = ServerAction::<DeleteAccount>::new();
    let page = load(|| (), |()| account());
    loaded(
        page,
        move |page: AccountPage| view! { <DeleteForm page action /> },
    )
}

#[component]
fn DeleteForm(page: AccountPage, action: ServerAction<DeleteAccount>) -> impl IntoView {
    let outcome = Outcome::of(action);
    let repositories = match page.repositories {
        0 => "You have no repositories.".to_owned(),
        1 => "Your repository goes with everything in it".to_owned(),
        count => format!(
            "Your {} repositories go with everything in them",
            grouped(count)
        ),
    };
    view! {
        <section class="settings-section settings-danger">
            <h2>"Delete your account"</h2>
            <p class="settings-text">
                {repositories}
                {(page.repositories > 0)
                    .then(|| {
                        view! {
                            ": "
                            <strong>
                                <ByteSize bytes=page.bytes />
                            </strong>
                            "."
                        }
                    })}
                " Your stars, tokens and sessions go as well, and others can take your name. This can't be undone."
            </p>
            <FormNotice outcome />
            <ActionForm action=action attr:class="form">
                <p class="settings-text">"To confirm, type " <code>{page.username}</code></p>
                <Field
                    name="username"
                    label="Your username"
                    autocomplete="off"
                    required=true
                    outcome
                />
                <Field
                    name="current"
                    label="Your password"
                    kind="password"
                    autocomplete="current-password"
                    required=true
                    outcome
                />
                <div class="form-actions">
                    <button
                        type="submit"
                        class="button button-danger"
                        disabled=move || outcome.is_pending()
                    >
                        <Icon name="trash-2" />
                        "Delete account"
                    </button>
                </div>
            </ActionForm>
        </section>
    }
}
