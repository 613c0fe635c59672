//! The files that are being sent.

use leptos::prelude::*;

use super::result::UploadResult;
use super::state::{Failure, Upload};
use crate::web::browser::{self, Chosen, whole};
use crate::web::components::byte_size::human;
use crate::web::components::notice::ErrorNotice;
use crate::web::dto::ServerAddress;

/// A file of the form.
#[derive(Clone)]
pub struct Row {
    pub file: Chosen,
    pub upload: RwSignal<Upload>,
}

/// Shows each file from its start to its result.
#[component]
pub fn UploadList(
    rows: RwSignal<Vec<Row>>,
    server: ServerAddress,
    /// Sends the file again, for one image of it.
    choose: Callback<String>,
) -> impl IntoView {
    move || {
        let rows = rows.get().into_iter().enumerate();
        rows.map(|(place, row)| view! { <UploadRow place row server=server.clone() choose /> })
            .collect_view()
    }
}

#[component]
fn UploadRow(
    place: usize,
    row: Row,
    server: ServerAddress,
    choose: Callback<String>,
) -> impl IntoView {
    let Row { file, upload } = row;
    let (name, size_bytes) = (file.name, file.size_bytes);
    // One view for all of the sending, so that its button keeps the focus.
    let is_open = Memo::new(move |_| upload.read().is_open());
    let sending = {
        let name = name.clone();
        move || {
            let name = name.clone();
            is_open
                .get()
                .then(|| view! { <SendingView place name size_bytes upload /> })
        }
    };
    let label = name.clone();
    view! {
        <section class="upload-row" aria-label=label>
            {sending}
            {move || match upload.get() {
                Upload::Queued | Upload::Sending { .. } => ().into_any(),
                Upload::Cancelled => {
                    let message = format!("{name}: cancelled. Nothing was kept under a tag.");
                    view! { <ErrorNotice message /> }.into_any()
                }
                Upload::Failed(Failure { message, images }) => {
                    let message = format!("{name}: {message}");
                    view! {
                        <ErrorNotice message />
                        <Choices images choose />
                    }
                        .into_any()
                }
                Upload::Done(import) => {
                    let (server, file_name) = (server.clone(), name.clone());
                    view! { <UploadResult file_name import server /> }.into_any()
                }
            }}
        </section>
    }
}

/// Offers the images of a file, of which one must be chosen.
#[component]
fn Choices(images: Vec<String>, choose: Callback<String>) -> impl IntoView {
    let buttons = images
        .iter()
        .cloned()
        .map(|image| {
            let label = format!("Store {image}");
            view! {
                <button type="button" class="button" on:click=move |_| choose.run(image.clone())>
                    {label}
                </button>
            }
        })
        .collect_view();
    (!images.is_empty()).then(|| view! { <div class="upload-choices">{buttons}</div> })
}

#[component]
fn SendingView(
    place: usize,
    name: String,
    size_bytes: f64,
    upload: RwSignal<Upload>,
) -> impl IntoView {
    let percent = move || {
        let (sent, total) = upload.read().bytes();
        if total > 0.0 {
            format!("{:.0} %", (sent / total * 100.0).floor())
        } else {
            String::new()
        }
    };
    let facts = move || match &*upload.read() {
        Upload::Queued => format!("{} \u{b7} comes next", human(whole(size_bytes))),
        upload => upload.facts(),
    };
    view! {
        <div class="upload-progress">
            <div class="upload-head">
                <strong class="upload-file">{name.clone()}</strong>
                <span class="upload-percent">{percent}</span>
            </div>
            <progress
                aria-label=format!("Sent of {name}")
                prop:value=move || upload.read().bytes().0
                prop:max=move || upload.read().bytes().1.max(1.0)
            ></progress>
            <p class="upload-facts">{facts}</p>
            <button
                type="button"
                class="button"
                aria-label=format!("Cancel {name}")
                on:click=move |_| {
                    browser::cancel(place);
                    if upload.get_untracked() == Upload::Queued {
                        upload.set(Upload::Cancelled);
                    }
                }
            >
                "Cancel"
            </button>
        </div>
    }
}
