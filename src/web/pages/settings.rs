//! `/settings/...`: a person's own account.

mod account;
mod password;
mod profile;
mod sessions;
mod tokens;

use leptos::prelude::*;
use leptos_router::components::Redirect;
use leptos_router::hooks::use_params_map;

use account::AccountSettings;
use password::PasswordSettings;
use profile::ProfileSettings;
use sessions::SessionSettings;
use tokens::TokenSettings;

use super::not_found::NotFoundPage;
use crate::web::components::notice::SuccessNotice;
use crate::web::components::page_head::PageHead;
use crate::web::error::AppError;
use crate::web::query::page_query;

/// The parts, by their addresses and names.
const PARTS: [(&str, &str); 5] = [
    ("profile", "Profile"),
    ("password", "Password"),
    ("sessions", "Sessions"),
    ("tokens", "Tokens"),
    ("account", "Account"),
];

/// Leads to the first part.
#[component]
pub fn SettingsIndex() -> impl IntoView {
    view! { <Redirect path="/settings/profile" /> }
}

/// The part that the address names, for whoever is logged in.
#[component]
pub fn SettingsRoute() -> impl IntoView {
    let params = use_params_map();
    let part = Memo::new(move |_| {
        let part = params.read().get("part")?;
        PARTS.into_iter().find(|(address, _)| *address == part)
    });
    move || match part.get() {
        Some((address, name)) => view! { <SettingsPart address name /> }.into_any(),
        None => view! { <NotFoundPage /> }.into_any(),
    }
}

/// Shows a part, which sends strangers to the log-in page by itself.
#[component]
fn SettingsPart(address: &'static str, name: &'static str) -> impl IntoView {
    let part = match address {
        "password" => view! { <PasswordSettings /> }.into_any(),
        "sessions" => view! { <SessionSettings /> }.into_any(),
        "tokens" => view! { <TokenSettings /> }.into_any(),
        "account" => view! { <AccountSettings /> }.into_any(),
        _ => view! { <ProfileSettings /> }.into_any(),
    };
    view! {
        <PageHead title=format!("{name} - Settings") />
        <div class="account">
            <div class="account-nav">
                <h1>"Settings"</h1>
                <nav aria-label="Settings">{links(address)}</nav>
            </div>
            <div class="account-part">{part}</div>
        </div>
    }
}

fn links(current: &'static str) -> impl IntoView {
    let links = PARTS.into_iter().map(|(address, name)| {
        view! {
            <a
                class="account-link"
                href=format!("/settings/{address}")
                aria-current=(address == current).then_some("page")
            >
                {name}
            </a>
        }
    });
    links.collect_view()
}

/// Says what was done: with JavaScript after the answer, without on the page that the form leads to.
#[component]
fn Done(
    /// The value of `?done=` that stands for it.
    key: &'static str,
    #[prop(into)] succeeded: Signal<bool>,
    message: &'static str,
) -> impl IntoView {
    let query = page_query();
    move || {
        let is_done = succeeded.get() || query.read().get("done").is_some_and(|done| done == key);
        is_done.then(|| view! { <SuccessNotice message /> })
    }
}

/// Tells whether the last answer of an action was good.
fn succeeded<S>(action: ServerAction<S>) -> Signal<bool>
where
    S: leptos::server_fn::ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    let value = action.value();
    Signal::derive(move || matches!(value.get(), Some(Ok(_))))
}
