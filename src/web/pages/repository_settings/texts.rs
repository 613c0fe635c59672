//! Description and README, with a preview.

use leptos::form::ActionForm;
use leptos::html;
use leptos::prelude::*;

use crate::web::api::repository_settings::{DescribeRepository, PreviewReadme};
use crate::web::components::field::Field;
use crate::web::components::icon::Icon;
use crate::web::components::notice::FormNotice;
use crate::web::components::text_area::TextArea;
use crate::web::form::Outcome;

/// Changes what a repository says of itself.
#[component]
pub fn TextsSection(name: String, description: String, readme: String) -> impl IntoView {
    let action = ServerAction::<DescribeRepository>::new();
    let outcome = Outcome::of(action);
    let text = NodeRef::<html::Textarea>::new();
    let preview = ServerAction::<PreviewReadme>::new();
    view! {
        <section class="settings-section">
            <h2>"Description and README"</h2>
            <FormNotice outcome />
            <ActionForm action=action attr:class="form">
                <input type="hidden" name="name" value=name />
                <Field
                    name="description"
                    label="Description"
                    hint="One line, shown in lists and found by search."
                    value=description
                    maxlength=200
                    outcome
                />
                <ReadmeField readme text outcome />
                <Preview preview />
                <TextActions preview text outcome />
            </ActionForm>
        </section>
    }
}

#[component]
fn ReadmeField(readme: String, text: NodeRef<html::Textarea>, outcome: Outcome) -> impl IntoView {
    let error = move || outcome.field("readme");
    view! {
        <div class="field" class:field-invalid=move || error().is_some()>
            <label for="readme">"README"</label>
            <div class="field-control">
                <TextArea
                    node_ref=text
                    name="readme"
                    rows=16
                    value=readme
                    described_by="readme-hint"
                />
            </div>
            <p class="field-hint" id="readme-hint">
                "GitHub-flavoured Markdown: headings, tables, task lists, code with colours. Images only over https."
            </p>
            {move || {
                error()
                    .map(|message| view! { <p class="field-error" role="alert">{message}</p> })
            }}
        </div>
    }
}

/// Shows the README as it would look.
#[component]
fn Preview(preview: ServerAction<PreviewReadme>) -> impl IntoView {
    let value = preview.value();
    move || {
        let shown = match value.get()? {
            Ok(html) if html.trim().is_empty() => {
                view! { <p class="section-note">"There is nothing to show yet."</p> }.into_any()
            }
            Ok(html) => view! { <div class="markdown" inner_html=html></div> }.into_any(),
            Err(error) => view! { <p class="field-error">{error.to_string()}</p> }.into_any(),
        };
        Some(view! {
            <section class="preview" aria-label="Preview" aria-live="polite">
                {shown}
            </section>
        })
    }
}

/// Saves, or previews: in the page with JavaScript, in another tab without.
#[component]
fn TextActions(
    preview: ServerAction<PreviewReadme>,
    text: NodeRef<html::Textarea>,
    outcome: Outcome,
) -> impl IntoView {
    let show = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        if let Some(text) = text.get_untracked() {
            preview.dispatch(PreviewReadme {
                readme: text.value(),
            });
        }
    };
    view! {
        <div class="form-actions">
            <button
                type="submit"
                class="button button-primary"
                disabled=move || outcome.is_pending()
            >
                "Save"
            </button>
            <button
                type="submit"
                class="button"
                formaction="/preview"
                formtarget="_blank"
                on:click=show
            >
                <Icon name="eye" />
                "Preview"
            </button>
        </div>
    }
}
