//! For which machines a manifest is.

use dockyard_oci::{ImageConfig, Manifest, ManifestKind};

use super::Blobs;
use crate::accounts::{Grant, Pull};

/// Most platforms that are noted: more than any image has.
const PLATFORMS_MAX: usize = 16;
/// Longest text of one platform in bytes.
const PLATFORM_MAX_BYTES: usize = 24;

/// Writes the platforms of a manifest as a column holds them: those an index names, or the one that
/// an image's configuration names.
pub(super) async fn of(blobs: &Blobs, grant: &Grant<Pull>, manifest: &Manifest) -> String {
    let mut found: Vec<String> = Vec::new();
    let named = match manifest.kind {
        ManifestKind::Index => manifest
            .manifests
            .iter()
            .filter_map(|listed| listed.platform.clone())
            .collect(),
        ManifestKind::Image => Vec::from_iter(
            read_config(blobs, grant, manifest)
                .await
                .and_then(|config| config.platform()),
        ),
    };
    for platform in named {
        let text = platform.without_version();
        // Attestations are listed as unknown/unknown.
        let is_image = platform.is_named() && platform.os != "unknown";
        let fits = text.len() <= PLATFORM_MAX_BYTES && is_image;
        if fits && is_plain(&text) && !found.contains(&text) && found.len() < PLATFORMS_MAX {
            found.push(text);
        }
    }
    found.join(",")
}

fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte))
}

/// Reads the configuration of an image; `None` when it has none that can be read.
pub(super) async fn read_config(
    blobs: &Blobs,
    grant: &Grant<Pull>,
    manifest: &Manifest,
) -> Option<ImageConfig> {
    let config = manifest.config.as_ref()?;
    if !config.media_type.is_image_config() {
        return None;
    }
    let bytes = blobs.read_small(grant, &config.digest, ImageConfig::MAX_BYTES);
    ImageConfig::parse(&bytes.await.ok()??)
}
