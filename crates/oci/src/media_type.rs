//! Media types.

use std::str::FromStr;

use crate::is_harmful;
use crate::text::text_type;

/// Longest media type in bytes that is kept: RFC 6838 allows 127 on each side of the slash.
const MEDIA_TYPE_MAX: usize = 255;

/// A media type as it is written, `type/subtype` with perhaps parameters.
///
/// Source: RFC 6838, section 4.2; RFC 9110, section 8.3.1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaType(Box<str>);

impl MediaType {
    /// Media type of content that declares none.
    pub const UNKNOWN: &str = "application/octet-stream";
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

    /// Is one of the constants above, which are known to be well formed.
    pub fn known(text: &'static str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether content of this type is the configuration of an image.
    pub fn is_image_config(&self) -> bool {
        matches!(self.as_str(), Self::OCI_CONFIG | Self::DOCKER_CONFIG)
    }

    /// Tells whether it is a list of manifests, docker's or OCI's.
    pub fn is_index(&self) -> bool {
        matches!(self.as_str(), Self::OCI_INDEX | Self::DOCKER_LIST)
    }

    /// Tells whether content of this type is a layer that engines unpack.
    ///
    /// Source: OCI image-spec, "Image Layer Filesystem Changeset"; docker's schema 2.
    pub fn is_layer(&self) -> bool {
        let Some((kind, end)) = self.0.rsplit_once(".tar") else {
            return false;
        };
        matches!(
            kind,
            "application/vnd.oci.image.layer.v1"
                | "application/vnd.oci.image.layer.nondistributable.v1"
                | "application/vnd.docker.image.rootfs.diff"
                | "application/vnd.docker.image.rootfs.foreign.diff"
        ) && matches!(end, "" | "+gzip" | ".gzip" | "+zstd" | ".zstd")
    }

    /// Tells whether content of this type is kept elsewhere and may be missing here.
    ///
    /// Source: OCI image-spec, "Non-Distributable Layers", and docker's foreign layers.
    pub fn is_foreign(&self) -> bool {
        self.0.contains(".nondistributable.") || self.0.contains(".foreign.")
    }
}

impl FromStr for MediaType {
    type Err = MediaTypeError;

    /// Takes whatever can be shown: what is in front of its parameters is for whoever understands the content.
    fn from_str(text: &str) -> Result<Self, MediaTypeError> {
        let is_shown = text.trim() == text && !text.chars().any(is_harmful);
        if text.is_empty() || text.len() > MEDIA_TYPE_MAX || !is_shown {
            return Err(MediaTypeError);
        }
        Ok(Self(text.into()))
    }
}

text_type!(MediaType);

/// A text that is not a media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a media type has 1 to 255 characters that can be shown, as in application/json")]
pub struct MediaTypeError;
