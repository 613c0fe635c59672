//! What happened to tags.

use leptos::form::ActionForm;
use leptos::prelude::*;

use super::byte_size::ByteSize;
use super::digest::{ShortDigest, short};
use super::icon::Icon;
use super::relative_time::RelativeTime;
use super::table_scroll::TableScroll;
use super::tag_table::By;
use crate::web::addresses;
use crate::web::api::tags::RestoreTag;
use crate::web::dto::{MoveRow, Moved, NewsRow};

/// Lists moves of one repository's tags, newest first.
#[component]
pub fn MoveTable(repository: String, moves: Vec<MoveRow>) -> impl IntoView {
    let rows = moves.into_iter().map(move |one| {
        let tag = one.tag.clone();
        let href = addresses::tag(&repository, &tag);
        view! {
            <tr>
                <th scope="row" class="col-tag">
                    <a href=href>{tag}</a>
                </th>
                <td class="col-move">
                    <MoveName moved=one.moved />
                </td>
                <td class="col-digest">
                    {one.digest.map(|digest| view! { <ShortDigest digest /> })}
                </td>
                <td class="col-pushed">
                    <RelativeTime moment=one.at />
                    {one.by.map(|name| view! { <By name /> })}
                </td>
            </tr>
        }
    });
    view! {
        <TableScroll label="Activity">
            <table class="move-table">
                <thead>
                    <tr>
                        <th scope="col">"Tag"</th>
                        <th scope="col">"What"</th>
                        <th scope="col">"Digest"</th>
                        <th scope="col">"When"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </TableScroll>
    }
}

/// Lists what one tag pointed to, newest first, and puts back what is still kept.
#[component]
pub fn TagHistory(
    repository: String,
    tag: String,
    /// What the tag points to now.
    current: String,
    moves: Vec<MoveRow>,
    /// Given to those who may restore.
    #[prop(optional_no_strip)]
    restore: Option<ServerAction<RestoreTag>>,
) -> impl IntoView {
    let rows = moves.into_iter().map(move |one| {
        let is_current = one.digest.as_ref() == Some(&current);
        let put_back = one
            .digest
            .clone()
            .filter(|_| !is_current && one.kept_bytes.is_some());
        let (repository, tag) = (repository.clone(), tag.clone());
        let button = restore.zip(put_back).map(|(action, digest)| {
            view! { <RestoreForm action repository tag digest /> }
        });
        view! {
            <tr>
                <td class="col-pushed">
                    <RelativeTime moment=one.at />
                    {one.by.map(|name| view! { <By name /> })}
                </td>
                <td class="col-move">
                    <MoveName moved=one.moved />
                </td>
                <td class="col-digest">
                    {one.digest.map(|digest| view! { <ShortDigest digest /> })}
                </td>
                <td class="col-size">
                    {match (one.kept_bytes, one.moved) {
                        (Some(bytes), _) => view! { <ByteSize bytes /> }.into_any(),
                        (None, Moved::Deleted) => ().into_any(),
                        (None, _) => view! { <span class="faint">"not kept"</span> }.into_any(),
                    }}
                </td>
                <td class="col-actions">
                    {is_current.then(|| view! { <span class="badge">"Now"</span> })} {button}
                </td>
            </tr>
        }
    });
    view! {
        <TableScroll label="History">
            <table class="history-table">
                <thead>
                    <tr>
                        <th scope="col">"When"</th>
                        <th scope="col">"What"</th>
                        <th scope="col">"Digest"</th>
                        <th scope="col" class="col-size">
                            "Size"
                        </th>
                        <th scope="col">
                            <span class="visually-hidden">"Restore"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </TableScroll>
    }
}

#[component]
fn RestoreForm(
    action: ServerAction<RestoreTag>,
    repository: String,
    tag: String,
    digest: String,
) -> impl IntoView {
    let label = format!("Restore {tag} to {}", short(&digest));
    view! {
        <ActionForm action=action>
            <input type="hidden" name="name" value=repository />
            <input type="hidden" name="tag" value=tag />
            <input type="hidden" name="digest" value=digest />
            <button
                type="submit"
                class="button button-small"
                aria-label=label
            >
                <Icon name="rotate-ccw" />
                "Restore"
            </button>
        </ActionForm>
    }
}

#[component]
fn MoveName(moved: Moved) -> impl IntoView {
    let (class, text) = match moved {
        Moved::Pushed => ("move", "Pushed"),
        Moved::Restored => ("move move-restored", "Restored"),
        Moved::Deleted => ("move move-deleted", "Deleted"),
    };
    view! { <span class=class>{text}</span> }
}

/// Tells what happened lately in several repositories.
#[component]
pub fn News(news: Vec<NewsRow>) -> impl IntoView {
    let items = news.into_iter().map(|row| view! { <NewsItem row /> });
    view! { <ul class="news">{items.collect_view()}</ul> }
}

#[component]
fn NewsItem(row: NewsRow) -> impl IntoView {
    let verb = match row.moved {
        Moved::Pushed => "pushed",
        Moved::Restored => "restored",
        Moved::Deleted => "deleted",
    };
    let who = row.by.unwrap_or_else(|| "Someone".to_owned());
    let tags = row.tags.into_iter().map(|tag| {
        let href = addresses::tag(&row.repository, &tag);
        view! {
            <a class="tag-name" href=href>
                {tag}
            </a>
        }
    });
    view! {
        <li class="news-item">
            <p>
                <span class="news-who">{who}</span>
                {format!(" {verb} ")}
                <a href=addresses::repository(&row.repository)>{row.repository.clone()}</a>
            </p>
            <p class="news-tags">
                {tags.collect_view()} {(row.more > 0).then(|| format!("and {} more", row.more))}
            </p>
            <RelativeTime moment=row.at />
        </li>
    }
}
