//! The table of tags.

use leptos::prelude::*;

use super::byte_size::{ByteSize, human};
use super::digest::ShortDigest;
use super::icon::Icon;
use super::platforms::Platforms;
use super::relative_time::RelativeTime;
use super::table_scroll::TableScroll;
use crate::web::addresses;
use crate::web::dto::TagRow;

/// What a table of tags is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagTableUse {
    Read,
    /// Each row has a box to tick, named `tag`, and a way to delete it.
    Select,
}

/// Shows tags with platforms, digest, size, last push, last pull and download.
#[component]
pub fn TagTable(repository: String, tags: Vec<TagRow>, usage: TagTableUse) -> impl IntoView {
    let selects = usage == TagTableUse::Select;
    let rows = tags.into_iter().map(move |tag| {
        let repository = repository.clone();
        view! { <TagTableRow repository tag usage /> }
    });
    view! {
        <TableScroll label="Tags">
            <table class="tag-table" class:selectable=selects>
                <thead>
                    <tr>
                        {selects
                            .then(|| {
                                view! {
                                    <td class="col-select">
                                        <SelectAll />
                                    </td>
                                }
                            })} <th scope="col">"Tag"</th> <th scope="col">"Platforms"</th>
                        <th scope="col">"Digest"</th> <th scope="col" class="col-size">
                            "Size"
                        </th> <th scope="col">"Pushed"</th> <th scope="col">"Last pulled"</th>
                        <th scope="col">
                            <span class="visually-hidden">"Actions"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </TableScroll>
    }
}

#[component]
fn TagTableRow(repository: String, tag: TagRow, usage: TagTableUse) -> impl IntoView {
    let selects = usage == TagTableUse::Select;
    view! {
        <tr>
            {selects
                .then(|| {
                    view! {
                        <td class="col-select">
                            <input
                                type="checkbox"
                                name="tag"
                                value=tag.name.clone()
                                aria-label=format!("Select {}", tag.name)
                                autocomplete="off"
                            />
                        </td>
                    }
                })} <th scope="row" class="col-tag">
                <a href=addresses::tag(&repository, &tag.name)>{tag.name.clone()}</a>
            </th> <td class="col-platforms">
                {match tag.artifact {
                    Some(artifact) => view! { <span class="artifact">{artifact}</span> }.into_any(),
                    None => view! { <Platforms platforms=tag.platforms /> }.into_any(),
                }}
            </td> <td class="col-digest">
                <ShortDigest digest=tag.digest />
            </td> <td class="col-size">
                <ByteSize bytes=tag.size_bytes />
            </td> <td class="col-pushed">
                <RelativeTime moment=tag.pushed />
                {tag.pushed_by.map(|name| view! { <By name /> })}
            </td> <td class="col-pulled">
                {match tag.pulled {
                    Some(moment) => view! { <RelativeTime moment /> }.into_any(),
                    None => view! { <span class="faint">"never"</span> }.into_any(),
                }}
            </td> <td class="col-actions">
                <RowActions repository tag=tag.name usage />
            </td>
        </tr>
    }
}

#[component]
fn RowActions(repository: String, tag: String, usage: TagTableUse) -> impl IntoView {
    let delete = (usage == TagTableUse::Select).then(|| {
        let label = format!("Delete {tag}");
        view! {
            <a
                class="button-icon"
                href=addresses::delete_tag(&repository, &tag)
                aria-label=label.clone()
                title=label
            >
                <Icon name="trash-2" />
            </a>
        }
    });
    let label = format!("Download {tag} as a tarball");
    view! {
        <span class="row-actions">
            <a
                class="button-icon"
                href=addresses::tarball(&repository, &tag)
                download=""
                aria-label=label.clone()
                title=label
            >
                <Icon name="download" />
            </a>
            {delete}
        </span>
    }
}

/// Ticks all boxes of its form, or none. There once the page is hydrated.
#[component]
fn SelectAll() -> impl IntoView {
    let works = RwSignal::new(false);
    Effect::new(move |_| works.set(true));
    view! {
        <input
            type="checkbox"
            aria-label="Select all on this page"
            title="Select all on this page"
            autocomplete="off"
            hidden=move || !works.get()
            on:change=move |event| crate::web::browser::tick_all(event_target_checked(&event))
        />
    }
}

/// Lists a few tags, a line each.
#[component]
pub fn TagList(repository: String, tags: Vec<TagRow>) -> impl IntoView {
    let items = tags.into_iter().map(|tag| {
        view! {
            <li>
                <a class="tag-name" href=addresses::tag(&repository, &tag.name)>
                    {tag.name.clone()}
                </a>
                <span class="tag-list-facts">
                    {human(tag.size_bytes)} " · " <RelativeTime moment=tag.pushed />
                </span>
            </li>
        }
    });
    view! { <ul class="tag-list">{items.collect_view()}</ul> }
}

/// Names who did something.
#[component]
pub fn By(name: String) -> impl IntoView {
    view! {
        " "
        <span class="by">"by " <a href=addresses::user(&name)>{name.clone()}</a></span>
    }
}

/// Fetches a tag as a tarball.
#[component]
pub fn DownloadLink(repository: String, tag: String) -> impl IntoView {
    view! {
        <a
            class="button"
            href=addresses::tarball(&repository, &tag)
            download=""
            aria-label=format!("Download {tag} as a tarball")
        >
            <Icon name="download" />
            <span>"Download"</span>
        </a>
    }
}
