//! Lays an image out as one tarball that `docker load`, `podman load` and OCI tools all read.
//!
//! Blobs are streamed as they are stored into a tar of known length, so that a download has a
//! progress bar and can be resumed. The same image always gives the same bytes.

use std::ops::Range;
use std::str::FromStr;

use bytes::Bytes;
use dockyard_oci::{Digest, Manifest, ManifestKind, Reference};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tokio_tar::{EntryType, Header};

use super::Archives;
use super::documents::{SavedImage, blob_name};
use crate::accounts::{Grant, Pull};
use crate::db::tables::repository_blobs;
use crate::images::{Blob, Blobs, ImageError, StoredManifest};
use crate::store::ByteStream;

/// Size in bytes of a tar header, and what every file is filled up to.
const BLOCK: u64 = 512;

/// The machine to take the image for, `os/architecture` with perhaps `/variant`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            variant: None,
        }
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let mut parts = text.split('/').map(ToOwned::to_owned);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(os), Some(architecture), variant, None)
                if !os.is_empty() && !architecture.is_empty() =>
            {
                Ok(Self {
                    os,
                    architecture,
                    variant,
                })
            }
            _ => Err(PlatformError),
        }
    }
}

/// A text that does not name a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a platform is written os/architecture, as in linux/amd64")]
pub struct PlatformError;

/// A tarball that is laid out but not read yet.
#[derive(Debug)]
pub struct Export {
    /// Of the manifest that is inside.
    pub digest: Digest,
    /// Length of the tarball in bytes.
    pub length: u64,
    parts: Vec<Part>,
    blobs: Blobs,
}

#[derive(Debug, Clone)]
enum Part {
    Bytes(Bytes),
    Blob(Blob),
}

impl Part {
    fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Blob(blob) => blob.size_bytes,
        }
    }
}

impl Export {
    /// Streams a range of the tarball's bytes.
    pub fn read(&self, range: Range<u64>) -> ByteStream {
        let (mut at, mut wanted) = (0, Vec::new());
        for part in &self.parts {
            let (start, end) = (at, at + part.length());
            at = end;
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                wanted.push((part.clone(), from - start..to - start));
            }
        }
        let blobs = self.blobs.clone();
        stream::iter(wanted)
            .then(move |(part, range)| read_part(blobs.clone(), part, range))
            .try_flatten()
            .boxed()
    }
}

async fn read_part(blobs: Blobs, part: Part, range: Range<u64>) -> std::io::Result<ByteStream> {
    match part {
        Part::Blob(blob) => blobs
            .read(&blob, range)
            .await
            .map_err(std::io::Error::other),
        Part::Bytes(bytes) => {
            let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
            let bytes = bytes.slice(index(range.start)..index(range.end));
            Ok(stream::iter([Ok(bytes)]).boxed())
        }
    }
}

pub(super) async fn lay_out(
    archives: &Archives,
    grant: &Grant<Pull>,
    reference: &Reference,
    platform: &Platform,
) -> Result<Export, ImageError> {
    let (stored, manifest) = choose(archives, grant, reference, platform).await?;
    let needed: Vec<&Digest> = manifest
        .config
        .iter()
        .chain(&manifest.layers)
        .map(|d| &d.digest)
        .collect();
    let found = repository_blobs::find_many(&archives.db, grant.repository_id(), &needed).await?;
    let mut tar = Layout { parts: Vec::new() };
    tar.file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    tar.file("index.json", &index_json(grant, reference, &stored));
    tar.file("manifest.json", &manifest_json(grant, reference, &manifest));
    tar.file(&blob_name(&stored.digest), &stored.bytes);
    let mut placed: Vec<&Digest> = Vec::new();
    for digest in needed {
        if placed.contains(&digest) {
            continue;
        }
        placed.push(digest);
        let blob = found.iter().find(|blob| blob.digest == *digest);
        tar.blob(blob.ok_or_else(|| crate::images::blobs::unknown(digest, grant.repository()))?);
    }
    tar.parts.push(Part::Bytes(Bytes::from_static(&[0; 1024])));
    let length = tar.parts.iter().map(Part::length).sum();
    Ok(Export {
        digest: stored.digest,
        length,
        parts: tar.parts,
        blobs: archives.blobs.clone(),
    })
}

/// Finds the image that is meant; of an index, the one for the platform.
async fn choose(
    archives: &Archives,
    grant: &Grant<Pull>,
    reference: &Reference,
    platform: &Platform,
) -> Result<(StoredManifest, Manifest), ImageError> {
    const DEPTH_MAX: u8 = 4;
    let unknown = || ImageError::ManifestUnknown {
        reference: reference.clone(),
        repository: grant.repository().clone(),
    };
    let mut stored = archives.manifests.take(grant, reference).await?;
    for _ in 0..DEPTH_MAX {
        let manifest = Manifest::parse(&stored.bytes, Some(stored.media_type.as_str()))?;
        if manifest.kind == ManifestKind::Image {
            return Ok((stored, manifest));
        }
        let fits = |d: &&dockyard_oci::Descriptor| {
            d.platform.as_ref().is_some_and(|p| {
                p.os == platform.os
                    && p.architecture == platform.architecture
                    && (platform.variant.is_none() || platform.variant == p.variant)
            })
        };
        let child = manifest.manifests.iter().find(fits).ok_or_else(unknown)?;
        let child = Reference::Digest(child.digest.clone());
        stored = archives.manifests.take(grant, &child).await?;
    }
    Err(unknown())
}

fn index_json(grant: &Grant<Pull>, reference: &Reference, stored: &StoredManifest) -> Vec<u8> {
    let mut descriptor = json!({
        "mediaType": stored.media_type,
        "digest": stored.digest,
        "size": stored.bytes.len(),
    });
    if let Reference::Tag(tag) = reference {
        descriptor["annotations"] = json!({
            "io.containerd.image.name": format!("docker.io/{}:{tag}", grant.repository()),
            "org.opencontainers.image.ref.name": tag,
        });
    }
    json!({ "schemaVersion": 2, "manifests": [descriptor] })
        .to_string()
        .into_bytes()
}

fn manifest_json(grant: &Grant<Pull>, reference: &Reference, manifest: &Manifest) -> Vec<u8> {
    let repo_tags = match reference {
        Reference::Tag(tag) => Some(vec![format!("{}:{tag}", grant.repository())]),
        Reference::Digest(_) => None,
    };
    let saved = SavedImage {
        config: manifest
            .config
            .as_ref()
            .map(|c| blob_name(&c.digest))
            .unwrap_or_default(),
        repo_tags,
        layers: manifest
            .layers
            .iter()
            .map(|layer| blob_name(&layer.digest))
            .collect(),
    };
    serde_json::to_vec(&[saved]).expect("names are plain strings")
}

/// The parts of a tarball, in order.
struct Layout {
    parts: Vec<Part>,
}

impl Layout {
    fn file(&mut self, name: &str, bytes: &[u8]) {
        let mut part = header(name, bytes.len() as u64);
        part.extend_from_slice(bytes);
        part.resize(part.len() + padding(bytes.len() as u64), 0);
        self.parts.push(Part::Bytes(part.into()));
    }

    fn blob(&mut self, blob: &Blob) {
        self.parts.push(Part::Bytes(
            header(&blob_name(&blob.digest), blob.size_bytes).into(),
        ));
        self.parts.push(Part::Blob(blob.clone()));
        self.parts
            .push(Part::Bytes(vec![0; padding(blob.size_bytes)].into()));
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
