//! The clipboard.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use web_sys::{HtmlDocument, HtmlInputElement};

/// Puts a text into the clipboard.
pub fn copy(text: &str) {
    if window().is_secure_context() {
        let _ = window().navigator().clipboard().write_text(text);
    } else {
        copy_the_old_way(text);
    }
}

/// Copies through a selection: over plain HTTP browsers offer no other way.
fn copy_the_old_way(text: &str) {
    let Some(body) = document().body() else {
        return;
    };
    let Ok(element) = document().create_element("input") else {
        return;
    };
    let input: HtmlInputElement = element.unchecked_into();
    input.set_value(text);
    let _ = input.set_attribute("class", "visually-hidden");
    if body.append_child(&input).is_ok() {
        input.select();
        let _ = document()
            .unchecked_into::<HtmlDocument>()
            .exec_command("copy");
        input.remove();
    }
}
