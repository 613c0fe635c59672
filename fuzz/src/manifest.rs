//! Any bytes are a manifest or an error, and what is a manifest holds together.

use dockyard_oci::{Manifest, ManifestKind};

/// Runs one input.
///
/// # Panics
///
/// A panic is a finding.
pub fn run(input: (Option<&str>, &[u8])) {
    let (content_type, bytes) = input;
    let Ok(manifest) = Manifest::parse(bytes, content_type) else {
        return;
    };
    let _ = manifest.content_bytes();
    assert!(manifest.required_blobs().count() <= manifest.references().count());
    match manifest.kind {
        ManifestKind::Image => assert!(manifest.config.is_some() && manifest.manifests.is_empty()),
        ManifestKind::Index => assert!(manifest.config.is_none() && manifest.layers.is_empty()),
    }
    // What was read of a descriptor is written so that it reads the same.
    for reference in manifest.references() {
        let descriptor = reference.descriptor();
        let text = serde_json::to_string(descriptor).expect("descriptors are plain");
        let again = serde_json::from_str(&text).expect("what was written can be read");
        assert_eq!(*descriptor, again);
    }
}
