//! Lays images out as one tarball that `docker load`, `podman load` and OCI tools all read.
//!
//! Blobs are streamed as they are stored into a tar of known length, so that a download has a
//! progress bar and can be resumed. The same image always gives the same bytes.

mod choose;
mod layout;
mod unpacked;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use dockyard_oci::{Digest, Manifest, Platform, Reference};
use futures::{StreamExt, TryStreamExt, stream};

use self::layout::{Layout, Part};
pub(crate) use self::unpacked::Lengths;
use super::Archives;
use super::documents::blob_name;
use crate::accounts::{Grant, Pull};
use crate::db::tables::repository_blobs;
use crate::images::{Blob, ImageError, StoredManifest};
use crate::store::ByteStream;

/// What of an image is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Wanted {
    /// The image; of several the one for linux/amd64, unless there is only one for another machine.
    #[default]
    Image,
    /// The image for a machine.
    For(Platform),
    /// All that a reference leads to, as an OCI layout: an index with its images and what is attached to them.
    Everything,
}

/// Who will read the tarball.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reader {
    #[default]
    Any,
    /// Docker up to 22, which knows gzip and no zstd.
    Docker20,
}

/// A tarball that is laid out but not read yet.
#[derive(Debug)]
pub struct Export {
    /// Of the manifest that is inside.
    pub digest: Digest,
    /// Length of the tarball in bytes.
    pub length: u64,
    parts: Vec<Part>,
    archives: Archives,
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
        let archives = self.archives.clone();
        stream::iter(wanted)
            .then(move |(part, range)| read_part(archives.clone(), part, range))
            .try_flatten()
            .boxed()
    }
}

async fn read_part(
    archives: Archives,
    part: Part,
    range: Range<u64>,
) -> std::io::Result<ByteStream> {
    match part {
        Part::Blob(blob) => {
            let stream = archives.blobs.read(&blob, range).await;
            stream.map_err(std::io::Error::other)
        }
        Part::Unpacked { blob, .. } => {
            let stream = unpacked::read(&archives.blobs, &blob, range).await;
            stream.map_err(std::io::Error::other)
        }
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
    wanted: &Wanted,
    reader: Reader,
) -> Result<Export, ImageError> {
    let export = Exporter {
        archives,
        grant,
        reference,
    };
    if *wanted == Wanted::Everything {
        return export.everything().await;
    }
    let (stored, manifest) = export.choose(wanted).await?;
    let has_zstd = manifest
        .layers
        .iter()
        .any(|layer| layer.media_type.as_str().ends_with("+zstd"));
    if reader == Reader::Docker20 && has_zstd {
        export.for_docker20(stored, &manifest).await
    } else {
        export.hybrid(stored, &manifest).await
    }
}

struct Exporter<'a> {
    archives: &'a Archives,
    grant: &'a Grant<Pull>,
    reference: &'a Reference,
}

impl Exporter<'_> {
    /// An image as docker and OCI tools read it, both from one file.
    async fn hybrid(
        &self,
        stored: StoredManifest,
        manifest: &Manifest,
    ) -> Result<Export, ImageError> {
        let blobs = self.blobs_of(&[manifest]).await?;
        let mut tar = Layout::default();
        tar.file("oci-layout", layout::OCI_LAYOUT);
        tar.file("index.json", &self.index_json(&stored));
        tar.file("manifest.json", &self.manifest_json(manifest));
        tar.document(&stored.digest, &stored.bytes);
        for blob in blobs {
            tar.blob(blob);
        }
        Ok(self.finish(stored.digest, tar))
    }

    /// An index with its images, attestations and all, as an OCI layout.
    async fn everything(&self) -> Result<Export, ImageError> {
        let documents = self.documents().await?;
        let (top, manifest) = &documents[0];
        if documents.len() == 1 && manifest.manifests.is_empty() {
            return self.hybrid(top.clone(), manifest).await;
        }
        let manifests: Vec<&Manifest> = documents.iter().map(|(_, manifest)| manifest).collect();
        let blobs = self.blobs_of(&manifests).await?;
        let mut tar = Layout::default();
        tar.file("oci-layout", layout::OCI_LAYOUT);
        tar.file("index.json", &self.index_json(top));
        for (stored, _) in &documents {
            tar.document(&stored.digest, &stored.bytes);
        }
        for blob in blobs {
            tar.blob(blob);
        }
        Ok(self.finish(top.digest.clone(), tar))
    }

    /// An image for docker alone, with the layers that it can't unpack unpacked. Each file stands at the place of its
    /// own digest: an unpacked layer at that of its diff id.
    async fn for_docker20(
        &self,
        stored: StoredManifest,
        manifest: &Manifest,
    ) -> Result<Export, ImageError> {
        let diff_ids = self.diff_ids(manifest).await?;
        let mut tar = Layout::default();
        let layers = manifest.layers.iter().zip(&diff_ids);
        let unpacked: HashMap<Digest, &Digest> = layers
            .filter(|(layer, _)| layer.media_type.as_str().ends_with("+zstd"))
            .map(|(layer, diff_id)| (layer.digest.clone(), diff_id))
            .collect();
        let place = |digest: &Digest| blob_name(unpacked.get(digest).copied().unwrap_or(digest));
        let config = manifest.config.as_ref().map(|config| place(&config.digest));
        let layers = manifest.layers.iter().map(|layer| place(&layer.digest));
        let saved = self.saved(config.unwrap_or_default(), layers.collect());
        tar.file("manifest.json", &saved);
        tar.document(&stored.digest, &stored.bytes);
        let mut written = HashSet::new();
        for blob in self.blobs_of(&[manifest]).await? {
            let place = place(&blob.digest);
            // The same layer may have been compressed in two ways.
            if !written.insert(place.clone()) {
                continue;
            }
            let part = if unpacked.contains_key(&blob.digest) {
                self.unpacked(&blob).await?
            } else {
                Part::Blob(blob)
            };
            tar.part(&place, part);
        }
        Ok(self.finish(stored.digest, tar))
    }

    async fn unpacked(&self, blob: &Blob) -> Result<Part, ImageError> {
        let archives = self.archives;
        let length = archives.lengths.of(&archives.blobs, blob).await?;
        Ok(Part::Unpacked {
            blob: blob.clone(),
            length,
        })
    }

    /// Finds the blobs of images, each once, in the order in which they are first named.
    async fn blobs_of(&self, manifests: &[&Manifest]) -> Result<Vec<Blob>, ImageError> {
        let mut needed: Vec<&Digest> = Vec::new();
        let mut seen = HashSet::new();
        for manifest in manifests {
            let blobs = manifest.config.iter().chain(&manifest.layers);
            needed.extend(
                blobs
                    .map(|d| &d.digest)
                    .filter(|digest| seen.insert(*digest)),
            );
        }
        let id = self.grant.repository_id();
        let found = repository_blobs::find_many(&self.archives.db, id, &needed).await?;
        let mut found: HashMap<Digest, Blob> = found
            .into_iter()
            .map(|blob| (blob.digest.clone(), blob))
            .collect();
        let take = |digest: &Digest| {
            let unknown = || crate::images::blobs::unknown(digest, self.grant.repository());
            found.remove(digest).ok_or_else(unknown)
        };
        needed.into_iter().map(take).collect()
    }

    fn finish(&self, digest: Digest, tar: Layout) -> Export {
        let parts = tar.finish();
        Export {
            digest,
            length: parts.iter().map(Part::length).sum(),
            parts,
            archives: self.archives.clone(),
        }
    }
}
