//! Boxes to tick in tables.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

/// The boxes of a table's rows.
const ROWS: &str = "tbody input[type=checkbox]";

/// Ticks the boxes of all rows of the page, or none.
pub fn tick_all(ticked: bool) {
    let Ok(found) = document().query_selector_all(ROWS) else {
        return;
    };
    for at in 0..found.length() {
        let input = found
            .item(at)
            .and_then(|node| node.dyn_into::<HtmlInputElement>().ok());
        if let Some(input) = input {
            input.set_checked(ticked);
        }
    }
}
