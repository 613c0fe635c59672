//! Keys for all pages: `/` goes to the search box, Escape closes what is open.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};

/// An open menu of the header.
const OPEN_MENU: &str = "details.menu[open]";

/// Listens from the first effect on; menus also close when another page opens or one clicks elsewhere.
pub fn listen_to_keys() {
    let pathname = use_location().pathname;
    Effect::new(move |_| {
        pathname.track();
        close_menus(None);
    });
    Effect::new(move |_| {
        let keys = window_event_listener(leptos::ev::keydown, |event| on_key(&event));
        let clicks = window_event_listener(leptos::ev::click, |event| {
            let target = event
                .target()
                .and_then(|target| target.dyn_into::<Element>().ok());
            close_menus(target.and_then(|element| element.closest(OPEN_MENU).ok().flatten()));
        });
        on_cleanup(move || {
            keys.remove();
            clicks.remove();
        });
    });
}

fn on_key(event: &KeyboardEvent) {
    match event.key().as_str() {
        "/" if is_free(event) && focus("#header-search") => event.prevent_default(),
        "Escape" => close_menus(None),
        _ => {}
    }
}

/// Tells whether a key is pressed alone, and not to write something.
fn is_free(event: &KeyboardEvent) -> bool {
    !is_typing(event) && !event.ctrl_key() && !event.meta_key() && !event.alt_key()
}

fn is_typing(event: &KeyboardEvent) -> bool {
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|element| {
        matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
            || element.has_attribute("contenteditable")
    })
}

fn focus(selector: &str) -> bool {
    let found = document().query_selector(selector).ok().flatten();
    let element = found.and_then(|element| element.dyn_into::<HtmlElement>().ok());
    element.is_some_and(|element| element.focus().is_ok())
}

/// Closes the open menus but one. A menu that held the focus gives it back to its summary.
fn close_menus(kept: Option<Element>) {
    let Ok(menus) = document().query_selector_all(OPEN_MENU) else {
        return;
    };
    for at in 0..menus.length() {
        let menu = menus
            .item(at)
            .and_then(|node| node.dyn_into::<Element>().ok());
        let Some(menu) = menu.filter(|menu| Some(menu) != kept.as_ref()) else {
            continue;
        };
        let focused = document().active_element();
        let held_focus = focused.is_some_and(|element| menu.contains(Some(&element)));
        let _ = menu.remove_attribute("open");
        let summary = menu.query_selector("summary").ok().flatten();
        if let Some(summary) = summary.filter(|_| held_focus) {
            let _ = summary.unchecked_into::<HtmlElement>().focus();
        }
    }
}
