//! The page in place of one that could not be shown.

use leptos::prelude::*;
use leptos_router::components::Redirect;
use leptos_router::hooks::use_url;

use super::page_head::PageHead;
use super::search_box::{SearchBox, SearchBoxPlace};
use crate::web::addresses;
use crate::web::error::AppError;
use crate::web::pages::not_found::NotFoundPage;
use crate::web::response::set_status;

/// Shows the page that goes with an error, under the right status.
#[component]
pub fn Failure(error: AppError) -> impl IntoView {
    match error {
        AppError::NotFound => view! { <NotFoundPage /> }.into_any(),
        AppError::Anonymous => view! { <LogInFirst /> }.into_any(),
        AppError::Forbidden(message) => view! { <ForbiddenPage message /> }.into_any(),
        error @ (AppError::Refused(_)
        | AppError::Unreachable
        | AppError::Busy
        | AppError::Internal(_)) => view! { <Broken error /> }.into_any(),
    }
}

/// Leads to the log-in page, and back here from there.
#[component]
pub fn LogInFirst() -> impl IntoView {
    let url = use_url().get_untracked();
    let search = url.search();
    let here = if search.is_empty() {
        url.path().to_owned()
    } else {
        format!("{}?{search}", url.path())
    };
    let redirect = view! { <Redirect path=addresses::log_in(&here) /> };
    // After the redirect, which sets it for browsers alone.
    set_status(302);
    redirect
}

/// Says that this is for others.
#[component]
fn ForbiddenPage(message: String) -> impl IntoView {
    set_status(403);
    view! {
        <PageHead title="Not allowed" />
        <section class="message-page">
            <p class="message-code">"403"</p>
            <h1>"This is not yours to change"</h1>
            <p>{message}</p>
            <p>"If you have another account that may, log in with that."</p>
            <SearchBox place=SearchBoxPlace::Page />
            <div class="form-actions">
                <a class="button" href="/">
                    "Go to the front page"
                </a>
            </div>
        </section>
    }
}

#[component]
fn Broken(error: AppError) -> impl IntoView {
    set_status(error.status());
    let here = use_url().get_untracked().path().to_owned();
    view! {
        <PageHead title="Something went wrong" />
        <section class="message-page">
            <h1>"This page can't be shown"</h1>
            <p>{error.to_string()}</p>
            <div class="form-actions">
                <a class="button button-primary" href=here rel="external">
                    "Try again"
                </a>
                <a class="button" href="/">
                    "Go to the front page"
                </a>
            </div>
        </section>
    }
}
