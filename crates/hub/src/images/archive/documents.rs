//! The JSON documents of tarballs.

use std::collections::HashMap;

use dockyard_oci::{Descriptor, Digest, SavedName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::ImportError;

/// Reads `null` as nothing: Go's encoders write it for every list and map that is empty.
fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// One image of docker's `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SavedImage {
    pub config: String,
    pub repo_tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "or_default")]
    pub layers: Vec<String>,
    /// Written by docker's own store, by diff id.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "HashMap::is_empty"
    )]
    pub layer_sources: HashMap<String, serde_json::Value>,
}

/// What is read of an image's configuration.
///
/// Source: OCI image-spec, "Image Configuration".
#[derive(Debug, Deserialize)]
pub(super) struct ImageConfig {
    #[serde(default, deserialize_with = "or_default")]
    pub rootfs: RootFs,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct RootFs {
    #[serde(default, deserialize_with = "or_default")]
    pub diff_ids: Vec<Digest>,
}

/// What is read of the `index.json` of an OCI layout.
#[derive(Debug, Deserialize)]
pub(super) struct Layout {
    #[serde(default, deserialize_with = "or_default")]
    pub manifests: Vec<NamedDescriptor>,
}

/// A descriptor whose annotations may name it.
#[derive(Debug, Deserialize)]
pub(super) struct NamedDescriptor {
    #[serde(flatten)]
    pub descriptor: Descriptor,
    #[serde(default, deserialize_with = "or_default", rename = "annotations")]
    annotations: HashMap<String, serde_json::Value>,
}

impl NamedDescriptor {
    /// Lists the names of the image, which some tools write whole and some as the tag alone.
    pub(super) fn names(&self) -> impl Iterator<Item = SavedName> {
        let whole = self.annotation("io.containerd.image.name");
        let either = self.annotation("org.opencontainers.image.ref.name");
        let whole = whole.map(SavedName::of_whole);
        whole.into_iter().chain(either.map(SavedName::of_either))
    }

    /// Tells what `cosign save` calls the entry.
    pub(super) fn cosign_kind(&self) -> Option<&str> {
        self.annotation("kind")?
            .strip_prefix("dev.cosignproject.cosign/")
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key)?.as_str()
    }
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
