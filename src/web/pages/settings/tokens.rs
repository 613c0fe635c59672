//! Tokens for programs.

use leptos::form::ActionForm;
use leptos::prelude::*;

use super::{Done, succeeded};
use crate::web::api::settings::{CreateToken, RevokeToken, tokens};
use crate::web::components::copy_button::CopyButton;
use crate::web::components::field::{Field, SubmitButton};
use crate::web::components::loaded::loaded;
use crate::web::components::notice::FormNotice;
use crate::web::components::relative_time::RelativeTime;
use crate::web::dto::{TokenRow, TokensPage};
use crate::web::form::Outcome;
use crate::web::load::load;

/// Lists tokens, makes and revokes them.
#[component]
pub fn TokenSettings() -> impl IntoView {
    let (create, revoke) = (
        ServerAction::<CreateToken>::new(),
        ServerAction::<RevokeToken>::new(),
    );
    let (created, revoked) = (create.version(), revoke.version());
    let page = load(move || (created.get(), revoked.get()), |_| tokens());
    loaded(
        page,
        move |page: TokensPage| view! { <TokensView page create revoke /> },
    )
}

#[component]
fn TokensView(
    page: TokensPage,
    create: ServerAction<CreateToken>,
    revoke: ServerAction<RevokeToken>,
) -> impl IntoView {
    let answer = create.value();
    let shown_once = page.fresh.clone();
    let login = format!("docker login -u {} {}", page.username, page.server.host);
    let fresh = move || {
        let secret = match answer.get() {
            Some(Ok(secret)) => Some(secret),
            Some(Err(_)) => None,
            None => shown_once.clone(),
        };
        let login = login.clone();
        secret.map(|secret| view! { <FreshToken secret login /> })
    };
    let items = page
        .tokens
        .into_iter()
        .map(|row| view! { <TokenItem row revoke /> });
    let items = items.collect_view();
    let is_empty = items.is_empty();
    view! {
        <section class="settings-section">
            <h2>"Tokens"</h2>
            <p class="settings-text">
                "A token stands in for your password in docker login, mydocker and curl. Give each program its own."
            </p>
            <Done key="revoked" succeeded=succeeded(revoke) message="The token is revoked." />
            {fresh}
            {if is_empty {
                view! { <p class="section-note">"You have no tokens yet."</p> }.into_any()
            } else {
                view! { <ul class="item-list">{items}</ul> }.into_any()
            }}
        </section>
        <CreateForm create />
    }
}

/// Shows the secret of a new token. It can't be shown again.
#[component]
fn FreshToken(secret: String, login: String) -> impl IntoView {
    view! {
        <div class="fresh-token" role="status">
            <p>
                <strong>"Copy the token now: it is shown this once."</strong>
            </p>
            <div class="command">
                <pre tabindex="0">
                    <code class="plain">{secret.clone()}</code>
                </pre>
                <CopyButton text=secret what="token" />
            </div>
            <p>"Log in with it in place of the password:"</p>
            <div class="command">
                <pre tabindex="0">
                    <code>{login.clone()}</code>
                </pre>
                <CopyButton text=login what="command" />
            </div>
        </div>
    }
}

#[component]
fn TokenItem(row: TokenRow, revoke: ServerAction<RevokeToken>) -> impl IntoView {
    let label = format!("Revoke {}", row.name);
    view! {
        <li class="item">
            <div class="item-main">
                <p class="item-name">{row.name}</p>
                <p class="item-facts">
                    {row.reach} ". Made " <RelativeTime moment=row.created />
                    {match row.used {
                        Some(moment) => {
                            view! {
                                ", used "
                                <RelativeTime moment />
                            }
                                .into_any()
                        }
                        None => ", never used".into_any(),
                    }} {row.expires.map(|date| format!(", ends on {date}"))}
                </p>
            </div>
            <ActionForm action=revoke>
                <input type="hidden" name="id" value=row.id />
                <button
                    type="submit"
                    class="button button-small button-danger"
                    aria-label=label
                >
                    "Revoke"
                </button>
            </ActionForm>
        </li>
    }
}

#[component]
fn CreateForm(create: ServerAction<CreateToken>) -> impl IntoView {
    let outcome = Outcome::of(create);
    view! {
        <section class="settings-section">
            <h2>"New token"</h2>
            <FormNotice outcome />
            <ActionForm action=create attr:class="form">
                <Field
                    name="name"
                    label="Name"
                    hint="What will use it, as in ci or laptop."
                    required=true
                    maxlength=100
                    outcome
                />
                <div class="field">
                    <label for="reach">"It may"</label>
                    <div class="field-control">
                        <select id="reach" name="reach">
                            <option value="read">"Read: pull and look"</option>
                            <option value="write" selected>
                                "Write: pull and push"
                            </option>
                            <option value="all">"Do everything that you may"</option>
                        </select>
                    </div>
                </div>
                <Field
                    name="days"
                    label="Days until it ends (optional)"
                    hint="Empty for a token that is good until you revoke it."
                    kind="number"
                    outcome
                />
                <SubmitButton text="Create token" outcome />
            </ActionForm>
        </section>
    }
}
