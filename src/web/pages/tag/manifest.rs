//! The manifest itself, and what is attached to it.

use leptos::prelude::*;

use crate::web::addresses;
use crate::web::components::byte_size::ByteSize;
use crate::web::components::digest::ShortDigest;
use crate::web::components::icon::Icon;
use crate::web::components::table_scroll::TableScroll;
use crate::web::dto::AttachedRow;

/// Shows the manifest for people, and leads to it as it was pushed.
#[component]
pub fn ManifestSection(repository: String, digest: String, text: String) -> impl IntoView {
    let raw = addresses::manifest(&repository, &digest);
    let body = if text.is_empty() {
        view! { <p class="section-note">"It is too long for a page."</p> }.into_any()
    } else {
        view! {
            <details class="more">
                <summary>"Show the manifest"</summary>
                <pre class="document" tabindex="0">
                    <code>{text}</code>
                </pre>
            </details>
        }
        .into_any()
    };
    view! {
        <section class="section">
            <div class="section-head">
                <h2>"Manifest"</h2>
                <a class="section-more" href=raw rel="external">
                    "As it was pushed"
                </a>
            </div>
            {body}
        </section>
    }
}

/// Lists signatures, lists of parts and whatever else names this image as its subject.
#[component]
pub fn AttachedSection(repository: String, attached: Vec<AttachedRow>) -> impl IntoView {
    if attached.is_empty() {
        return ().into_any();
    }
    let rows = attached.into_iter().map(move |row| {
        view! {
            <tr>
                <th scope="row">
                    <span class="attached">
                        <Icon name="paperclip" />
                        {row.kind}
                    </span>
                </th>
                <td class="col-digest">
                    <ShortDigest digest=row.digest.clone() />
                </td>
                <td class="col-size">
                    <ByteSize bytes=row.size_bytes />
                </td>
                <td class="col-actions">
                    <a href=addresses::manifest(&repository, &row.digest) rel="external">
                        "Manifest"
                    </a>
                </td>
            </tr>
        }
    });
    view! {
        <section class="section">
            <div class="section-head">
                <h2>"Attached"</h2>
            </div>
            <TableScroll label="Attached">
                <table class="attached-table">
                    <thead>
                        <tr>
                            <th scope="col">"What"</th>
                            <th scope="col">"Digest"</th>
                            <th scope="col" class="col-size">
                                "Size"
                            </th>
                            <th scope="col">
                                <span class="visually-hidden">"Manifest"</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </TableScroll>
        </section>
    }
    .into_any()
}
