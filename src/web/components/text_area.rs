//! A field of several lines.

use leptos::html;
use leptos::prelude::*;

use crate::web::escape;

/// Shows text to be edited. Every `textarea` is made here: Leptos does not escape what stands in one.
#[component]
pub fn TextArea(
    node_ref: NodeRef<html::Textarea>,
    name: &'static str,
    rows: u32,
    /// What stands in it at first.
    value: String,
    /// Id of the element that says what to write.
    described_by: &'static str,
) -> impl IntoView {
    view! {
        <textarea
            node_ref=node_ref
            id=name
            name=name
            rows=rows
            spellcheck="false"
            aria-describedby=described_by
            inner_html=content(&value)
        ></textarea>
    }
}

/// Makes the HTML of the text. A browser drops the first line break after the start tag that it reads, and no other.
fn content(value: &str) -> String {
    let start = if cfg!(feature = "ssr") { "\n" } else { "" };
    format!("{start}{}", escape::text(value))
}
