//! The server's side: there is no browser, so nothing happens.

use leptos::html;
use leptos::prelude::NodeRef;

use super::{Chosen, Sending};

/// Puts a text into the clipboard.
pub const fn copy(_text: &str) {}

/// Listens to the keys of all pages.
pub const fn listen_to_keys() {}

/// Is what a person chose in an input.
pub const fn chosen(_input: NodeRef<html::Input>) -> Vec<Chosen> {
    Vec::new()
}

/// Sends the files of an input to an image, of each the one that is chosen, and reports what becomes of each, by its place.
pub fn send_all(
    _input: NodeRef<html::Input>,
    _image: &str,
    _chosen: &str,
    _report: impl Fn(usize, Sending) + 'static,
) {
}

/// Gives up one file.
pub const fn cancel(_place: usize) {}

/// Stops sending, as the page is left.
pub const fn leave() {}

/// Lists the files that were begun and not finished, with the image that they go to.
pub const fn unfinished() -> Vec<(String, Chosen)> {
    Vec::new()
}

/// Forgets all of them.
pub const fn forget_unfinished() {}

/// Ticks the boxes of all rows of the page, or none.
pub const fn tick_all(_ticked: bool) {}
