//! Ranges: any text asks for something, and a part that is asked for is there.

use dockyard_oci::{ContentRange, Requested};

/// Runs one input.
///
/// # Panics
///
/// A panic is a finding.
pub fn run(input: (u64, &str)) {
    let (length, text) = input;
    if let Requested::Part(range) = Requested::parse(text, length) {
        assert!(range.start < range.end && range.end <= length);
    }
    if let Ok(range) = text.parse::<ContentRange>() {
        assert!(range.length() > 0 && range.first().checked_add(range.length() - 1).is_some());
    }
}
