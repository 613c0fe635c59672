//! The preview of a README without JavaScript: a form sends the text, another tab shows what it becomes.

use axum::Form;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;

use super::AppState;
use super::assets::url;
use super::caller::ApiCaller;
use super::error::ApiError;
use dockyard_hub::accounts::AccountError;
use dockyard_hub::images::README_MAX_BYTES;

/// Nothing runs here, and the style is ours.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src https:; font-src 'self'; \
                      form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The part of the form that is shown.
#[derive(Deserialize)]
pub struct Draft {
    readme: String,
}

/// `POST /preview`: shows Markdown as a README is shown, to those who are logged in.
pub async fn show(
    State(state): State<AppState>,
    ApiCaller(caller): ApiCaller,
    Form(draft): Form<Draft>,
) -> Result<Response, ApiError> {
    let user = caller.user().ok_or(AccountError::Anonymous)?;
    if draft.readme.len() > README_MAX_BYTES {
        let text = format!("a README has at most {README_MAX_BYTES} bytes");
        return Err(ApiError::bad_request("README_TOO_LONG", text));
    }
    let _place = state.previews.take(user.id).map_err(ApiError::busy)?;
    let readme = state.markdown.render(&draft.readme, None).await;
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>Preview · Dockyard</title>\
         <link rel=\"stylesheet\" href=\"{}\"></head><body><main class=\"site-main\">\
         <h1>Preview</h1><div class=\"readme markdown\">{readme}</div></main></body></html>",
        url("main.css")
    );
    let headers = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Html(page)).into_response())
}
