//! `/r/{repository}/-/tags/{tag}`: one image.

mod history;
mod inside;
mod manifest;

use dockyard_oci::{RepositoryName, Tag, Visibility};
use leptos::prelude::*;

use history::{GoneView, HistorySection};
use inside::Inside;
pub use inside::LabelValue;
use manifest::{AttachedSection, ManifestSection};

use crate::web::addresses;
use crate::web::api::tags::{RestoreTag, tag as load_tag};
use crate::web::commands::{self, CommandTab, Image};
use crate::web::components::byte_size::ByteSize;
use crate::web::components::command_tabs::CommandTabs;
use crate::web::components::digest::ShortDigest;
use crate::web::components::loaded::loaded;
use crate::web::components::page_head::RepositoryPageHead;
use crate::web::components::relative_time::RelativeTime;
use crate::web::components::tag_table::{By, DownloadLink};
use crate::web::dto::{PlatformRow, TagAddress, TagPage};
use crate::web::load::load;
use crate::web::query::page_query;
use crate::web::session::Session;

/// Loads one tag, and of an index the image for the platform in `?platform=`.
#[component]
pub fn TagLoader(name: RepositoryName, tag: Tag) -> impl IntoView {
    let session = Session::here();
    let query = page_query();
    let platform = Memo::new(move |_| query.read().get("platform"));
    let restore = ServerAction::<RestoreTag>::new();
    let restored = restore.version();
    let page = load(
        move || (platform.get(), session.version(), restored.get()),
        move |(platform, ..)| load_tag(name.clone(), tag.clone(), platform),
    );
    loaded(page, move |page: TagAddress| match page {
        TagAddress::There(page) => view! { <TagView page=*page restore /> }.into_any(),
        TagAddress::Gone(page) => view! { <GoneView page=*page restore /> }.into_any(),
    })
}

#[component]
fn TagView(page: TagPage, restore: ServerAction<RestoreTag>) -> impl IntoView {
    let repository = page.head.card.name.clone();
    let full_name = format!("{repository}:{}", page.tag.name);
    let restore = page.head.may_change.then_some(restore);
    view! {
        <RepositoryPageHead
            title=full_name
            path=addresses::tag(&repository, &page.tag.name)
            head=page.head.clone()
        />
        <TagHead repository=repository.clone() tag=page.tag.name.clone() />
        <TagFacts page=page.clone() />
        <PullSection page=page.clone() />
        <PlatformSwitch
            repository=repository.clone()
            tag=page.tag.name.clone()
            platforms=page.platforms.clone()
        />
        {page.image.map(|image| view! { <Inside image /> })}
        <AttachedSection repository=repository.clone() attached=page.attached />
        <HistorySection
            repository=repository.clone()
            tag=page.tag.name.clone()
            current=page.tag.digest.clone()
            moves=page.history
            restore
        />
        <ManifestSection repository digest=page.tag.digest text=page.manifest />
    }
}

/// Shows the way here, and the full name.
#[component]
fn TagHead(repository: String, tag: String, #[prop(optional)] gone: bool) -> impl IntoView {
    let (owner, name) = repository.split_once('/').unwrap_or_default();
    let download =
        (!gone).then(|| view! { <DownloadLink repository=repository.clone() tag=tag.clone() /> });
    view! {
        <header class="page-head">
            <nav class="breadcrumbs" aria-label="Breadcrumb">
                <ol>
                    <li>
                        <a href=addresses::user(owner)>{owner.to_owned()}</a>
                    </li>
                    <li>
                        <a href=addresses::repository(&repository)>{name.to_owned()}</a>
                    </li>
                    <li>
                        <a href=addresses::tags(&repository)>"tags"</a>
                    </li>
                    <li aria-current="page">{tag.clone()}</li>
                </ol>
            </nav>
            <div class="page-title">
                <h1>{format!("{repository}:{tag}")}</h1>
            </div>
            <div class="page-actions">{download}</div>
        </header>
    }
}

#[component]
fn TagFacts(page: TagPage) -> impl IntoView {
    let tag = page.tag;
    view! {
        <dl class="facts">
            <div>
                <dt>"Digest"</dt>
                <dd>
                    <ShortDigest digest=tag.digest />
                </dd>
            </div>
            <div>
                <dt>"Size"</dt>
                <dd>
                    <ByteSize bytes=tag.size_bytes />
                </dd>
            </div>
            <div>
                <dt>"Pushed"</dt>
                <dd>
                    <RelativeTime moment=tag.pushed />
                    {tag.pushed_by.map(|name| view! { <By name /> })}
                </dd>
            </div>
            <div>
                <dt>"Last pulled"</dt>
                <dd>
                    {match tag.pulled {
                        Some(moment) => view! { <RelativeTime moment /> }.into_any(),
                        None => "never".into_any(),
                    }}
                </dd>
            </div>
            <div>
                <dt>{if tag.artifact.is_some() { "Artifact" } else { "Media type" }}</dt>
                <dd>
                    {match tag.artifact {
                        Some(artifact) => artifact.into_any(),
                        None => view! { <code>{page.media_type}</code> }.into_any(),
                    }}
                </dd>
            </div>
        </dl>
    }
}

/// Shows how to pull by tag, and exactly this image.
#[component]
fn PullSection(page: TagPage) -> impl IntoView {
    let by_tag = pull_commands(&page, |repository| Image::Tagged {
        repository,
        tag: page.tag.name.clone(),
    });
    let by_digest = pull_commands(&page, |repository| Image::Pinned {
        repository,
        digest: page.tag.digest.clone(),
    });
    view! {
        <section class="section">
            <div class="section-head">
                <h2>"Pull"</h2>
            </div>
            <CommandTabs name="pull-with" legend="Pull with" tabs=by_tag />
            <details class="more">
                <summary>"Pull exactly this image, by digest"</summary>
                <CommandTabs name="pin-with" legend="Pull by digest with" tabs=by_digest />
            </details>
        </section>
    }
}

fn pull_commands(page: &TagPage, image: impl Fn(String) -> Image) -> Vec<CommandTab> {
    let account = (page.head.card.visibility == Visibility::Private)
        .then_some(page.head.viewer.user.as_deref())
        .flatten();
    let image = image(page.head.card.name.clone());
    commands::fetch(
        &page.head.viewer.server,
        &image,
        account,
        page.tag.artifact.as_deref(),
    )
}

/// Leads to the images of an index.
#[component]
fn PlatformSwitch(repository: String, tag: String, platforms: Vec<PlatformRow>) -> impl IntoView {
    if platforms.is_empty() {
        return ().into_any();
    }
    let links = platforms.into_iter().map(|row| {
        let href = addresses::tag_on(&repository, &tag, &row.key);
        view! {
            <a
                class="tab"
                href=href
                title=row.digest
                aria-current=row.is_shown.then_some("page")
            >
                {row.name}
            </a>
        }
    });
    view! {
        <section class="section">
            <div class="section-head">
                <h2>"Platforms"</h2>
            </div>
            <nav class="tabs platform-tabs" aria-label="Platforms">
                {links.collect_view()}
            </nav>
        </section>
    }
    .into_any()
}
