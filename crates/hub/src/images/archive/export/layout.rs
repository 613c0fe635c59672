//! The parts of a tarball, and the documents in it.

use bytes::Bytes;
use dockyard_oci::{Digest, Manifest, Reference};
use serde_json::json;
use tokio_tar::{EntryType, Header};

use super::Exporter;
use crate::images::archive::documents::{SavedImage, blob_name};
use crate::images::{Blob, StoredManifest};

/// Size in bytes of a tar header, and what every file is filled up to.
const BLOCK: u64 = 512;
/// Says that a folder is an OCI layout. Source: OCI image-spec, "oci-layout file".
pub(super) const OCI_LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

#[derive(Debug, Clone)]
pub(super) enum Part {
    Bytes(Bytes),
    Blob(Blob),
    /// A zstd layer, as what is inside.
    Unpacked {
        blob: Blob,
        /// In bytes.
        length: u64,
    },
}

impl Part {
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Blob(blob) => blob.size_bytes,
            Self::Unpacked { length, .. } => *length,
        }
    }
}

/// The parts of a tarball, in order.
#[derive(Default)]
pub(super) struct Layout {
    parts: Vec<Part>,
}

impl Layout {
    /// Adds a small file.
    pub(super) fn file(&mut self, name: &str, bytes: &[u8]) {
        self.part(name, Part::Bytes(Bytes::copy_from_slice(bytes)));
    }

    /// Adds a manifest at the place of its digest.
    pub(super) fn document(&mut self, digest: &Digest, bytes: &Bytes) {
        self.part(&blob_name(digest), Part::Bytes(bytes.clone()));
    }

    /// Adds a blob at the place of its digest.
    pub(super) fn blob(&mut self, blob: Blob) {
        self.part(&blob_name(&blob.digest), Part::Blob(blob));
    }

    /// Adds a file.
    pub(super) fn part(&mut self, name: &str, part: Part) {
        let length = part.length();
        self.parts.push(Part::Bytes(header(name, length).into()));
        self.parts.push(part);
        let padding = vec![0; padding(length)];
        self.parts.push(Part::Bytes(padding.into()));
    }

    /// Ends the tar.
    pub(super) fn finish(mut self) -> Vec<Part> {
        self.parts.push(Part::Bytes(Bytes::from_static(&[0; 1024])));
        self.parts
    }
}

impl Exporter<'_> {
    pub(super) fn index_json(&self, stored: &StoredManifest) -> Vec<u8> {
        let mut descriptor = json!({
            "mediaType": stored.media_type,
            "digest": stored.digest,
            "size": stored.bytes.len(),
        });
        if let Reference::Tag(tag) = self.reference {
            descriptor["annotations"] = json!({
                "io.containerd.image.name": format!("docker.io/{}:{tag}", self.grant.repository()),
                "org.opencontainers.image.ref.name": tag,
            });
        }
        json!({ "schemaVersion": 2, "manifests": [descriptor] })
            .to_string()
            .into_bytes()
    }

    /// Is the `manifest.json` of an image whose blobs stand at the places of their digests.
    pub(super) fn manifest_json(&self, manifest: &Manifest) -> Vec<u8> {
        let config = manifest.config.as_ref().map(|c| blob_name(&c.digest));
        let layers = manifest.layers.iter().map(|layer| blob_name(&layer.digest));
        self.saved(config.unwrap_or_default(), layers.collect())
    }

    /// Is the `manifest.json` of an image by the names of its files.
    pub(super) fn saved(&self, config: String, layers: Vec<String>) -> Vec<u8> {
        let repo_tags = match self.reference {
            Reference::Tag(tag) => Some(vec![format!("{}:{tag}", self.grant.repository())]),
            Reference::Digest(_) => None,
        };
        let saved = SavedImage {
            config,
            repo_tags,
            layers,
        };
        serde_json::to_vec(&[saved]).expect("names are plain strings")
    }
}

fn header(name: &str, size_bytes: u64) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header
        .set_path(name)
        .expect("names of an OCI layout fit a tar header");
    header.set_entry_type(EntryType::Regular);
    header.set_size(size_bytes);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn padding(size_bytes: u64) -> usize {
    usize::try_from((BLOCK - size_bytes % BLOCK) % BLOCK).unwrap_or_default()
}
