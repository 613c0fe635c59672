//! `/upload`: a tarball from the browser. A plain form; with JavaScript it shows how far it is.

use dockyard_oci::{ImageName, Reference, RepositoryName, Tag};
use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;

use super::upload_progress::{Upload, UploadStatus};
use crate::web::browser::{self, Sending};
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
    let upload = RwSignal::new(Upload::Idle);
    let query = page_query();
    let refused = move || {
        query
            .read()
            .get("error")
            .filter(|_| upload.get() == Upload::Idle)
    };
    on_cleanup(browser::cancel);
    view! {
        <section class="card">
            <h1>"Upload an image"</h1>
            <p>
                "Choose a tarball made with " <code>"docker save"</code> " or "
                <code>"podman save"</code> ", compressed or not."
            </p>
            {move || refused().map(|message| view! { <ErrorNotice message /> })}
            <UploadForm user upload />
            <UploadStatus upload server />
        </section>
    }
}

#[component]
fn UploadForm(user: String, upload: RwSignal<Upload>) -> impl IntoView {
    let (repository, tag) = (NodeRef::<html::Div>::new(), NodeRef::<html::Div>::new());
    let file = NodeRef::<html::Input>::new();
    let query = page_query().get_untracked();
    let hint = "A new one is made when there is none of that name. Your own name may be left out.";
    let send = {
        let user = user.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            let (repository, tag) = (typed(repository), typed(tag));
            match target(&user, &repository, &tag) {
                Ok(target) => start(file, &target, upload),
                Err(message) => upload.set(Upload::Failed(message)),
            }
        }
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
            <FileField file />
            <div class="form-actions">
                <button
                    type="submit"
                    class="button button-primary"
                    disabled=move || upload.get().is_sending()
                >
                    "Upload"
                </button>
            </div>
        </form>
    }
}

/// Takes a chosen file or one that is dropped on it: the browser's own input does both.
#[component]
fn FileField(file: NodeRef<html::Input>) -> impl IntoView {
    view! {
        <div class="field drop-zone">
            <label for="file">
                <Icon name="upload" />
                <span>"Choose a tarball or drop it here"</span>
            </label>
            <input node_ref=file id="file" name="file" type="file" required=true />
        </div>
    }
}

/// Sends the chosen file and shows how far it is.
fn start(file: NodeRef<html::Input>, target: &ImageName, upload: RwSignal<Upload>) {
    let url = format!("/api/v1/images/{target}");
    let report = move |sending: Sending| {
        // The page may be gone before its upload is.
        let _ = upload.try_update(|upload| upload.advance(sending));
    };
    match browser::send(file, &url, report) {
        Some(chosen) => upload.set(Upload::sending(chosen)),
        None => upload.set(Upload::Failed("Choose a tarball first.".to_owned())),
    }
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
    use leptos::wasm_bindgen::JsCast;
    use leptos::web_sys::HtmlInputElement;
    let input = field
        .get_untracked()
        .and_then(|field| field.query_selector("input").ok().flatten());
    input
        .and_then(|input| input.dyn_into::<HtmlInputElement>().ok())
        .map(|i| i.value())
        .unwrap_or_default()
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
