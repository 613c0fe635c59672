//! The table of tags.

use leptos::prelude::*;

use super::byte_size::ByteSize;
use super::digest::ShortDigest;
use super::icon::Icon;
use super::relative_time::RelativeTime;
use crate::web::addresses;
use crate::web::dto::TagRow;

/// Shows tags with digest, size, last push and download.
#[component]
pub fn TagTable(repository: String, tags: Vec<TagRow>) -> impl IntoView {
    let rows = tags.into_iter().map(|tag| {
        let repository = repository.clone();
        view! { <TagTableRow repository tag /> }
    });
    view! {
        <div class="table-scroll">
            <table class="tag-table">
                <thead>
                    <tr>
                        <th scope="col" class="col-tag">"Tag"</th>
                        <th scope="col" class="col-digest">"Digest"</th>
                        <th scope="col" class="col-size">"Size"</th>
                        <th scope="col" class="col-pushed">"Pushed"</th>
                        <th scope="col" class="col-actions">
                            <span class="visually-hidden">"Download"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
}

#[component]
fn TagTableRow(repository: String, tag: TagRow) -> impl IntoView {
    view! {
        <tr>
            <th scope="row" class="col-tag">
                <a href=addresses::tag(&repository, &tag.name)>{tag.name.clone()}</a>
            </th>
            <td class="col-digest">
                <ShortDigest digest=tag.digest short=tag.digest_short />
            </td>
            <td class="col-size">
                <ByteSize bytes=tag.size_bytes />
            </td>
            <td class="col-pushed">
                <RelativeTime moment=tag.pushed />
                {tag.pushed_by.map(|name| view! { <PushedBy name /> })}
            </td>
            <td class="col-actions">
                <DownloadLink repository tag=tag.name />
            </td>
        </tr>
    }
}

/// Names who pushed.
#[component]
pub fn PushedBy(name: String) -> impl IntoView {
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
            class="button button-quiet"
            href=addresses::tarball(&repository, &tag)
            download=""
            aria-label=format!("Download {tag} as a tarball")
        >
            <Icon name="download" />
            <span>"Download"</span>
        </a>
    }
}
