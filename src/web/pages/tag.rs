//! `/r/{repository}/-/tags/{tag}`: one image.

use dockyard_oci::{RepositoryName, Tag, Visibility};
use leptos::prelude::*;

use crate::web::addresses;
use crate::web::api::repositories::tag as load_tag;
use crate::web::commands::{self, Image};
use crate::web::components::byte_size::ByteSize;
use crate::web::components::command_tabs::CommandTabs;
use crate::web::components::digest::ShortDigest;
use crate::web::components::loaded::loaded;
use crate::web::components::page_head::RepositoryPageHead;
use crate::web::components::relative_time::RelativeTime;
use crate::web::components::tag_table::{DownloadLink, PushedBy};
use crate::web::dto::{LayerRow, PlatformRow, TagPage};
use crate::web::session::Session;

/// Loads one tag.
#[component]
pub fn TagLoader(name: RepositoryName, tag: Tag) -> impl IntoView {
    let session = Session::here();
    let page = Resource::new_blocking(
        move || session.version(),
        move |_| load_tag(name.clone(), tag.clone()),
    );
    loaded(page, |page: TagPage| view! { <TagView page /> })
}

#[component]
fn TagView(page: TagPage) -> impl IntoView {
    let repository = page.head.card.name.clone();
    let full_name = format!("{repository}:{}", page.tag.name);
    let account = (page.head.card.visibility == Visibility::Private)
        .then_some(page.head.viewer.user.as_deref())
        .flatten();
    let pull = |image: Image| commands::pull(&page.head.viewer.server, &image, account);
    let by_tag = pull(Image::Tagged {
        repository: repository.clone(),
        tag: page.tag.name.clone(),
    });
    let by_digest = pull(Image::Pinned {
        repository: repository.clone(),
        digest: page.tag.digest.clone(),
    });
    let (layers, platforms) = (page.layers.clone(), page.platforms.clone());
    view! {
        <RepositoryPageHead repository=&page.head.card title=full_name.clone() path=addresses::tag(&repository, &page.tag.name) />
        <TagHead repository tag=page.tag.name.clone() />
        <TagFacts page />
        <section class="section">
            <div class="section-head">
                <h2>"Pull"</h2>
            </div>
            <CommandTabs name="pull-with" legend="Pull with" tabs=by_tag />
        </section>
        <section class="section">
            <div class="section-head">
                <h2>"Pull exactly this image"</h2>
            </div>
            <CommandTabs name="pin-with" legend="Pull by digest with" tabs=by_digest />
        </section>
        {(!layers.is_empty()).then(|| view! { <Layers layers /> })}
        {(!platforms.is_empty()).then(|| view! { <Platforms platforms /> })}
    }
}

#[component]
fn TagHead(repository: String, tag: String) -> impl IntoView {
    let (owner, name) = repository.split_once('/').unwrap_or_default();
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
            <div class="page-actions">
                <DownloadLink repository=repository.clone() tag />
            </div>
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
                    <ShortDigest digest=tag.digest short=tag.digest_short />
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
                    {tag.pushed_by.map(|name| view! { <PushedBy name /> })}
                </dd>
            </div>
            <div>
                <dt>"Media type"</dt>
                <dd>
                    <code>{page.media_type}</code>
                </dd>
            </div>
        </dl>
    }
}

#[component]
fn Layers(layers: Vec<LayerRow>) -> impl IntoView {
    let total: u64 = layers.iter().map(|layer| layer.size_bytes).sum();
    let rows = layers.into_iter().enumerate().map(|(at, layer)| {
        view! {
            <tr>
                <td class="col-index">{(at + 1).to_string()}</td>
                <td class="col-digest">
                    <ShortDigest digest=layer.digest short=layer.digest_short />
                </td>
                <td class="col-size">
                    <ByteSize bytes=layer.size_bytes />
                </td>
                <td class="col-share">
                    <progress
                        class="share"
                        aria-label="Share of the whole"
                        value=layer.size_bytes.to_string()
                        max=total.max(1).to_string()
                    ></progress>
                </td>
                <td class="col-type">
                    <code>{layer.media_type}</code>
                </td>
            </tr>
        }
    });
    view! {
        <section class="section">
            <div class="section-head">
                <h2>"Layers"</h2>
            </div>
            <div class="table-scroll">
                <table class="layer-table">
                    <thead>
                        <tr>
                            <th scope="col" class="col-index">"#"</th>
                            <th scope="col" class="col-digest">"Digest"</th>
                            <th scope="col" class="col-size">"Size"</th>
                            <th scope="col" class="col-share">"Share"</th>
                            <th scope="col" class="col-type">"Type"</th>
                        </tr>
                    </thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
}

#[component]
fn Platforms(platforms: Vec<PlatformRow>) -> impl IntoView {
    let rows = platforms.into_iter().map(|platform| {
        view! {
            <tr>
                <th scope="row" class="col-platform">{platform.name}</th>
                <td class="col-digest">
                    <ShortDigest digest=platform.digest short=platform.digest_short />
                </td>
            </tr>
        }
    });
    view! {
        <section class="section">
            <div class="section-head">
                <h2>"Platforms"</h2>
            </div>
            <div class="table-scroll">
                <table class="platform-table">
                    <thead>
                        <tr>
                            <th scope="col" class="col-platform">"Platform"</th>
                            <th scope="col" class="col-digest">"Digest"</th>
                        </tr>
                    </thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
}
