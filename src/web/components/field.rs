//! One line of a form: label, input, hint, and what is wrong with it.

use leptos::html;
use leptos::prelude::*;

use crate::web::form::Outcome;

/// Shows a field that keeps what was typed when the form comes back.
#[component]
pub fn Field(
    name: &'static str,
    label: &'static str,
    outcome: Outcome,
    #[prop(default = "text")] kind: &'static str,
    #[prop(default = "off")] autocomplete: &'static str,
    #[prop(optional)] hint: &'static str,
    /// Stands fixed before what is typed.
    #[prop(optional, into)]
    prefix: String,
    /// What stands in the field at first.
    #[prop(optional, into)]
    value: String,
    #[prop(optional)] required: bool,
    #[prop(optional)] autofocus: bool,
    #[prop(optional)] maxlength: Option<u32>,
) -> impl IntoView {
    let error = Signal::derive(move || outcome.field(name));
    let shown = move || (kind != "password").then(|| outcome.kept(name).unwrap_or(value.clone()));
    let describes = move || match (error.get().is_some(), hint) {
        (true, _) => Some(format!("{name}-error")),
        (false, "") => None,
        (false, _) => Some(format!("{name}-hint")),
    };
    let input = NodeRef::<html::Input>::new();
    // A password that was wrong is typed anew, not mended.
    Effect::new(move |_| {
        if let (true, Some(_), Some(input)) = (kind == "password", error.get(), input.get()) {
            input.set_value("");
        }
    });
    view! {
        <div class="field" class:field-invalid=move || error.get().is_some()>
            <label for=name>{label}</label>
            <div class="field-control">
                {(!prefix.is_empty()).then(|| view! { <span class="field-prefix">{prefix}</span> })}
                <input
                    node_ref=input
                    id=name
                    name=name
                    type=kind
                    value=shown
                    autocomplete=autocomplete
                    autocapitalize="none"
                    spellcheck="false"
                    required=required
                    autofocus=autofocus
                    maxlength=maxlength
                    aria-invalid=move || error.get().map(|_| "true")
                    aria-describedby=describes
                />
            </div>
            {(!hint.is_empty())
                .then(|| view! { <p class="field-hint" id=format!("{name}-hint")>{hint}</p> })}
            {move || {
                error.get().map(|message| {
                    view! {
                        <p class="field-error" id=format!("{name}-error") role="alert">
                            {message}
                        </p>
                    }
                })
            }}
        </div>
    }
}

/// Shows the button that sends a form; it rests while the answer is on its way.
#[component]
pub fn SubmitButton(text: &'static str, outcome: Outcome) -> impl IntoView {
    view! {
        <div class="form-actions">
            <button
                type="submit"
                class="button button-primary"
                disabled=move || outcome.is_pending()
            >
                {text}
            </button>
        </div>
    }
}
