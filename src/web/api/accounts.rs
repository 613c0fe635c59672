//! Accounts: who looks at the page, signing up, logging in and out.

use leptos::prelude::*;

use crate::web::dto::Viewer;
use crate::web::error::AppError;

#[cfg(feature = "ssr")]
use {
    super::theme::chosen,
    crate::server::web::{
        base_url, current, host, log_in as begin_session, log_out as end_session, peer,
    },
    crate::web::addresses::local,
    crate::web::dto::ServerAddress,
    crate::web::response::failed,
    dockyard_hub::accounts::{Caller, SignUp as NewAccount},
    dockyard_hub::{Hub, Secret},
    dockyard_oci::UserName,
};

/// Tells who looks at the page, and in which colours.
#[server(name = ShowViewer, prefix = "/api/web", endpoint = "viewer")]
pub async fn viewer() -> Result<Viewer, AppError> {
    // While the list of routes is made there is no request, and no state.
    if use_context::<crate::server::AppState>().is_none() {
        return Ok(Viewer::default());
    }
    let (hub, caller) = current().await.map_err(failed)?;
    Ok(viewer_of(&hub, &caller))
}

/// Makes an account and logs in with it.
#[server(name = SignUp, prefix = "/api/web", endpoint = "sign-up")]
pub async fn sign_up(
    username: String,
    password: String,
    email: Option<String>,
    next: Option<String>,
) -> Result<(), AppError> {
    let kept = [
        ("username", username.as_str()),
        ("email", email.as_deref().unwrap_or_default()),
    ];
    let made = make_account(&username, password, email.clone(), None).await;
    made.map_err(|error| failed(error.keeping(&kept)))?;
    leptos_axum::redirect(local(next.as_deref().unwrap_or("/")));
    Ok(())
}

/// Makes the first administrator, with the key of the link that the first start prints.
#[server(name = SetUp, prefix = "/api/web", endpoint = "set-up")]
pub async fn set_up(
    username: String,
    password: String,
    email: Option<String>,
    key: String,
) -> Result<(), AppError> {
    let kept = [
        ("username", username.as_str()),
        ("email", email.as_deref().unwrap_or_default()),
    ];
    let made = make_account(&username, password, email.clone(), Some(key)).await;
    made.map_err(|error| failed(error.keeping(&kept)))?;
    leptos_axum::redirect("/");
    Ok(())
}

/// Logs in and leads back to where one was.
#[server(name = LogIn, prefix = "/api/web", endpoint = "log-in")]
pub async fn log_in(
    username: String,
    password: String,
    next: Option<String>,
) -> Result<(), AppError> {
    let kept = [("username", username.as_str())];
    let entered = enter(username.trim(), password).await;
    entered.map_err(|error| failed(error.keeping(&kept)))?;
    leptos_axum::redirect(local(next.as_deref().unwrap_or("/")));
    Ok(())
}

/// Logs out.
#[server(name = LogOut, prefix = "/api/web", endpoint = "log-out")]
pub async fn log_out() -> Result<(), AppError> {
    end_session().await.map_err(failed)?;
    leptos_axum::redirect("/");
    Ok(())
}

/// Describes a caller to the pages.
#[cfg(feature = "ssr")]
pub(super) fn viewer_of(hub: &Hub, caller: &Caller) -> Viewer {
    Viewer {
        takes_sign_ups: hub.accounts.takes_sign_ups(),
        user: caller.user().map(|user| user.name.to_string()),
        theme: chosen(),
        server: ServerAddress {
            host: host(),
            base_url: base_url(),
        },
    }
}

#[cfg(feature = "ssr")]
async fn make_account(
    username: &str,
    password: String,
    email: Option<String>,
    setup_key: Option<String>,
) -> Result<(), AppError> {
    let name: UserName = username
        .trim()
        .parse()
        .map_err(|error| AppError::field("username", error))?;
    let (hub, _): (Hub, _) = current().await?;
    let setup_key = setup_key.map(Secret::new);
    let account = NewAccount {
        name,
        password: Secret::new(password),
        email,
        setup_key,
        from: peer(),
    };
    let user = hub.accounts.sign_up(account).await?;
    begin_session(&user).await
}

#[cfg(feature = "ssr")]
async fn enter(username: &str, password: String) -> Result<(), AppError> {
    let (hub, _) = current().await?;
    let user = hub
        .accounts
        .log_in(username, &Secret::new(password), peer())
        .await?;
    begin_session(&user).await
}
