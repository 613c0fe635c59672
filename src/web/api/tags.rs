//! Tags: listed, looked into, deleted and put back.

use dockyard_oci::{RepositoryName, Tag};
use leptos::prelude::*;

use crate::web::dto::{ActivityPage, DeletionPage, TagAddress, TagSort, TagsPage};
use crate::web::error::AppError;

#[cfg(feature = "ssr")]
use {
    super::access::{head, may, open},
    super::image,
    crate::server::web::current,
    crate::web::addresses,
    crate::web::dto::{GoneTag, MoveRow, TagPage, TagRow},
    crate::web::response::{failed, lead_form},
    dockyard_hub::accounts::{Delete, Pull, Push},
    dockyard_hub::images::{ImageError, TagOrder, TagQuery, TagSummary},
    dockyard_oci::Digest,
};

/// Tags on one page: with the data that the browser's half starts from, some 2 kB each.
#[cfg(feature = "ssr")]
const PAGE_LEN: u32 = 40;
/// Moves on one page.
#[cfg(feature = "ssr")]
const MOVES_LEN: u32 = 50;
/// Moves on the page of a tag: a look, far back enough to restore.
#[cfg(feature = "ssr")]
const HISTORY_LEN: u32 = 20;
/// Most tags deleted at once: what stands in one address.
#[cfg(feature = "ssr")]
const DELETED_MAX: usize = 200;

/// Lists the tags of a repository whose names hold a text, from where the page before ended.
#[server(name = ListTags, prefix = "/api/web", endpoint = "tags")]
pub async fn tags(
    name: RepositoryName,
    part: String,
    sort: TagSort,
    after: Option<String>,
) -> Result<TagsPage, AppError> {
    load_tags(name, part, sort, after).await.map_err(failed)
}

/// Shows one tag; of an index the image for a platform, or the first.
#[server(name = ShowTag, prefix = "/api/web", endpoint = "tag")]
pub async fn tag(
    name: RepositoryName,
    tag: Tag,
    platform: Option<String>,
) -> Result<TagAddress, AppError> {
    load_tag(name, tag, platform).await.map_err(failed)
}

/// Lists what happened to the tags of a repository, from where the page before ended.
#[server(name = ShowActivity, prefix = "/api/web", endpoint = "activity")]
pub async fn activity(
    name: RepositoryName,
    before: Option<String>,
) -> Result<ActivityPage, AppError> {
    load_activity(name, before).await.map_err(failed)
}

/// Tells what deleting some tags would do; `tags` is their names with commas between.
#[server(name = AskDeletion, prefix = "/api/web", endpoint = "ask-deletion")]
pub async fn ask_deletion(name: RepositoryName, tags: String) -> Result<DeletionPage, AppError> {
    load_deletion(name, &tags).await.map_err(failed)
}

/// Deletes tags; `tags` is their names with commas between.
#[server(name = DeleteTags, prefix = "/api/web", endpoint = "delete-tags")]
pub async fn delete_tags(name: RepositoryName, tags: String) -> Result<(), AppError> {
    let count = delete(&name, &tags).await.map_err(failed)?;
    leptos_axum::redirect(&addresses::tags_deleted(name.as_str(), count));
    Ok(())
}

/// Points a tag again at a digest that it pointed to before.
#[server(name = RestoreTag, prefix = "/api/web", endpoint = "restore-tag")]
pub async fn restore_tag(name: RepositoryName, tag: Tag, digest: String) -> Result<(), AppError> {
    restore(&name, &tag, &digest).await.map_err(failed)?;
    lead_form(&addresses::tag(name.as_str(), tag.as_str()));
    Ok(())
}

#[cfg(feature = "ssr")]
async fn load_tags(
    name: RepositoryName,
    part: String,
    sort: TagSort,
    after: Option<String>,
) -> Result<TagsPage, AppError> {
    let (hub, caller) = current().await?;
    let (grant, repository) = open(&hub, &caller, &name).await?;
    let query = TagQuery {
        order: match sort {
            TagSort::Version => TagOrder::Version,
            TagSort::Newest => TagOrder::Newest,
            TagSort::Name => TagOrder::Name,
        },
        part: part.trim().to_owned(),
        after: after.as_deref().and_then(read_place),
        limit: PAGE_LEN + 1,
    };
    let mut found = hub.tags.find_some(&grant, &query).await?;
    let most = PAGE_LEN as usize;
    let has_more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| has_more).map(place_of);
    Ok(TagsPage {
        head: head(&hub, &caller, &grant, repository).await?,
        part: query.part,
        sort,
        tags: found.into_iter().map(TagRow::from).collect(),
        next,
    })
}

/// Writes where a page ended: the time of the tag's push, and its name.
#[cfg(feature = "ssr")]
fn place_of(tag: &TagSummary) -> String {
    format!("{}:{}", tag.pushed_ms, tag.name)
}

#[cfg(feature = "ssr")]
fn read_place(text: &str) -> Option<(Tag, i64)> {
    let (ms, name) = text.split_once(':')?;
    Some((name.parse().ok()?, ms.parse().ok()?))
}

#[cfg(feature = "ssr")]
async fn load_tag(
    name: RepositoryName,
    tag: Tag,
    platform: Option<String>,
) -> Result<TagAddress, AppError> {
    let (hub, caller) = current().await?;
    let (grant, repository) = open(&hub, &caller, &name).await?;
    let history = hub.history.of_tag(&grant, &tag, None, HISTORY_LEN).await?;
    let history: Vec<MoveRow> = history.into_iter().map(MoveRow::from).collect();
    let summary = match hub.tags.find(&grant, &tag).await {
        Err(ImageError::ManifestUnknown { .. }) if !history.is_empty() => {
            let head = head(&hub, &caller, &grant, repository).await?;
            let tag = tag.to_string();
            return Ok(TagAddress::Gone(Box::new(GoneTag { head, tag, history })));
        }
        found => found?,
    };
    let shown = image::load(&hub, &grant, &summary.digest, platform.as_deref()).await?;
    Ok(TagAddress::There(Box::new(TagPage {
        head: head(&hub, &caller, &grant, repository).await?,
        media_type: summary.media_type.to_string(),
        attached: image::attached(&hub, &grant, &summary.digest).await?,
        tag: summary.into(),
        platforms: shown.platforms,
        image: shown.image,
        manifest: shown.manifest,
        history,
    })))
}

#[cfg(feature = "ssr")]
async fn load_activity(
    name: RepositoryName,
    before: Option<String>,
) -> Result<ActivityPage, AppError> {
    let (hub, caller) = current().await?;
    let (grant, repository) = open(&hub, &caller, &name).await?;
    let before = before.as_deref().and_then(read_place);
    let before = before.as_ref().map(|(tag, ms)| (*ms, tag));
    let found = hub.history.of_repository(&grant, before, MOVES_LEN).await?;
    let full = found.len() == MOVES_LEN as usize;
    let next = found.last().filter(|_| full);
    Ok(ActivityPage {
        head: head(&hub, &caller, &grant, repository).await?,
        next: next.map(|last| format!("{}:{}", last.moved_ms, last.tag)),
        moves: found.into_iter().map(MoveRow::from).collect(),
    })
}

#[cfg(feature = "ssr")]
async fn load_deletion(name: RepositoryName, tags: &str) -> Result<DeletionPage, AppError> {
    let (hub, caller) = current().await?;
    let (grant, repository) = open(&hub, &caller, &name).await?;
    let delete = may::<Delete>(&hub, &caller, &name).await?;
    let reclaimed = hub
        .blobs
        .reclaimed_by_tags(&delete, &read_tags(tags)?)
        .await?;
    Ok(DeletionPage {
        head: head(&hub, &caller, &grant, repository).await?,
        tags: reclaimed.tags.into_iter().map(TagRow::from).collect(),
        manifests: reclaimed.manifests,
        freed_bytes: reclaimed.bytes,
    })
}

#[cfg(feature = "ssr")]
async fn delete(name: &RepositoryName, tags: &str) -> Result<u64, AppError> {
    let (hub, caller) = current().await?;
    let grant = may::<Delete>(&hub, &caller, name).await?;
    Ok(hub.tags.delete_all(&grant, &read_tags(tags)?).await?)
}

#[cfg(feature = "ssr")]
fn read_tags(text: &str) -> Result<Vec<Tag>, AppError> {
    let tags: Result<Vec<Tag>, _> = text
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::parse)
        .collect();
    let tags = tags.map_err(AppError::refused)?;
    if tags.len() > DELETED_MAX {
        let text = format!("at most {DELETED_MAX} tags can be deleted at once");
        return Err(AppError::refused(text));
    }
    Ok(tags)
}

#[cfg(feature = "ssr")]
async fn restore(name: &RepositoryName, tag: &Tag, digest: &str) -> Result<(), AppError> {
    let (hub, caller) = current().await?;
    may::<Pull>(&hub, &caller, name).await?;
    let grant = may::<Push>(&hub, &caller, name).await?;
    let digest: Digest = digest.parse().map_err(AppError::refused)?;
    hub.history.restore(&grant, tag, &digest).await?;
    Ok(())
}
