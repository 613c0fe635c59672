//! `/upload`: tarballs from the browser. A plain form; with JavaScript it shows how far they are, and goes on after a
//! cut connection.

mod progress;
mod result;
mod state;

use dockyard_oci::{ImageName, Reference, RepositoryName, Tag};
use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::HtmlInputElement;

use self::progress::{Row, UploadList};
use self::state::Upload;
use crate::web::browser::{self, Sending, whole};
use crate::web::components::byte_size::human;
use crate::web::components::failure::LogInFirst;
use crate::web::components::field::Field;
use crate::web::components::icon::Icon;
use crate::web::components::loaded::loaded;
use crate::web::components::notice::ErrorNotice;
use crate::web::components::page_head::PageHead;
use crate::web::dto::{ServerAddress, Viewer};
use crate::web::form::Outcome;
use crate::web::query::page_query;
use crate::web::session::Session;

/// The upload form, for whoever is logged in.
#[component]
pub fn UploadPage() -> impl IntoView {
    view! {
        <PageHead title="Upload an image" />
        {loaded(
            Session::here().viewer,
            |viewer: Viewer| match viewer.user {
                Some(user) => view! { <UploadCard user server=viewer.server /> }.into_any(),
                None => view! { <LogInFirst /> }.into_any(),
            },
        )}
    }
}

#[component]
fn UploadCard(user: String, server: ServerAddress) -> impl IntoView {
    let rows = RwSignal::new(Vec::new());
    let image = NodeRef::<html::Div>::new();
    let choose = Callback::new(move |name: String| again_for(image, &name));
    let query = page_query();
    let refused = move || {
        let is_idle = rows.read().is_empty();
        query.read().get("error").filter(|_| is_idle)
    };
    on_cleanup(browser::leave);
    view! {
        <section class="card">
            <h1>"Upload an image"</h1>
            <p>
                "Choose a tarball made with " <code>"docker save"</code> " or "
                <code>"podman save"</code> ", compressed or not."
            </p>
            {move || refused().map(|message| view! { <ErrorNotice message /> })}
            <Unfinished rows />
            <UploadForm user rows image />
            <UploadList rows server choose />
        </section>
    }
}

/// Tells of files that were cut off by a reload: the browser forgets a file with the page, and not where it was.
#[component]
fn Unfinished(rows: RwSignal<Vec<Row>>) -> impl IntoView {
    let unfinished = RwSignal::new(Vec::new());
    Effect::new(move |_| unfinished.set(browser::unfinished()));
    move || {
        let files = unfinished.get();
        (!files.is_empty() && rows.read().is_empty()).then(|| {
            let files = files.into_iter().map(|(image, file)| {
                let size = human(whole(file.size_bytes));
                view! { <li>{format!("{} ({size}) for {image}", file.name)}</li> }
            });
            view! {
                <div class="notice" role="status">
                    <Icon name="upload" />
                    <div class="unfinished">
                        <p>"Not finished. Choose the same file for the same image, and it goes on where it was."</p>
                        <ul>{files.collect_view()}</ul>
                        <button
                            type="button"
                            class="button"
                            on:click=move |_| {
                                browser::forget_unfinished();
                                unfinished.set(Vec::new());
                            }
                        >
                            "Forget"
                        </button>
                    </div>
                </div>
            }
        })
    }
}

#[component]
fn UploadForm(user: String, rows: RwSignal<Vec<Row>>, image: NodeRef<html::Div>) -> impl IntoView {
    let (repository, tag) = (NodeRef::<html::Div>::new(), NodeRef::<html::Div>::new());
    let file = NodeRef::<html::Input>::new();
    let query = page_query().get_untracked();
    let hint = "A new one is made when there is none of that name. Your own name may be left out.";
    let problem = RwSignal::new(None::<String>);
    let send = {
        let user = user.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            let chosen = typed(image);
            let target = target(&user, &typed(repository), &typed(tag));
            match target.and_then(|target| start(file, &target, &chosen, rows)) {
                Ok(()) => problem.set(None),
                Err(message) => problem.set(Some(message)),
            }
        }
    };
    let is_open = move || {
        rows.read()
            .iter()
            .any(|row: &Row| row.upload.read().is_open())
    };
    view! {
        <form
            class="form upload-form"
            method="post"
            action="/upload"
            enctype="multipart/form-data"
            on:submit=send
        >
            <div node_ref=repository>
                <Field
                    name="repository"
                    label="Repository"
                    value=query.get("repository").unwrap_or_else(|| format!("{user}/"))
                    hint=hint
                    required=true
                    outcome=Outcome::none()
                />
            </div>
            <div node_ref=tag>
                <Field
                    name="tag"
                    label="Tag (optional)"
                    value=query.get("tag").unwrap_or_default()
                    hint="Left empty, the tags are those named in the tarball."
                    maxlength=128
                    outcome=Outcome::none()
                />
            </div>
            <div node_ref=image>
                <Field
                    name="image"
                    label="Image in the tarball (optional)"
                    value=query.get("image").unwrap_or_default()
                    hint="Only where there are several: nginx:1.2, as the tarball names it."
                    maxlength=1024
                    outcome=Outcome::none()
                />
            </div>
            <FileField file />
            {move || problem.get().map(|message| view! { <ErrorNotice message /> })}
            <div class="form-actions">
                <button
                    type="submit"
                    class="button button-primary"
                    disabled=is_open
                >
                    "Upload"
                </button>
            </div>
        </form>
    }
}

/// Takes chosen files or those that are dropped on it: the browser's own input does both.
#[component]
fn FileField(file: NodeRef<html::Input>) -> impl IntoView {
    view! {
        <div class="field drop-zone">
            <label for="file">
                <Icon name="upload" />
                <span>"Choose tarballs or drop them here"</span>
            </label>
            <input node_ref=file id="file" name="file" type="file" multiple=true required=true />
        </div>
    }
}

/// Sends the chosen files and shows how far they are; the error says what is wrong with the form.
fn start(
    file: NodeRef<html::Input>,
    image: &ImageName,
    chosen: &str,
    rows: RwSignal<Vec<Row>>,
) -> Result<(), String> {
    let files = browser::chosen(file);
    match files.len() {
        0 => return Err("Choose a tarball first.".to_owned()),
        1 => {}
        _ if image.reference.is_some() => {
            let message = "Several files can't all get one tag: leave it empty, and each gets the tags that it names.";
            return Err(message.to_owned());
        }
        _ => {}
    }
    let row = |file| Row {
        file,
        upload: RwSignal::new(Upload::Queued),
    };
    let new: Vec<Row> = files.into_iter().map(row).collect();
    let uploads: Vec<RwSignal<Upload>> = new.iter().map(|row| row.upload).collect();
    rows.set(new);
    browser::send_all(
        file,
        &image.to_string(),
        chosen.trim(),
        move |place, news: Sending| {
            // The page may be gone before its upload is.
            if let Some(upload) = uploads.get(place) {
                let _ = upload.try_update(|upload| upload.advance(news));
            }
        },
    );
    Ok(())
}

/// Is where an upload goes, or what is wrong with what was typed.
fn target(user: &str, repository: &str, tag: &str) -> Result<ImageName, String> {
    let repository = repository.trim();
    let full_name = if repository.contains('/') {
        repository.to_owned()
    } else {
        format!("{user}/{repository}")
    };
    let repository: RepositoryName = full_name
        .parse()
        .map_err(|error| format!("Repository: {error}."))?;
    let reference = match tag.trim() {
        "" => None,
        tag => {
            let tag: Tag = tag.parse().map_err(|error| format!("Tag: {error}."))?;
            Some(Reference::Tag(tag))
        }
    };
    Ok(ImageName {
        repository,
        reference,
    })
}

/// Reads the input inside a field.
fn typed(field: NodeRef<html::Div>) -> String {
    input(field).map(|i| i.value()).unwrap_or_default()
}

/// Writes which image is meant into its field, and sends the form again.
fn again_for(field: NodeRef<html::Div>, image: &str) {
    let Some(input) = input(field) else { return };
    input.set_value(image);
    if let Some(form) = input.form() {
        let _ = form.request_submit();
    }
}

fn input(field: NodeRef<html::Div>) -> Option<HtmlInputElement> {
    let field = field.get_untracked()?;
    field.query_selector("input").ok()??.dyn_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completes_names_with_the_users_own() {
        let read = |repository, tag| target("alice", repository, tag).map(|name| name.to_string());
        assert_eq!(read("app", ""), Ok("alice/app".to_owned()));
        assert_eq!(read("bob/app", " v1 "), Ok("bob/app:v1".to_owned()));
        assert!(read("App", "").is_err());
        assert!(read("app", "a b").is_err());
    }
}
