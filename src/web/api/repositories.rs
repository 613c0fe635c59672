//! Repositories, their tags, and the lists they stand in.

use dockyard_oci::{RepositoryName, Tag, UserName, Visibility};
use leptos::prelude::*;

use crate::web::dto::{Home, RepositoryPage, TagPage, TagsPage, UserPage};
use crate::web::error::AppError;

#[cfg(feature = "ssr")]
use {
    super::accounts::viewer_of,
    crate::server::AppState,
    crate::server::web::current,
    crate::web::addresses,
    crate::web::dto::{Moment, RepositoryHead},
    crate::web::response::failed,
    dockyard_hub::Hub,
    dockyard_hub::accounts::{AccessError, Caller, Grant, Pull, Push},
    dockyard_hub::images::{NewRepository, Page, Repository, TagPage as TagRange},
    dockyard_oci::{Manifest, Reference},
};

/// Repositories in one list of the front page.
#[cfg(feature = "ssr")]
const HOME_LEN: u32 = 20;
/// Tags on the page of a repository: a look, the rest has its own page.
#[cfg(feature = "ssr")]
const RECENT_TAGS: u32 = 10;
/// Rows of a list that is paged.
#[cfg(feature = "ssr")]
const PAGE_LEN: u32 = 100;

/// Shows the front page.
#[server(name = ShowHome, prefix = "/api/web", endpoint = "home")]
pub async fn home() -> Result<Home, AppError> {
    load_home().await.map_err(failed)
}

/// Shows a user and the repositories that the viewer may see.
#[server(name = ShowUser, prefix = "/api/web", endpoint = "user")]
pub async fn user(name: UserName, after: Option<String>) -> Result<UserPage, AppError> {
    load_user(name, after).await.map_err(failed)
}

/// Shows a repository.
#[server(name = ShowRepository, prefix = "/api/web", endpoint = "repository")]
pub async fn repository(name: RepositoryName) -> Result<RepositoryPage, AppError> {
    load_repository(name).await.map_err(failed)
}

/// Lists the tags of a repository by name.
#[server(name = ListTags, prefix = "/api/web", endpoint = "tags")]
pub async fn tags(name: RepositoryName, after: Option<String>) -> Result<TagsPage, AppError> {
    load_tags(name, after).await.map_err(failed)
}

/// Shows one tag.
#[server(name = ShowTag, prefix = "/api/web", endpoint = "tag")]
pub async fn tag(name: RepositoryName, tag: Tag) -> Result<TagPage, AppError> {
    load_tag(name, tag).await.map_err(failed)
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
    let own = match caller.user() {
        None => Vec::new(),
        Some(user) => {
            let page = Page {
                after: None,
                limit: HOME_LEN,
            };
            hub.repositories.owned_by(&caller, &user.name, page).await?
        }
    };
    let recent = hub.repositories.recently_pushed(HOME_LEN).await?;
    Ok(Home {
        viewer: viewer_of(&caller),
        own: own.into_iter().map(Into::into).collect(),
        recent: recent.into_iter().map(Into::into).collect(),
    })
}

#[cfg(feature = "ssr")]
async fn load_user(name: UserName, after: Option<String>) -> Result<UserPage, AppError> {
    let (hub, caller) = current().await?;
    let user = hub
        .accounts
        .profile(&name)
        .await?
        .ok_or(AppError::NotFound)?;
    let page = Page {
        after,
        limit: PAGE_LEN + 1,
    };
    let mut found = hub.repositories.owned_by(&caller, &user.name, page).await?;
    let next = cut(&mut found).map(|last| last.name.to_string());
    Ok(UserPage {
        is_viewer: caller.user().is_some_and(|viewer| viewer.id == user.id),
        name: user.name.to_string(),
        repositories: found.into_iter().map(Into::into).collect(),
        next,
    })
}

#[cfg(feature = "ssr")]
async fn load_repository(name: RepositoryName) -> Result<RepositoryPage, AppError> {
    let (hub, caller) = current().await?;
    let (grant, repository) = open(&hub, &caller, &name).await?;
    let tags = hub.tags.recent(&grant, RECENT_TAGS).await?;
    Ok(RepositoryPage {
        readme_html: expect_context::<AppState>()
            .markdown
            .render(&repository.readme)
            .await
            .to_string(),
        created: Moment::of_ms(repository.created_ms),
        head: head(&hub, &caller, repository).await?,
        tags: tags.into_iter().map(Into::into).collect(),
    })
}

#[cfg(feature = "ssr")]
async fn load_tags(name: RepositoryName, after: Option<String>) -> Result<TagsPage, AppError> {
    let (hub, caller) = current().await?;
    let (grant, repository) = open(&hub, &caller, &name).await?;
    let mut tags = hub
        .tags
        .list(
            &grant,
            TagRange {
                after,
                limit: PAGE_LEN + 1,
            },
        )
        .await?;
    let next = cut(&mut tags).map(|last| last.name.to_string());
    Ok(TagsPage {
        head: head(&hub, &caller, repository).await?,
        tags: tags.into_iter().map(Into::into).collect(),
        next,
    })
}

#[cfg(feature = "ssr")]
async fn load_tag(name: RepositoryName, tag: Tag) -> Result<TagPage, AppError> {
    let (hub, caller) = current().await?;
    let (grant, repository) = open(&hub, &caller, &name).await?;
    let summary = hub.tags.find(&grant, &tag).await?;
    let reference = Reference::Digest(summary.digest.clone());
    let stored = hub.manifests.find(&grant, &reference).await?;
    let manifest = Manifest::parse(&stored.bytes, Some(stored.media_type.as_str()))
        .map_err(AppError::internal)?;
    Ok(TagPage {
        head: head(&hub, &caller, repository).await?,
        media_type: summary.media_type.to_string(),
        tag: summary.into(),
        layers: manifest.layers.iter().map(Into::into).collect(),
        platforms: manifest.manifests.iter().map(Into::into).collect(),
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

/// Finds a repository that the caller may read.
#[cfg(feature = "ssr")]
async fn open(
    hub: &Hub,
    caller: &Caller,
    name: &RepositoryName,
) -> Result<(Grant<Pull>, Repository), AppError> {
    let grant = hub
        .access
        .authorize::<Pull>(caller, name)
        .await
        .map_err(hidden)?;
    if grant.repository() != name {
        lead_on(name, grant.repository());
    }
    let repository = hub.repositories.show(&grant).await?;
    Ok((grant, repository))
}

/// Leads from an address with a former name to the same place under the new one.
#[cfg(feature = "ssr")]
fn lead_on(from: &RepositoryName, to: &RepositoryName) {
    let parts = use_context::<axum::http::request::Parts>();
    let before = addresses::repository(from.as_str());
    let rest = parts.as_ref().and_then(|parts| {
        let target = parts.uri.path_and_query()?.as_str();
        target.strip_prefix(before.as_str()).map(str::to_owned)
    });
    let after = addresses::repository(to.as_str());
    leptos_axum::redirect(&format!("{after}{}", rest.unwrap_or_default()));
}

/// Makes one answer of all refusals to read, so that a page never tells what exists.
#[cfg(feature = "ssr")]
fn hidden(error: AccessError) -> AppError {
    match error {
        AccessError::NotFound(_)
        | AccessError::Denied(_)
        | AccessError::Anonymous(_)
        | AccessError::OutOfScope(_)
        | AccessError::Renamed { .. } => AppError::NotFound,
        AccessError::Database(cause) => AppError::internal(cause),
    }
}

#[cfg(feature = "ssr")]
async fn head(
    hub: &Hub,
    caller: &Caller,
    repository: Repository,
) -> Result<RepositoryHead, AppError> {
    let may_push = match hub.access.authorize::<Push>(caller, &repository.name).await {
        Ok(_) => true,
        Err(AccessError::Database(cause)) => return Err(AppError::internal(cause)),
        Err(
            AccessError::NotFound(_)
            | AccessError::Denied(_)
            | AccessError::Anonymous(_)
            | AccessError::OutOfScope(_)
            | AccessError::Renamed { .. },
        ) => false,
    };
    Ok(RepositoryHead {
        card: repository.into(),
        may_push,
        viewer: viewer_of(caller),
    })
}

/// Drops the row that was read only to know whether there is more; returns the last that stays then.
#[cfg(feature = "ssr")]
fn cut<T>(rows: &mut Vec<T>) -> Option<&T> {
    let most = PAGE_LEN as usize;
    if rows.len() <= most {
        return None;
    }
    rows.truncate(most);
    rows.last()
}
