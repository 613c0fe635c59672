//! Users as others see them.

use dockyard_oci::UserName;
use leptos::prelude::*;

use crate::web::dto::{UserPage, UserTab};
use crate::web::error::AppError;

#[cfg(feature = "ssr")]
use {
    crate::server::web::current,
    crate::web::dto::Moment,
    crate::web::response::failed,
    dockyard_hub::images::{Page, Repository},
};

/// Repositories on one page: with the data that the browser's half starts from, some 2 kB each.
#[cfg(feature = "ssr")]
const PAGE_LEN: u32 = 40;

/// Shows a user, and what the viewer may see of their repositories or stars.
#[server(name = ShowUser, prefix = "/api/web", endpoint = "user")]
pub async fn user(
    name: UserName,
    tab: Option<UserTab>,
    after: Option<String>,
) -> Result<UserPage, AppError> {
    load(name, tab.unwrap_or_default(), after)
        .await
        .map_err(failed)
}

#[cfg(feature = "ssr")]
async fn load(name: UserName, tab: UserTab, after: Option<String>) -> Result<UserPage, AppError> {
    let (hub, caller) = current().await?;
    let user = hub.accounts.profile(&name).await?;
    let user = user.ok_or(AppError::NotFound)?;
    let profile = hub.accounts.profile_of(&user).await?;
    let page = Page {
        after,
        limit: PAGE_LEN + 1,
    };
    let mut found = match tab {
        UserTab::Repositories => hub.repositories.owned_by(&caller, &user.name, page).await?,
        UserTab::Stars => hub.repositories.starred_by(&caller, &user, page).await?,
    };
    let next = cut(&mut found);
    Ok(UserPage {
        is_viewer: caller.user().is_some_and(|viewer| viewer.id == user.id),
        name: user.name.to_string(),
        display_name: profile.display_name,
        about: profile.about,
        joined: Moment::date_of_ms(profile.created_ms),
        tab,
        repositories: found.into_iter().map(Into::into).collect(),
        next,
    })
}

/// Drops the row that was read only to know whether there is more; returns the name of the last that stays then.
#[cfg(feature = "ssr")]
fn cut(rows: &mut Vec<Repository>) -> Option<String> {
    let most = PAGE_LEN as usize;
    if rows.len() <= most {
        return None;
    }
    rows.truncate(most);
    rows.last().map(|last| last.name.to_string())
}
