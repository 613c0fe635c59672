//! The JSON documents of tarballs.

use std::collections::HashMap;

use dockyard_oci::{Descriptor, Digest, Tag};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ImportError;

/// One image of docker's `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SavedImage {
    pub config: String,
    pub repo_tags: Option<Vec<String>>,
    pub layers: Vec<String>,
}

/// What is read of an image's configuration.
///
/// Source: OCI image-spec, "Image Configuration".
#[derive(Debug, Deserialize)]
pub(super) struct ImageConfig {
    pub rootfs: RootFs,
}

#[derive(Debug, Deserialize)]
pub(super) struct RootFs {
    pub diff_ids: Vec<Digest>,
}

/// What is read of the `index.json` of an OCI layout.
#[derive(Debug, Deserialize)]
pub(super) struct Layout {
    pub manifests: Vec<NamedDescriptor>,
}

/// A descriptor whose annotations may name it.
#[derive(Debug, Deserialize)]
pub(super) struct NamedDescriptor {
    #[serde(flatten)]
    pub descriptor: Descriptor,
    #[serde(default, rename = "annotations")]
    names: HashMap<String, serde_json::Value>,
}

impl NamedDescriptor {
    /// Is the tag of the image's name, which some tools write whole and some as the tag alone.
    pub(super) fn tag(&self) -> Option<Tag> {
        [
            "io.containerd.image.name",
            "org.opencontainers.image.ref.name",
        ]
        .into_iter()
        .filter_map(|key| self.names.get(key).and_then(|name| name.as_str()))
        .find_map(|name| tag_of(name).or_else(|| name.parse().ok()))
    }
}

/// Is the tag at the end of `host:port/name:tag`.
pub(super) fn tag_of(name: &str) -> Option<Tag> {
    let (_, tag) = name.rsplit_once(':')?;
    tag.parse().ok()
}

/// Parses a document of the tarball.
pub(super) fn parse<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T, ImportError> {
    serde_json::from_slice(bytes).map_err(|error| ImportError::Document {
        file: file.to_owned(),
        reason: error.to_string(),
    })
}

/// Is the name of content in an OCI layout.
pub(super) fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex())
}

/// Is the digest that a name of an OCI layout, or of podman's archives, promises.
pub(super) fn promised_digest(name: &str) -> Option<Digest> {
    if let Some(rest) = name.strip_prefix("blobs/") {
        return rest.replacen('/', ":", 1).parse().ok();
    }
    let hex = name.strip_suffix(".tar")?;
    format!("sha256:{hex}").parse().ok()
}
