//! What an upload brought: the images, and how to pull them.

use leptos::prelude::*;

use crate::web::addresses;
use crate::web::commands::{self, Image};
use crate::web::components::byte_size::ByteSize;
use crate::web::components::command_tabs::CommandTabs;
use crate::web::components::digest::ShortDigest;
use crate::web::components::notice::SuccessNotice;
use crate::web::components::table_scroll::TableScroll;
use crate::web::dto::{Import, ImportedImage, ServerAddress};

/// Shows the images that a file held.
#[component]
pub fn UploadResult(file_name: String, import: Import, server: ServerAddress) -> impl IntoView {
    let count = import.images.len();
    let with = match import.attached.len() {
        0 => String::new(),
        1 => ", with one attached artifact".to_owned(),
        several => format!(", with {several} attached artifacts"),
    };
    let message = if count == 1 {
        format!("{file_name}: one image is here{with}.")
    } else {
        format!("{file_name}: {count} images are here{with}.")
    };
    let left_out = (!import.left_out.is_empty()).then(|| {
        let lines = import.left_out.iter().cloned();
        let lines = lines.map(|line| view! { <li>{line}</li> }).collect_view();
        view! {
            <p>"Not everything that the file lists is in it. This was left out:"</p>
            <ul class="left-out">{lines}</ul>
        }
    });
    let group = format!("pull-with {file_name}");
    let tabs = import
        .images
        .first()
        .map(|image| commands::pull(&server, &named(image), None));
    let rows = import
        .images
        .into_iter()
        .map(|image| view! { <ResultRow image /> })
        .collect_view();
    view! {
        <div class="upload-result">
            <SuccessNotice message />
            {left_out}
            <TableScroll label="Result">
                <table class="result-table">
                    <thead>
                        <tr>
                            <th scope="col" class="col-tag">"Image"</th>
                            <th scope="col" class="col-digest">"Digest"</th>
                            <th scope="col" class="col-size">"Size"</th>
                            <th scope="col" class="col-layers">"Layers"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableScroll>
            {tabs.map(|tabs| view! { <CommandTabs name=group legend="Pull with" tabs /> })}
        </div>
    }
}

#[component]
fn ResultRow(image: ImportedImage) -> impl IntoView {
    let (name, href) = match &image.tag {
        Some(tag) => (
            format!("{}:{tag}", image.repository),
            addresses::tag(&image.repository, tag),
        ),
        None => (
            image.repository.clone(),
            addresses::repository(&image.repository),
        ),
    };
    let reused = match image.layers_reused {
        0 => String::new(),
        count => format!(", {count} already here"),
    };
    view! {
        <tr>
            <th scope="row" class="col-tag">
                <a href=href>{name}</a>
            </th>
            <td class="col-digest">
                <ShortDigest digest=image.digest />
            </td>
            <td class="col-size">
                <ByteSize bytes=image.size_bytes />
            </td>
            <td class="col-layers">{format!("{}{reused}", image.layers)}</td>
        </tr>
    }
}

fn named(image: &ImportedImage) -> Image {
    let repository = image.repository.clone();
    match &image.tag {
        Some(tag) => Image::Tagged {
            repository,
            tag: tag.clone(),
        },
        None => Image::Pinned {
            repository,
            digest: image.digest.clone(),
        },
    }
}
