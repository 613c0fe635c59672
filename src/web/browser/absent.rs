//! The server's side: there is no browser, so nothing happens.

use leptos::html;
use leptos::prelude::NodeRef;

use super::{Chosen, Sending};

/// Puts a text into the clipboard.
pub const fn copy(_text: &str) {}

/// Listens to the keys of all pages.
pub const fn listen_to_keys() {}

/// Sends the file of an input with `PUT` and reports what happens.
pub fn send(
    _input: NodeRef<html::Input>,
    _url: &str,
    _report: impl Fn(Sending) + 'static,
) -> Option<Chosen> {
    None
}

/// Stops what is being sent.
pub const fn cancel() {}

/// Ticks the boxes of all rows of the page, or none.
pub const fn tick_all(_ticked: bool) {}
