//! Repositories and the lists they stand in.

use dockyard_oci::{RepositoryName, Visibility};
use leptos::prelude::*;

use crate::web::dto::{Home, RepositoryPage};
use crate::web::error::AppError;

#[cfg(feature = "ssr")]
use {
    super::access::{head, open},
    super::accounts::viewer_of,
    super::image,
    crate::server::AppState,
    crate::server::web::current,
    crate::web::addresses,
    crate::web::dto::{self, DayPulls, Moment},
    crate::web::response::failed,
    dockyard_hub::images::{NewRepository, Repository},
    dockyard_markdown::CodeHost,
};

/// Repositories in one list of the front page.
#[cfg(feature = "ssr")]
const HOME_LEN: u32 = 10;
/// The viewer's own repositories on the front page: all that a person has, as a rule.
#[cfg(feature = "ssr")]
const OWN_LEN: u32 = 50;
/// News on the front page, and the moves of tags that they are made of.
#[cfg(feature = "ssr")]
const NEWS_LEN: usize = 8;
#[cfg(feature = "ssr")]
const NEWS_MOVES: u32 = 100;
/// Tags on the page of a repository: a look, the rest has its own page.
#[cfg(feature = "ssr")]
const RECENT_TAGS: u32 = 5;
/// Days of the chart of pulls.
#[cfg(feature = "ssr")]
const CHART_DAYS: u32 = 30;

/// Shows the front page.
#[server(name = ShowHome, prefix = "/api/web", endpoint = "home")]
pub async fn home() -> Result<Home, AppError> {
    load_home().await.map_err(failed)
}

/// Shows a repository.
#[server(name = ShowRepository, prefix = "/api/web", endpoint = "repository")]
pub async fn repository(name: RepositoryName) -> Result<RepositoryPage, AppError> {
    load_repository(name).await.map_err(failed)
}

/// Makes a repository in the viewer's own namespace and leads to it.
#[server(name = CreateRepository, prefix = "/api/web", endpoint = "create-repository")]
pub async fn create_repository(
    name: String,
    visibility: Visibility,
    description: String,
) -> Result<(), AppError> {
    let kept = [
        ("name", name.as_str()),
        ("visibility", visibility.as_str()),
        ("description", description.as_str()),
    ];
    let made = create(&name, visibility, description.clone()).await;
    let repository = made.map_err(|error| failed(error.keeping(&kept)))?;
    leptos_axum::redirect(&addresses::repository(repository.name.as_str()));
    Ok(())
}

#[cfg(feature = "ssr")]
async fn load_home() -> Result<Home, AppError> {
    let (hub, caller) = current().await?;
    let (own, usage) = match caller.user() {
        None => (Vec::new(), (0, 0)),
        Some(user) => (
            hub.repositories.own(user, OWN_LEN).await?,
            hub.repositories.usage(user).await?,
        ),
    };
    let moves = hub.history.news(&caller, NEWS_MOVES).await;
    let moves = moves.map_err(AppError::internal)?;
    let recent = hub.repositories.recently_pushed(HOME_LEN).await?;
    let popular = hub.repositories.most_pulled(HOME_LEN).await?;
    Ok(Home {
        viewer: viewer_of(&hub, &caller),
        own: own.into_iter().map(Into::into).collect(),
        own_count: usage.0,
        own_bytes: usage.1,
        news: dto::news(moves, NEWS_LEN),
        recent: recent.into_iter().map(Into::into).collect(),
        popular: popular.into_iter().map(Into::into).collect(),
    })
}

#[cfg(feature = "ssr")]
async fn load_repository(name: RepositoryName) -> Result<RepositoryPage, AppError> {
    let (hub, caller) = current().await?;
    let (grant, repository) = open(&hub, &caller, &name).await?;
    let tags = hub.tags.recent(&grant, RECENT_TAGS).await?;
    let labels = match tags.first() {
        Some(newest) => image::known_labels(&hub, &grant, &newest.digest).await?,
        None => Vec::new(),
    };
    let days = hub.pulls.days(&grant, CHART_DAYS).await;
    let days = days.map_err(AppError::internal)?;
    let markdown = &expect_context::<AppState>().markdown;
    let source = labels.iter().find(|label| label.name == image::SOURCE);
    let host = source.and_then(|source| CodeHost::of_source(&source.value));
    let readme_html = markdown.render(&repository.readme, host.as_ref()).await;
    Ok(RepositoryPage {
        readme_html: readme_html.to_string(),
        created: Moment::of_ms(repository.created_ms),
        stored_bytes: repository.stored_bytes,
        labels,
        pulls: days.into_iter().map(DayPulls::from).collect(),
        head: head(&hub, &caller, &grant, repository).await?,
        tags: tags.into_iter().map(Into::into).collect(),
    })
}

#[cfg(feature = "ssr")]
async fn create(
    name: &str,
    visibility: Visibility,
    description: String,
) -> Result<Repository, AppError> {
    let (hub, caller) = current().await?;
    let user = caller.user().ok_or(AppError::Anonymous)?;
    if name.trim().is_empty() {
        return Err(AppError::field("name", "give the repository a name"));
    }
    let name = format!("{}/{}", user.name, name.trim());
    let name = name
        .parse()
        .map_err(|error| AppError::field("name", error))?;
    let new = NewRepository {
        name,
        visibility,
        description,
    };
    Ok(hub.repositories.create(&caller, new).await?)
}
