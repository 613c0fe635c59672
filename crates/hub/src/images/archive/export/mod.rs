//! Lays images out as one tarball that `docker load`, `podman load` and OCI tools all read.
//!
//! Blobs are streamed as they are stored into a tar of known length, so that a download has a
//! progress bar and can be resumed. The same image always gives the same bytes.

mod choose;
mod layout;
mod unpacked;

use std::collections::{HashMap, HashSet};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use dockyard_oci::{Digest, Manifest, Platform, Reference};
use futures::{StreamExt, TryStreamExt, stream};

use self::layout::{Content, Document, Layout, Part, TarFile, ZEROS};
pub(crate) use self::unpacked::Lengths;
use super::Archives;
use super::documents::blob_name;
use crate::accounts::{Grant, Pull};
use crate::admission::Place;
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

/// A tarball that is laid out but not read yet: of each file it knows the length and where its bytes are.
#[derive(Debug)]
pub struct Export {
    /// Of the manifest that is inside.
    pub digest: Digest,
    /// Length of the tarball in bytes.
    pub length: u64,
    files: Arc<[TarFile]>,
    source: Arc<Source>,
    /// The manifest that is counted as pulled.
    taken: Option<StoredManifest>,
}

/// Where the files of a tarball are read from, each when its turn comes.
#[derive(Debug)]
struct Source {
    archives: Archives,
    grant: Grant<Pull>,
    _place: Place<u128>,
}

impl Export {
    /// Counts the image as pulled by a client: anything that tells clients apart.
    pub fn count(&mut self, client: u64) {
        if let Some(manifest) = self.taken.take() {
            let Source {
                archives, grant, ..
            } = &*self.source;
            archives.manifests.note_pull(grant, &manifest, client);
        }
    }

    /// Streams a range of the tarball's bytes.
    pub fn read(&self, range: Range<u64>) -> ByteStream {
        let (files, source) = (self.files.clone(), self.source.clone());
        let mut at = 0;
        let wanted = (0..files.len()).filter_map({
            let files = files.clone();
            move |i| {
                let (start, end) = (at, at + files[i].span());
                at = end;
                let (from, to) = (range.start.max(start), range.end.min(end));
                (from < to).then(|| (i, from - start..to - start))
            }
        });
        stream::iter(wanted)
            .then(move |(i, range)| {
                let (files, source) = (files.clone(), source.clone());
                async move { source.read(&files[i], range).await }
            })
            .try_flatten()
            .boxed()
    }
}

impl Source {
    /// Streams a range of a file with its header and what fills it up.
    async fn read(&self, file: &TarFile, range: Range<u64>) -> io::Result<ByteStream> {
        let mut parts = Vec::with_capacity(3);
        let mut at = 0;
        for (part, length) in file.parts() {
            let (start, end) = (at, at + length);
            at = end;
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                let within = from - start..to - start;
                parts.push(match part {
                    Part::Header => once(slice(&file.header(), within)),
                    Part::Content => self.content(&file.content, within).await?,
                    Part::Zeros => once(slice(&Bytes::from_static(&ZEROS), within)),
                });
            }
        }
        Ok(stream::iter(parts).flatten().boxed())
    }

    async fn content(&self, content: &Content, range: Range<u64>) -> io::Result<ByteStream> {
        let blobs = &self.archives.blobs;
        let stream = match content {
            Content::Blob(blob) => blobs.read(blob, range).await,
            Content::Unpacked { blob, .. } => unpacked::read(blobs, blob, range).await,
            Content::Bytes(bytes) => return Ok(once(slice(bytes, range))),
            Content::Document { digest, .. } => {
                let manifests = &self.archives.manifests;
                return Ok(manifests.read_range(&self.grant, digest, range));
            }
        };
        stream.map_err(io::Error::other)
    }
}

fn once(bytes: Bytes) -> ByteStream {
    stream::iter([Ok(bytes)]).boxed()
}

/// Takes a range of what is in memory; what is not there is left out, and missed at the end.
fn slice(bytes: &Bytes, range: Range<u64>) -> Bytes {
    let index = |at: u64| usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
    bytes.slice(index(range.start)..index(range.end))
}

pub(super) async fn lay_out(
    archives: &Archives,
    grant: &Grant<Pull>,
    place: Place<u128>,
    reference: &Reference,
    (wanted, reader): (&Wanted, Reader),
) -> Result<Export, ImageError> {
    let exporter = Exporter {
        archives,
        grant,
        reference,
        taken: Mutex::new(None),
    };
    let (digest, layout) = exporter.lay_out(wanted, reader).await?;
    let files = layout.finish();
    let taken = exporter
        .taken
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let source = Source {
        archives: archives.clone(),
        grant: grant.clone(),
        _place: place,
    };
    Ok(Export {
        digest,
        length: files.iter().map(TarFile::span).sum(),
        files: files.into(),
        source: Arc::new(source),
        taken,
    })
}

struct Exporter<'a> {
    archives: &'a Archives,
    grant: &'a Grant<Pull>,
    reference: &'a Reference,
    /// The manifest that is taken.
    taken: Mutex<Option<StoredManifest>>,
}

impl Exporter<'_> {
    async fn lay_out(
        &self,
        wanted: &Wanted,
        reader: Reader,
    ) -> Result<(Digest, Layout), ImageError> {
        if *wanted == Wanted::Everything {
            return self.everything().await;
        }
        let (stored, manifest) = self.choose(wanted).await?;
        self.note(&stored);
        let has_zstd = manifest
            .layers
            .iter()
            .any(|layer| layer.media_type.as_str().ends_with("+zstd"));
        if reader == Reader::Docker20 && has_zstd {
            self.for_docker20(stored, &manifest).await
        } else {
            self.hybrid(&stored, &manifest).await
        }
    }

    /// Remembers the image that is taken, to be counted.
    fn note(&self, manifest: &StoredManifest) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = Some(manifest.clone());
    }

    /// An image as docker and OCI tools read it, both from one file; what docker cannot load, as OCI tools do alone.
    async fn hybrid(
        &self,
        stored: &StoredManifest,
        manifest: &Manifest,
    ) -> Result<(Digest, Layout), ImageError> {
        let found = self.find(needed(manifest)).await?;
        let head = Document::of(stored);
        let digest = head.digest.clone();
        let mut tar = self.layout(manifest, &found, &head, &[]);
        tar.document(head);
        for blob in found.blobs {
            tar.blob(blob);
        }
        Ok((digest, tar))
    }

    /// Whatever a reference leads to: an index with its images, attestations and all, and what refers to them.
    async fn everything(&self) -> Result<(Digest, Layout), ImageError> {
        let (stored, manifest) = self.take(self.reference).await?;
        self.note(&stored);
        let (documents, referrers, needed) = self.documents(&stored, &manifest).await?;
        let found = self.find(needed).await?;
        let mut tar = self.layout(&manifest, &found, &Document::of(&stored), &referrers);
        for document in documents {
            tar.document(document);
        }
        for blob in found.blobs {
            tar.blob(blob);
        }
        Ok((stored.digest, tar))
    }

    /// Begins a tarball with the documents that say what is in it.
    fn layout(
        &self,
        manifest: &Manifest,
        found: &Found,
        head: &Document,
        referrers: &[Document],
    ) -> Layout {
        let mut tar = Layout::default();
        tar.file("oci-layout", layout::OCI_LAYOUT);
        tar.file("index.json", &self.index_json(head, referrers));
        if found.is_whole && is_for_docker(manifest) {
            tar.file("manifest.json", &self.manifest_json(manifest));
        }
        tar
    }

    /// An image for docker alone, with the layers that it can't unpack unpacked. Each file stands at the place of its
    /// own digest: an unpacked layer at that of its diff id.
    async fn for_docker20(
        &self,
        stored: StoredManifest,
        manifest: &Manifest,
    ) -> Result<(Digest, Layout), ImageError> {
        let diff_ids = self.diff_ids(manifest).await?;
        let found = self.find(needed(manifest)).await?;
        if !found.is_whole || !is_for_docker(manifest) {
            return Err(ImageError::NotAnImage(self.reference.clone()));
        }
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
        tar.document(Document::of(&stored));
        let mut written = HashSet::new();
        for blob in found.blobs {
            let place = place(&blob.digest);
            // The same layer may have been compressed in two ways.
            if !written.insert(place.clone()) {
                continue;
            }
            let content = if unpacked.contains_key(&blob.digest) {
                self.unpacked(&blob).await?
            } else {
                Content::Blob(blob)
            };
            tar.add(place, content);
        }
        Ok((stored.digest, tar))
    }

    async fn unpacked(&self, blob: &Blob) -> Result<Content, ImageError> {
        let archives = self.archives;
        let length = archives.lengths.of(&archives.blobs, blob).await?;
        Ok(Content::Unpacked {
            blob: blob.clone(),
            length,
        })
    }

    /// Finds the blobs that are needed, in their order; those that are kept elsewhere may be missing.
    async fn find(&self, needed: Needed) -> Result<Found, ImageError> {
        let digests: Vec<&Digest> = needed.order.iter().collect();
        let id = self.grant.repository_id();
        let found = repository_blobs::find_many(&self.archives.db, id, &digests).await?;
        let mut found: HashMap<Digest, Blob> = found
            .into_iter()
            .map(|blob| (blob.digest.clone(), blob))
            .collect();
        let mut blobs = Vec::with_capacity(digests.len());
        for digest in digests {
            match found.remove(digest) {
                Some(blob) => blobs.push(blob),
                None if needed.foreign.contains(digest) => {}
                None => {
                    return Err(crate::images::blobs::unknown(
                        digest,
                        self.grant.repository(),
                    ));
                }
            }
        }
        Ok(Found {
            is_whole: blobs.len() == needed.order.len(),
            blobs,
        })
    }
}

/// The blobs of a tarball.
struct Found {
    blobs: Vec<Blob>,
    /// True if all blobs are in the repository.
    is_whole: bool,
}

/// Digests of blobs, each once, in the order in which they are first named.
#[derive(Default)]
struct Needed {
    order: Vec<Digest>,
    seen: HashSet<Digest>,
    /// Those that may be missing here.
    foreign: HashSet<Digest>,
}

impl Needed {
    fn add(&mut self, manifest: &Manifest) {
        for blob in manifest.config.iter().chain(&manifest.layers) {
            if self.seen.insert(blob.digest.clone()) {
                self.order.push(blob.digest.clone());
            }
            if blob.media_type.is_foreign() {
                self.foreign.insert(blob.digest.clone());
            }
        }
    }
}

fn needed(manifest: &Manifest) -> Needed {
    let mut needed = Needed::default();
    needed.add(manifest);
    needed
}

/// Tells whether docker can load an image: its configuration and all its layers are of the types that it knows.
fn is_for_docker(manifest: &Manifest) -> bool {
    let config = manifest.config.as_ref();
    config.is_some_and(|config| config.media_type.is_image_config())
        && manifest
            .layers
            .iter()
            .all(|layer| layer.media_type.is_layer())
}
