//! Manifests and indexes, read just far enough to know what they refer to.

mod keys;
#[cfg(test)]
mod round_trip;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Digest, MediaType, Platform};

/// Notes on content, text to text.
///
/// Source: OCI image-spec, "Annotations".
pub type Annotations = BTreeMap<String, String>;

/// Points to content by digest.
///
/// Source: OCI image-spec, "OCI Content Descriptors".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Of content that says nothing about itself, [`MediaType::UNKNOWN`].
    #[serde(default = "unknown", deserialize_with = "or_unknown")]
    pub media_type: MediaType,
    pub digest: Digest,
    /// Size in bytes.
    pub size: u64,
    #[serde(
        default,
        deserialize_with = "unless_empty",
        skip_serializing_if = "Option::is_none"
    )]
    pub artifact_type: Option<MediaType>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    #[serde(
        default,
        deserialize_with = "annotations",
        skip_serializing_if = "Annotations::is_empty"
    )]
    pub annotations: Annotations,
}

/// Whether a document describes one image or lists several manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestKind {
    Image,
    Index,
}

/// What a manifest refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'a> {
    /// A blob that must be in the repository before the manifest is.
    Blob(&'a Descriptor),
    /// A manifest of an index; it may come later (a sparse index).
    Manifest(&'a Descriptor),
}

impl<'a> Reference<'a> {
    pub const fn descriptor(&self) -> &'a Descriptor {
        match self {
            Self::Blob(descriptor) | Self::Manifest(descriptor) => descriptor,
        }
    }
}

/// A parsed manifest or index. The bytes as pushed are kept elsewhere; unknown fields are not lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pub kind: ManifestKind,
    pub media_type: MediaType,
    pub artifact_type: Option<MediaType>,
    pub config: Option<Descriptor>,
    pub layers: Vec<Descriptor>,
    pub manifests: Vec<Descriptor>,
    pub subject: Option<Descriptor>,
    pub annotations: Annotations,
}

/// The fields that are read. `mediaType` is optional in OCI documents.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u32,
    #[serde(default, deserialize_with = "unless_empty")]
    media_type: Option<MediaType>,
    #[serde(default, deserialize_with = "unless_empty")]
    artifact_type: Option<MediaType>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    #[serde(default, deserialize_with = "annotations")]
    annotations: Annotations,
}

fn unknown() -> MediaType {
    MediaType::known(MediaType::UNKNOWN)
}

fn or_unknown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MediaType, D::Error> {
    Ok(unless_empty(deserializer)?.unwrap_or_else(unknown))
}

/// Reads `null` as an empty map, and as an empty text in it.
fn annotations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Annotations, D::Error> {
    let map: Option<BTreeMap<String, Option<String>>> = Option::deserialize(deserializer)?;
    let texts = map.unwrap_or_default().into_iter();
    Ok(texts
        .map(|(key, text)| (key, text.unwrap_or_default()))
        .collect())
}

/// Reads an empty text as none.
fn unless_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<MediaType>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(serde::de::Error::custom))
        .transpose()
}

impl Manifest {
    /// Longest manifest in bytes that is accepted: 4 MiB, the least that the specification asks for.
    pub const MAX_BYTES: usize = 4 * 1024 * 1024;

    /// Most descriptors of an image, and of an index: each is a row, written while nobody else writes.
    pub const DESCRIPTORS_MAX: usize = 1000;
    pub const MANIFESTS_MAX: usize = 10_000;

    /// Parses a manifest that somebody pushes, with what is asked of new ones beyond [`Self::parse`].
    ///
    /// Errors: those of `parse`; too many descriptors; keys that clients read otherwise.
    pub fn accept(bytes: &[u8], content_type: Option<&str>) -> Result<Self, ManifestError> {
        let manifest = Self::parse(bytes, content_type)?;
        if manifest.layers.len() > Self::DESCRIPTORS_MAX {
            return Err(ManifestError::TooManyDescriptors(Self::DESCRIPTORS_MAX));
        }
        if manifest.manifests.len() > Self::MANIFESTS_MAX {
            return Err(ManifestError::TooManyDescriptors(Self::MANIFESTS_MAX));
        }
        keys::check(bytes).map_err(|error| ManifestError::Json(error.to_string()))?;
        Ok(manifest)
    }

    /// Parses a manifest, an index, or docker's forms of the two.
    ///
    /// `content_type` is the `Content-Type` it came with; it must agree with the document.
    /// Source: OCI image-spec, "Image Manifest" and "Image Index"; docker's schema 2.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, ManifestError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(ManifestError::TooLarge);
        }
        let document: Document = serde_json::from_slice(bytes).map_err(|error| {
            if is_schema_1(bytes) {
                ManifestError::Schema1
            } else {
                ManifestError::Json(error.to_string())
            }
        })?;
        match document.schema_version {
            2 => {}
            1 => return Err(ManifestError::Schema1),
            other => return Err(ManifestError::SchemaVersion(other)),
        }
        let kind = document.kind(content_type)?;
        let media_type = document.media_type(kind, content_type)?;
        Ok(Self {
            kind,
            media_type,
            artifact_type: document.artifact_type,
            config: document.config,
            layers: document.layers.unwrap_or_default(),
            manifests: document.manifests.unwrap_or_default(),
            subject: document.subject,
            annotations: document.annotations,
        })
    }

    /// Lists what the manifest refers to, the subject left out.
    pub fn references(&self) -> impl Iterator<Item = Reference<'_>> {
        let blobs = self.config.iter().chain(&self.layers).map(Reference::Blob);
        blobs.chain(self.manifests.iter().map(Reference::Manifest))
    }

    /// Lists the blobs that must be in the repository before the manifest: all but layers that are
    /// to be fetched from elsewhere.
    pub fn required_blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let blobs = self.config.iter().chain(&self.layers);
        blobs.filter(|blob| !blob.media_type.is_foreign())
    }

    /// Is the size in bytes of the config and layers together.
    pub fn content_bytes(&self) -> u64 {
        self.config
            .iter()
            .chain(&self.layers)
            .fold(0, |sum, d| sum.saturating_add(d.size))
    }

    /// Is the type that referrers are filtered by: `artifactType`, else the config's media type.
    ///
    /// Source: OCI distribution-spec, "Listing Referrers".
    pub fn referrer_type(&self) -> Option<&MediaType> {
        self.artifact_type
            .as_ref()
            .or(self.config.as_ref().map(|config| &config.media_type))
    }
}

impl Document {
    fn kind(&self, content_type: Option<&str>) -> Result<ManifestKind, ManifestError> {
        match (&self.config, &self.layers, &self.manifests) {
            (Some(_), _, None) => Ok(ManifestKind::Image),
            (None, None, Some(_)) => Ok(ManifestKind::Index),
            // An empty list is `null` in what Go writes.
            (None, None, None) if self.says_index(content_type) => Ok(ManifestKind::Index),
            _ => Err(ManifestError::Shape),
        }
    }

    fn says_index(&self, content_type: Option<&str>) -> bool {
        let sent = content_type
            .and_then(essence)
            .and_then(|sent| sent.parse().ok());
        let said = self.media_type.clone().or(sent);
        said.is_some_and(|said: MediaType| said.is_index())
    }

    fn media_type(
        &self,
        kind: ManifestKind,
        content_type: Option<&str>,
    ) -> Result<MediaType, ManifestError> {
        let sent = content_type.and_then(essence);
        let said = self.media_type.as_ref();
        let said = said.and_then(|said| essence(said.as_str()));
        let media_type = match (said, sent) {
            (Some(inner), Some(outer)) if inner != outer => {
                return Err(ManifestError::MediaTypeMismatch {
                    document: inner.to_string(),
                    request: outer.to_owned(),
                });
            }
            (Some(inner), _) => inner,
            (None, Some(outer)) => outer,
            (None, None) if kind == ManifestKind::Index => MediaType::OCI_INDEX,
            (None, None) => MediaType::OCI_MANIFEST,
        };
        let expected = match media_type {
            MediaType::OCI_MANIFEST | MediaType::DOCKER_MANIFEST => ManifestKind::Image,
            MediaType::OCI_INDEX | MediaType::DOCKER_LIST => ManifestKind::Index,
            other => return Err(ManifestError::MediaType(other.to_owned())),
        };
        if expected != kind {
            return Err(ManifestError::Shape);
        }
        media_type
            .parse()
            .map_err(|_| ManifestError::MediaType(media_type.to_owned()))
    }
}

/// Reads a `Content-Type` without its parameters; `None` of one that says nothing about a manifest.
fn essence(content_type: &str) -> Option<&str> {
    let text = content_type.split(';').next()?.trim();
    let says_nothing = ["", "application/json", MediaType::UNKNOWN].contains(&text);
    (!says_nothing).then_some(text)
}

fn is_schema_1(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        schema_version: u32,
    }
    serde_json::from_slice::<Version>(bytes).is_ok_and(|version| version.schema_version == 1)
}

/// Why a document is not a manifest that can be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("a manifest has at most 4 MiB")]
    TooLarge,
    #[error("a manifest of this kind has at most {0} descriptors")]
    TooManyDescriptors(usize),
    #[error("the manifest is not valid: {0}")]
    Json(String),
    #[error("docker's schema 1 is not supported: push with a client from 2017 or later")]
    Schema1,
    #[error("schemaVersion {0} is not supported: it must be 2")]
    SchemaVersion(u32),
    #[error(
        "a manifest has config and layers, an index has manifests; this document has neither form"
    )]
    Shape,
    #[error("{0} is not the media type of a manifest or an index")]
    MediaType(String),
    #[error("the manifest says {document}, but it was sent as {request}")]
    MediaTypeMismatch { document: String, request: String },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn descriptor(media_type: &str) -> String {
        format!(
            r#"{{"mediaType":"{media_type}","digest":"sha256:{}","size":7}}"#,
            "1".repeat(64)
        )
    }

    fn image() -> String {
        let config = descriptor(MediaType::OCI_CONFIG);
        let layer = descriptor(MediaType::OCI_LAYER_GZIP);
        format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layer}],"x":1}}"#)
    }

    #[test]
    fn new_manifests_are_bounded_in_descriptors() {
        let of = |list: &str, count: usize| {
            let list = format!(
                "\"{list}\":[{}]",
                vec![descriptor(MediaType::OCI_LAYER); count].join(",")
            );
            let config = descriptor(MediaType::OCI_CONFIG);
            if list.starts_with("\"layers") {
                format!(r#"{{"schemaVersion":2,"config":{config},{list}}}"#)
            } else {
                format!(r#"{{"schemaVersion":2,{list}}}"#)
            }
        };
        for (list, most) in [("layers", 1000), ("manifests", 10_000)] {
            assert!(Manifest::accept(of(list, most).as_bytes(), None).is_ok());
            let more = Manifest::accept(of(list, most + 1).as_bytes(), None);
            assert_eq!(more, Err(ManifestError::TooManyDescriptors(most)));
        }
    }

    #[test]
    fn reads_an_image_and_its_references() {
        let manifest = Manifest::parse(image().as_bytes(), Some(MediaType::OCI_MANIFEST)).unwrap();
        assert_eq!(manifest.kind, ManifestKind::Image);
        assert_eq!(manifest.references().count(), 2);
        assert_eq!(manifest.content_bytes(), 14);
    }

    #[test]
    fn takes_empty_texts_and_nulls_for_nothing() {
        let more = r#""artifactType":"","annotations":null,"schemaVersion":2"#;
        let text = image().replacen("\"schemaVersion\":2", more, 1);
        let manifest = Manifest::parse(text.as_bytes(), None).unwrap();
        assert_eq!(manifest.artifact_type, None);
        assert_eq!(
            manifest.referrer_type().unwrap().as_str(),
            MediaType::OCI_CONFIG
        );
        let text = text.replace("null", r#"{"a":1}"#);
        assert!(Manifest::parse(text.as_bytes(), None).is_err());
    }

    #[test]
    fn refuses_documents_of_another_kind() {
        let as_index = Manifest::parse(image().as_bytes(), Some(MediaType::OCI_INDEX));
        assert_eq!(as_index.unwrap_err(), ManifestError::Shape);
        let schema_1 = br#"{"schemaVersion":1,"name":"x","fsLayers":[]}"#;
        assert_eq!(
            Manifest::parse(schema_1, None).unwrap_err(),
            ManifestError::Schema1
        );
        let neither = br#"{"schemaVersion":2}"#;
        assert_eq!(
            Manifest::parse(neither, None).unwrap_err(),
            ManifestError::Shape
        );
        assert!(matches!(
            Manifest::parse(b"[]", None),
            Err(ManifestError::Json(_))
        ));
    }

    #[test]
    fn refuses_a_media_type_that_contradicts_the_request() {
        let text = image().replacen(
            "\"schemaVersion\":2",
            &format!(
                "\"schemaVersion\":2,\"mediaType\":\"{}\"",
                MediaType::DOCKER_MANIFEST
            ),
            1,
        );
        assert!(Manifest::parse(text.as_bytes(), Some(MediaType::DOCKER_MANIFEST)).is_ok());
        assert!(matches!(
            Manifest::parse(text.as_bytes(), Some(MediaType::OCI_MANIFEST)),
            Err(ManifestError::MediaTypeMismatch { .. })
        ));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = Manifest::parse(&bytes, None);
        }
    }
}
