//! How far an upload is, and what became of it.

use leptos::prelude::*;
use leptos::serde_json;

use crate::web::addresses;
use crate::web::browser::{self, Chosen, Sending};
use crate::web::commands::{self, Image};
use crate::web::components::byte_size::{ByteSize, human};
use crate::web::components::command_tabs::CommandTabs;
use crate::web::components::digest::ShortDigest;
use crate::web::components::notice::{ErrorNotice, SuccessNotice};
use crate::web::components::table_scroll::TableScroll;
use crate::web::dto::{ApiErrors, Import, ImportedImage, ServerAddress};

/// What an upload is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum Upload {
    Idle,
    Sending {
        file_name: String,
        sent: f64,
        total: f64,
        elapsed_ms: f64,
    },
    Done(Import),
    Failed(String),
    Cancelled,
}

impl Upload {
    /// Is the start of an upload.
    pub fn sending(file: Chosen) -> Self {
        Self::Sending {
            file_name: file.name,
            sent: 0.0,
            total: file.size_bytes,
            elapsed_ms: 0.0,
        }
    }

    pub const fn is_sending(&self) -> bool {
        matches!(self, Self::Sending { .. })
    }

    /// Takes in what the browser reports.
    pub fn advance(&mut self, news: Sending) {
        *self = match (news, std::mem::replace(self, Self::Idle)) {
            (
                Sending::Progress {
                    sent,
                    total,
                    elapsed_ms,
                },
                Self::Sending { file_name, .. },
            ) => Self::Sending {
                file_name,
                sent,
                total,
                elapsed_ms,
            },
            (Sending::Progress { .. }, other) => other,
            (Sending::Answered { status, body }, _) => Self::answered(status, &body),
            (Sending::Broken, _) => Self::Failed(
                "The connection broke before everything was sent. Check it, then upload again."
                    .to_owned(),
            ),
            (Sending::Cancelled, _) => Self::Cancelled,
        };
    }

    fn answered(status: u16, body: &str) -> Self {
        if status == 201 {
            return serde_json::from_str(body).map_or_else(
                |_| Self::Failed("The server's answer could not be read.".to_owned()),
                Self::Done,
            );
        }
        let told = serde_json::from_str::<ApiErrors>(body).ok();
        let message = told
            .and_then(|told| told.errors.into_iter().next())
            .map(|e| e.message);
        Self::Failed(
            message.unwrap_or_else(|| format!("The server answered with status {status}.")),
        )
    }
}

/// Shows an upload from its start to its result.
#[component]
pub fn UploadStatus(upload: RwSignal<Upload>, server: ServerAddress) -> impl IntoView {
    // One view for all of the sending, so that its button keeps the focus.
    let is_sending = Memo::new(move |_| upload.read().is_sending());
    view! {
        <Show when=move || is_sending.get()>
            <SendingView upload />
        </Show>
        {move || match upload.get() {
            Upload::Idle | Upload::Sending { .. } => ().into_any(),
            Upload::Cancelled => {
                view! { <ErrorNotice message="Cancelled. Nothing was kept under a tag." /> }.into_any()
            }
            Upload::Failed(message) => view! { <ErrorNotice message /> }.into_any(),
            Upload::Done(import) => {
                let server = server.clone();
                view! { <UploadResult import server /> }.into_any()
            }
        }}
    }
}

#[component]
fn SendingView(upload: RwSignal<Upload>) -> impl IntoView {
    let numbers = move || match upload.get() {
        Upload::Sending {
            file_name,
            sent,
            total,
            elapsed_ms,
        } => (file_name, sent, total, elapsed_ms),
        Upload::Idle | Upload::Done(_) | Upload::Failed(_) | Upload::Cancelled => {
            (String::new(), 0.0, 0.0, 0.0)
        }
    };
    let percent = move || {
        let (_, sent, total, _) = numbers();
        if total > 0.0 {
            format!("{:.0} %", (sent / total * 100.0).floor())
        } else {
            String::new()
        }
    };
    let facts = move || {
        let (_, sent, total, elapsed_ms) = numbers();
        describe(sent, total, elapsed_ms)
    };
    view! {
        <section class="upload-progress" aria-label="Progress">
            <div class="upload-head">
                <strong class="upload-file">{move || numbers().0}</strong>
                <span class="upload-percent">{percent}</span>
            </div>
            <progress
                aria-label="Sent"
                prop:value=move || numbers().1
                prop:max=move || numbers().2.max(1.0)
            ></progress>
            <p class="upload-facts">{facts}</p>
            <button type="button" class="button" on:click=|_| browser::cancel()>
                "Cancel"
            </button>
        </section>
    }
}

#[component]
fn UploadResult(import: Import, server: ServerAddress) -> impl IntoView {
    let count = import.images.len();
    let message = if count == 1 {
        "One image is here.".to_owned()
    } else {
        format!("{count} images are here.")
    };
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
        <section class="upload-result" aria-label="Result">
            <SuccessNotice message />
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
            {tabs.map(|tabs| view! { <CommandTabs name="pull-with" legend="Pull with" tabs /> })}
        </section>
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

/// Says how much of how much, how fast, and how long still.
fn describe(sent: f64, total: f64, elapsed_ms: f64) -> String {
    let amount = format!("{} of {}", human(whole(sent)), human(whole(total)));
    if sent >= total {
        return format!("{amount}, the server is storing it");
    }
    // In the first half second a rate says nothing.
    if elapsed_ms < 500.0 || sent <= 0.0 {
        return amount;
    }
    let rate = sent / (elapsed_ms / 1000.0);
    let left = duration(whole((total - sent) / rate));
    format!(
        "{amount} \u{b7} {}/s \u{b7} {left} left",
        human(whole(rate))
    )
}

fn duration(secs: u64) -> String {
    match secs {
        0 | 1 => "a second".to_owned(),
        2..60 => format!("{secs} seconds"),
        60..3600 => format!("{} min {} s", secs / 60, secs % 60),
        _ => format!("{} h {} min", secs / 3600, secs / 60 % 60),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "browsers count bytes in floats; the cast saturates"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_progress() {
        assert_eq!(describe(1e6, 1e8, 100.0), "1.0 MB of 100.0 MB");
        let text = describe(2e7, 1e8, 2000.0);
        assert_eq!(
            text,
            "20.0 MB of 100.0 MB \u{b7} 10.0 MB/s \u{b7} 8 seconds left"
        );
        assert_eq!(
            describe(1e8, 1e8, 9000.0),
            "100.0 MB of 100.0 MB, the server is storing it"
        );
    }

    #[test]
    fn shows_the_servers_own_words() {
        let mut upload = Upload::sending(Chosen {
            name: "a.tar".to_owned(),
            size_bytes: 1.0,
        });
        let body = r#"{"errors":[{"code":"DENIED","message":"not yours","detail":null}]}"#;
        upload.advance(Sending::Answered {
            status: 403,
            body: body.to_owned(),
        });
        assert_eq!(upload, Upload::Failed("not yours".to_owned()));
    }
}
