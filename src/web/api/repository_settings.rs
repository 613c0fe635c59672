//! What changes a repository: star, texts, visibility, name, end.

use dockyard_oci::{RepositoryName, Visibility};
use leptos::prelude::*;

use crate::web::dto::{RepositorySettings, StarState};
use crate::web::error::AppError;

#[cfg(feature = "ssr")]
use {
    super::access::{head, may, open},
    crate::server::AppState,
    crate::server::web::current,
    crate::web::addresses,
    crate::web::response::{failed, lead_form},
    dockyard_hub::accounts::{Administer, Pull},
    dockyard_hub::images::{README_MAX_BYTES, RepositoryChange},
};

/// Shows what can be changed about a repository.
#[server(name = ShowRepositorySettings, prefix = "/api/web", endpoint = "repository-settings")]
pub async fn repository_settings(name: RepositoryName) -> Result<RepositorySettings, AppError> {
    load(name).await.map_err(failed)
}

/// Stars a repository, or takes the star away.
#[server(name = StarRepository, prefix = "/api/web", endpoint = "star")]
pub async fn star(name: RepositoryName, starred: bool) -> Result<StarState, AppError> {
    let state = set_star(&name, starred).await.map_err(failed)?;
    lead_form(&addresses::repository(name.as_str()));
    Ok(state)
}

/// Changes description and README.
#[server(name = DescribeRepository, prefix = "/api/web", endpoint = "describe-repository")]
pub async fn describe_repository(
    name: RepositoryName,
    description: String,
    readme: String,
) -> Result<(), AppError> {
    let kept = [("description", description.as_str())];
    let change = RepositoryChange {
        description: Some(description.clone()),
        // Browsers send every line's end as two characters.
        readme: Some(readme.replace("\r\n", "\n")),
        visibility: None,
    };
    let changed = change_repository(&name, change).await;
    changed.map_err(|error| failed(error.keeping(&kept)))?;
    leptos_axum::redirect(&addresses::repository(name.as_str()));
    Ok(())
}

/// Renders Markdown as a README is shown.
#[server(name = PreviewReadme, prefix = "/api/web", endpoint = "preview-readme")]
pub async fn preview_readme(readme: String) -> Result<String, AppError> {
    preview(&readme).await.map_err(failed)
}

/// Makes a repository public or private.
#[server(name = SetVisibility, prefix = "/api/web", endpoint = "set-visibility")]
pub async fn set_visibility(name: RepositoryName, visibility: Visibility) -> Result<(), AppError> {
    let change = RepositoryChange {
        visibility: Some(visibility),
        ..RepositoryChange::default()
    };
    change_repository(&name, change).await.map_err(failed)?;
    lead_form(&addresses::settings_done(name.as_str(), "visibility"));
    Ok(())
}

/// Gives a repository another name in its namespace; `to` is what stands after the namespace.
#[server(name = RenameRepository, prefix = "/api/web", endpoint = "rename-repository")]
pub async fn rename_repository(name: RepositoryName, to: String) -> Result<(), AppError> {
    let renamed = rename(&name, &to).await;
    let renamed = renamed.map_err(|error| failed(error.keeping(&[("to", &to)])))?;
    leptos_axum::redirect(&addresses::settings_done(renamed.as_str(), "name"));
    Ok(())
}

/// Deletes a repository once its name was typed, and leads to the owner's page.
#[server(name = DeleteRepository, prefix = "/api/web", endpoint = "delete-repository")]
pub async fn delete_repository(name: RepositoryName, confirmation: String) -> Result<(), AppError> {
    let deleted = delete(&name, &confirmation).await;
    deleted.map_err(|error| failed(error.keeping(&[("confirmation", &confirmation)])))?;
    leptos_axum::redirect(&addresses::user(name.namespace()));
    Ok(())
}

#[cfg(feature = "ssr")]
async fn load(name: RepositoryName) -> Result<RepositorySettings, AppError> {
    let (hub, caller) = current().await?;
    let (grant, repository) = open(&hub, &caller, &name).await?;
    let administer = may::<Administer>(&hub, &caller, grant.repository()).await?;
    Ok(RepositorySettings {
        readme: repository.readme.clone(),
        freed_bytes: hub.blobs.reclaimed_by_all(&administer).await?,
        head: head(&hub, &caller, &grant, repository).await?,
    })
}

#[cfg(feature = "ssr")]
async fn set_star(name: &RepositoryName, starred: bool) -> Result<StarState, AppError> {
    let (hub, caller) = current().await?;
    let grant = may::<Pull>(&hub, &caller, name).await?;
    if starred {
        hub.stars.add(&caller, &grant).await?;
    } else {
        hub.stars.remove(&caller, &grant).await?;
    }
    let stars = hub.repositories.show(&grant).await?.stars;
    Ok(StarState { starred, stars })
}

#[cfg(feature = "ssr")]
async fn change_repository(
    name: &RepositoryName,
    change: RepositoryChange,
) -> Result<(), AppError> {
    let (hub, caller) = current().await?;
    let grant = may::<Administer>(&hub, &caller, name).await?;
    hub.repositories.change(&grant, change).await?;
    Ok(())
}

#[cfg(feature = "ssr")]
async fn preview(readme: &str) -> Result<String, AppError> {
    let (_, caller) = current().await?;
    let user = caller.user().ok_or(AppError::Anonymous)?;
    if readme.len() > README_MAX_BYTES {
        let text = format!("a README has at most {README_MAX_BYTES} bytes");
        return Err(AppError::refused(text));
    }
    let state = expect_context::<AppState>();
    let _place = state.previews.take(user.id).map_err(|_| AppError::Busy)?;
    Ok(state.markdown.render(readme, None).await.to_string())
}

#[cfg(feature = "ssr")]
async fn rename(name: &RepositoryName, to: &str) -> Result<RepositoryName, AppError> {
    let (hub, caller) = current().await?;
    let grant = may::<Administer>(&hub, &caller, name).await?;
    let to = format!("{}/{}", name.namespace(), to.trim());
    let to: RepositoryName = to.parse().map_err(|error| AppError::field("to", error))?;
    let renamed = hub.repositories.rename(&grant, &to).await;
    renamed.map_err(|error| AppError::from(error).of_field("name", "to"))?;
    Ok(to)
}

#[cfg(feature = "ssr")]
async fn delete(name: &RepositoryName, confirmation: &str) -> Result<(), AppError> {
    let (hub, caller) = current().await?;
    let grant = may::<Administer>(&hub, &caller, name).await?;
    if confirmation.trim() != name.as_str() {
        let text = format!("type {name} to delete it");
        return Err(AppError::field("confirmation", text));
    }
    hub.repositories.delete(&grant).await?;
    Ok(())
}
