//! Names, tags, digests and references: any text is one or an error, and what is one prints as it was.

use std::fmt::Display;
use std::str::FromStr;

use dockyard_oci::{Digest, ImageName, MediaType, Reference, RepositoryName, Tag, UserName};

fn round_trip<T: FromStr + Display>(text: &str) -> Option<T> {
    let parsed: T = text.parse().ok()?;
    assert_eq!(parsed.to_string(), text);
    Some(parsed)
}

/// Runs one input.
///
/// # Panics
///
/// A panic is a finding.
pub fn run(text: &str) {
    round_trip::<Tag>(text);
    round_trip::<UserName>(text);
    round_trip::<Digest>(text);
    round_trip::<MediaType>(text);
    round_trip::<Reference>(text);
    if let Some(name) = round_trip::<RepositoryName>(text) {
        assert!(name.as_str().starts_with(name.namespace()));
        assert!(!text.contains("..") && !text.contains("//") && text.len() <= 255);
    }
    if let Ok(image) = text.parse::<ImageName>() {
        assert!(text.starts_with(image.repository.as_str()));
    }
}
