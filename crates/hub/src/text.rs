//! Texts of one line that people write and other people's screens show.

use dockyard_oci::is_harmful;

/// Tells whether a text has no control characters, and none that change the direction of the text around it.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.contains(is_harmful)
}

/// Puts a text on one line, with single spaces.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
