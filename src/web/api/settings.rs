//! A person's own account: profile, password, sessions, tokens, the end.

use leptos::prelude::*;

use crate::web::dto::{AccountPage, ProfileForm, SessionRow, TokensPage};
use crate::web::error::AppError;

#[cfg(feature = "ssr")]
use {
    crate::server::web::{
        base_url, current, forget_cookie, host, log_in, log_out, peer, read_once, session_id,
        show_once,
    },
    crate::web::clients,
    crate::web::dto::{Moment, ServerAddress, TokenRow},
    crate::web::response::{failed, lead_form},
    dockyard_hub::accounts::{
        PersonalTokens, Sessions, TokenKind, TokenReach, TokenSummary, TokenWish, User,
    },
    dockyard_hub::{Hub, Secret},
};

/// The cookie in which a browser without JavaScript carries the secret of a new token to the page that shows it.
#[cfg(feature = "ssr")]
const FRESH_TOKEN: &str = "dockyard_fresh_token";
/// Longest life of a token in days: ten years.
#[cfg(feature = "ssr")]
const TOKEN_MAX_DAYS: u32 = 3650;

/// Shows what the viewer tells of themselves.
#[server(name = ShowProfile, prefix = "/api/web", endpoint = "profile")]
pub async fn profile() -> Result<ProfileForm, AppError> {
    load_profile().await.map_err(failed)
}

/// Changes what the viewer tells.
#[server(name = SaveProfile, prefix = "/api/web", endpoint = "save-profile")]
pub async fn save_profile(
    display_name: String,
    about: String,
    email: String,
) -> Result<(), AppError> {
    let kept = [
        ("display_name", display_name.as_str()),
        ("about", about.as_str()),
        ("email", email.as_str()),
    ];
    let saved = write_profile(&display_name, &about, &email).await;
    saved.map_err(|error| failed(error.keeping(&kept)))?;
    lead_form("/settings/profile?done=profile");
    Ok(())
}

/// Changes the password and ends the other sessions, and personal tokens too where that is wished.
#[server(name = ChangePassword, prefix = "/api/web", endpoint = "change-password")]
pub async fn change_password(
    current: String,
    password: String,
    #[server(default)] revoke_tokens: bool,
) -> Result<(), AppError> {
    let written = write_password(current, password, revoke_tokens).await;
    written.map_err(failed)?;
    lead_form("/settings/password?done=password");
    Ok(())
}

/// Lists where the viewer is logged in.
#[server(name = ListSessions, prefix = "/api/web", endpoint = "sessions")]
pub async fn sessions() -> Result<Vec<SessionRow>, AppError> {
    load_sessions().await.map_err(failed)
}

/// Ends one session of the viewer's.
#[server(name = EndSession, prefix = "/api/web", endpoint = "end-session")]
pub async fn end_session(handle: String) -> Result<(), AppError> {
    end(&handle).await.map_err(failed)?;
    lead_form("/settings/sessions?done=session");
    Ok(())
}

/// Ends every session of the viewer's but this one.
#[server(name = EndOtherSessions, prefix = "/api/web", endpoint = "end-other-sessions")]
pub async fn end_other_sessions() -> Result<(), AppError> {
    end_others().await.map_err(failed)?;
    lead_form("/settings/sessions?done=others");
    Ok(())
}

/// Lists the viewer's tokens, with the secret of one that was just made.
#[server(name = ListTokens, prefix = "/api/web", endpoint = "tokens")]
pub async fn tokens() -> Result<TokensPage, AppError> {
    load_tokens().await.map_err(failed)
}

/// Makes a token and returns its secret. `days` is empty for one that does not end.
#[server(name = CreateToken, prefix = "/api/web", endpoint = "create-token")]
pub async fn create_token(name: String, reach: String, days: String) -> Result<String, AppError> {
    let kept = [("name", name.as_str()), ("days", days.as_str())];
    let made = make_token(&name, &reach, &days).await;
    let secret = made.map_err(|error| failed(error.keeping(&kept)))?;
    if lead_form("/settings/tokens?done=token") {
        show_once(FRESH_TOKEN, &secret);
    }
    Ok(secret)
}

/// Revokes one of the viewer's tokens.
#[server(name = RevokeToken, prefix = "/api/web", endpoint = "revoke-token")]
pub async fn revoke_token(id: String) -> Result<(), AppError> {
    revoke(&id).await.map_err(failed)?;
    lead_form("/settings/tokens?done=revoked");
    Ok(())
}

/// Tells what goes with the viewer's account.
#[server(name = ShowAccount, prefix = "/api/web", endpoint = "account")]
pub async fn account() -> Result<AccountPage, AppError> {
    load_account().await.map_err(failed)
}

/// Deletes the viewer's account once its name and password were typed.
#[server(name = DeleteAccount, prefix = "/api/web", endpoint = "delete-account")]
pub async fn delete_account(username: String, current: String) -> Result<(), AppError> {
    let kept = [("username", username.as_str())];
    let deleted = delete(&username, current).await;
    deleted.map_err(|error| failed(error.keeping(&kept)))?;
    leptos_axum::redirect("/");
    Ok(())
}

#[cfg(feature = "ssr")]
async fn viewer() -> Result<(Hub, User), AppError> {
    let (hub, caller) = current().await?;
    let user = caller.user().cloned().ok_or(AppError::Anonymous)?;
    Ok((hub, user))
}

#[cfg(feature = "ssr")]
async fn load_profile() -> Result<ProfileForm, AppError> {
    let (hub, user) = viewer().await?;
    let profile = hub.accounts.profile_of(&user).await?;
    Ok(ProfileForm {
        username: user.name.to_string(),
        display_name: profile.display_name,
        about: profile.about,
        email: profile.email.unwrap_or_default(),
    })
}

#[cfg(feature = "ssr")]
async fn write_profile(display_name: &str, about: &str, email: &str) -> Result<(), AppError> {
    let (hub, user) = viewer().await?;
    let email = Some(email.to_owned());
    let changed = hub
        .accounts
        .change_profile(&user, display_name, about, email);
    Ok(changed.await?)
}

#[cfg(feature = "ssr")]
async fn write_password(present: String, new: String, revoke: bool) -> Result<(), AppError> {
    let (hub, user) = viewer().await?;
    let (present, new) = (Secret::new(present), Secret::new(new));
    let tokens = if revoke {
        PersonalTokens::Revoke
    } else {
        PersonalTokens::Keep
    };
    let changed = hub
        .accounts
        .change_password(&user, &present, &new, tokens, peer());
    log_in(&changed.await?).await
}

#[cfg(feature = "ssr")]
async fn load_sessions() -> Result<Vec<SessionRow>, AppError> {
    let (hub, user) = viewer().await?;
    let this = session_id().map(|id| Sessions::handle(&id));
    let found = hub.accounts.sessions.list(&user).await;
    let rows = found.map_err(AppError::internal)?.into_iter();
    Ok(rows
        .map(|session| SessionRow {
            is_this: Some(&session.handle) == this.as_ref(),
            handle: session.handle,
            client: clients::describe(&session.client),
            created: Moment::of_ms(session.created_ms),
            seen: Moment::of_ms(session.seen_ms),
        })
        .collect())
}

#[cfg(feature = "ssr")]
async fn end(handle: &str) -> Result<(), AppError> {
    let (hub, user) = viewer().await?;
    if session_id().is_some_and(|id| Sessions::handle(&id) == handle) {
        return log_out().await;
    }
    let ended = hub.accounts.sessions.end(&user, handle).await;
    ended.map(|_| ()).map_err(AppError::internal)
}

#[cfg(feature = "ssr")]
async fn end_others() -> Result<(), AppError> {
    let (hub, user) = viewer().await?;
    let id = session_id().unwrap_or_default();
    let ended = hub.accounts.sessions.end_others(&user, &id).await;
    ended.map(|_| ()).map_err(AppError::internal)
}

#[cfg(feature = "ssr")]
async fn load_tokens() -> Result<TokensPage, AppError> {
    let (hub, user) = viewer().await?;
    let found = hub.accounts.tokens.list(&user).await;
    let found = found.map_err(AppError::internal)?;
    let fresh = read_once(FRESH_TOKEN);
    if fresh.is_some() {
        forget_cookie(FRESH_TOKEN);
    }
    Ok(TokensPage {
        username: user.name.to_string(),
        server: ServerAddress {
            host: host(),
            base_url: base_url(),
        },
        tokens: found.into_iter().map(token_row).collect(),
        fresh,
    })
}

#[cfg(feature = "ssr")]
fn token_row(token: TokenSummary) -> TokenRow {
    let reach = match (token.kind, token.reach) {
        (TokenKind::Refresh, _) => "Pull and push, for a client that logged in",
        (TokenKind::Personal, TokenReach::Read) => "Read: pull and look",
        (TokenKind::Personal, TokenReach::Write) => "Write: pull and push",
        (TokenKind::Personal, TokenReach::All) => "Everything you may do",
    };
    TokenRow {
        id: token.id.to_string(),
        name: token.name,
        reach: reach.to_owned(),
        created: Moment::of_ms(token.created_ms),
        used: token.last_used_ms.map(Moment::of_ms),
        expires: token.expires_ms.map(Moment::date_of_ms),
    }
}

#[cfg(feature = "ssr")]
async fn make_token(name: &str, reach: &str, days: &str) -> Result<String, AppError> {
    let (hub, caller) = current().await?;
    let days = match days.trim() {
        "" => None,
        text => {
            let days: Option<u32> = text.parse().ok();
            let days = days.filter(|days| (1..=TOKEN_MAX_DAYS).contains(days));
            let wrong = || AppError::field("days", format!("1 to {TOKEN_MAX_DAYS} days"));
            Some(days.ok_or_else(wrong)?)
        }
    };
    let wish = TokenWish {
        name: name.to_owned(),
        reach: TokenReach::parse(reach).unwrap_or(TokenReach::Read),
        days,
    };
    let made = hub.accounts.tokens.create(&caller, &wish).await?;
    Ok(made.secret.reveal().clone())
}

#[cfg(feature = "ssr")]
async fn revoke(id: &str) -> Result<(), AppError> {
    let (hub, user) = viewer().await?;
    if let Ok(id) = id.parse() {
        let revoked = hub.accounts.tokens.revoke(&user, id).await;
        revoked.map_err(AppError::internal)?;
    }
    Ok(())
}

#[cfg(feature = "ssr")]
async fn load_account() -> Result<AccountPage, AppError> {
    let (hub, user) = viewer().await?;
    let (repositories, bytes) = hub.repositories.usage(&user).await?;
    Ok(AccountPage {
        username: user.name.to_string(),
        repositories,
        bytes,
    })
}

#[cfg(feature = "ssr")]
async fn delete(username: &str, current: String) -> Result<(), AppError> {
    let (hub, user) = viewer().await?;
    if username.trim() != user.name.as_str() {
        let text = format!("type {} to delete your account", user.name);
        return Err(AppError::field("username", text));
    }
    let password = Secret::new(current);
    hub.accounts.delete(&user, &password, peer()).await?;
    log_out().await
}
