//! Finds the files that documents of a tarball name, and stores them in the form that is needed.

use std::collections::{HashMap, HashSet};
use std::io;

use bytes::Bytes;
use dockyard_oci::{Descriptor, Digest, Manifest, MediaType};
use futures::TryStreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, BufReader};
use tokio_util::io::{ReaderStream, StreamReader};

use super::Assembly;
use super::gaps::Gap;
use crate::images::ImageError;
use crate::images::archive::budget::Spending;
use crate::images::archive::contents::{File, Layer, STORED_MAX};
use crate::images::archive::decode::{Packing, decoder};
use crate::images::archive::documents::{blob_name, promised_digest};
use crate::images::archive::pack::{self, Form, Keep};
use crate::images::archive::tarball::READ_BYTES;
use crate::images::archive::{ImportError, known};

/// Most blobs that are stored for the documents of a tarball.
const BLOBS_MAX: usize = 10_000;
/// Most bytes that are made plain again for a tarball.
const RESTORED_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;
/// Largest ratio at which a layer that was compressed here is unpacked again: gzip itself can't exceed 1032.
const RESTORED_RATIO_MAX: u64 = 2000;

/// Results of an import so far, so that nothing is done twice.
#[derive(Default)]
pub(super) struct Done {
    /// Layers as registries have them, by the name of the file.
    layers: HashMap<String, Layer>,
    /// Blobs that were stored as they stood in the tarball.
    blobs: HashSet<Digest>,
    /// Blobs that are not in the tarball, as far as the caller can read them elsewhere.
    known: HashMap<Digest, Option<Layer>>,
    /// Manifests that were put.
    pub put: HashSet<Digest>,
    /// The first blob that is missing below a manifest, if any is.
    pub gaps: HashMap<(Digest, MediaType, bool), Option<Gap>>,
    /// Bytes of layers that were made plain again.
    restored_bytes: u64,
    /// Manifests that were counted.
    pub counted: HashSet<Digest>,
    pub left_out: Vec<String>,
    pub left_out_more: usize,
}

/// A blob of the repository.
pub(super) struct Found {
    pub is_reused: bool,
}

impl Assembly<'_> {
    /// Reads a document of the tarball, wherever it was kept.
    pub(super) async fn document(&self, name: &str) -> Result<Bytes, ImportError> {
        let no_document = || ImportError::Document {
            file: name.to_owned(),
            reason: "it is not a JSON document of at most 4 MiB".to_owned(),
        };
        let layer = match self.contents.find(name)? {
            File::Held(bytes) => return Ok(bytes.clone()),
            File::Stored(layer) => layer,
        };
        if !layer.is_as_it_stood {
            return Err(no_document());
        }
        let (blobs, grant) = (&self.order.archives.blobs, self.order.grant.pull());
        let most = Manifest::MAX_BYTES as u64;
        let read = blobs.read_small(&grant, &layer.digest, most).await?;
        read.map(Bytes::from).ok_or_else(no_document)
    }

    /// Makes sure that what a manifest names is a blob of the repository, byte for byte; `None` for what is kept
    /// elsewhere.
    pub(super) async fn blob(&self, named: &Descriptor) -> Result<Option<Found>, ImportError> {
        self.refer()?;
        let name = blob_name(&named.digest);
        let layer = match self.contents.find(&name) {
            Ok(File::Held(bytes)) => {
                require_size(named, bytes.len() as u64)?;
                self.store_bytes(bytes, &named.digest).await?;
                return Ok(Some(Found { is_reused: false }));
            }
            Ok(File::Stored(layer)) => layer.clone(),
            Err(error) => match self.known(&named.digest).await? {
                Some(layer) => layer,
                None if named.media_type.is_foreign() => return Ok(None),
                None => return Err(error),
            },
        };
        if layer.digest == named.digest {
            require_size(named, layer.size_bytes)?;
        } else {
            self.restore(&name, &layer, &named.digest).await?;
            let (blobs, grant) = (&self.order.archives.blobs, self.order.grant.pull());
            require_size(named, blobs.find(&grant, &named.digest).await?.size_bytes)?;
        }
        let is_reused = layer.reused;
        Ok(Some(Found { is_reused }))
    }

    /// Tells whether what a manifest names is at hand.
    pub(super) async fn has(&self, named: &Descriptor) -> Result<bool, ImportError> {
        let is_here = self.contents.find(&blob_name(&named.digest)).is_ok();
        Ok(is_here || named.media_type.is_foreign() || self.known(&named.digest).await?.is_some())
    }

    /// Finds what a tarball names and does not hold among what the caller can read.
    async fn known(&self, digest: &Digest) -> Result<Option<Layer>, ImportError> {
        if let Some(known) = self.done().known.get(digest) {
            return Ok(known.clone());
        }
        self.refer()?;
        let (archives, grant) = (self.order.archives, self.order.grant);
        let mut known = known::take_blob(archives, grant, digest).await?;
        if known.is_none() {
            known = known::take(archives, grant, digest, Form::Plain).await?;
        }
        self.done().known.insert(digest.clone(), known.clone());
        Ok(known)
    }

    /// Makes a blob again of a file that was compressed meanwhile, as it stood.
    async fn restore(&self, name: &str, layer: &Layer, digest: &Digest) -> Result<(), ImportError> {
        if self.done().blobs.contains(digest) {
            return Ok(());
        }
        if layer.original() != Some(digest) {
            return Err(ImportError::WrongDigest {
                entry: name.to_owned(),
                actual: layer.digest.clone(),
            });
        }
        // It may be stored already: whoever has what it was compressed to may have it.
        let blobs = &self.order.archives.blobs;
        let there = blobs.keep(self.order.grant, std::slice::from_ref(digest));
        match there.await {
            Ok(()) => {
                self.done().blobs.insert(digest.clone());
                return Ok(());
            }
            Err(ImageError::BlobUnknown { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        // It was compressed here, so it unpacks to what came once.
        let plain = self.read(&layer.digest, Packing::Gzip).await?;
        let left = RESTORED_BYTES_MAX.saturating_sub(self.done().restored_bytes);
        let most = RESTORED_RATIO_MAX
            .saturating_mul(layer.size_bytes)
            .min(left);
        let plain = ReaderStream::with_capacity(plain.take(most), READ_BYTES);
        self.store_stream(plain, digest).await?;
        let (blobs, grant) = (&self.order.archives.blobs, self.order.grant.pull());
        let restored = blobs.find(&grant, digest).await?.size_bytes;
        self.done().restored_bytes += restored;
        Ok(())
    }

    async fn store_bytes(&self, bytes: &Bytes, digest: &Digest) -> Result<(), ImportError> {
        if self.done().blobs.contains(digest) {
            return Ok(());
        }
        let bytes = futures::stream::iter([Ok(bytes.clone())]);
        self.store_stream(bytes, digest).await
    }

    async fn store_stream(
        &self,
        bytes: impl futures::Stream<Item = io::Result<Bytes>> + Send,
        digest: &Digest,
    ) -> Result<(), ImportError> {
        let (uploads, grant) = (&self.order.archives.uploads, self.order.grant);
        if self.done().blobs.len() == BLOBS_MAX {
            return Err(ImportError::Bounds("its documents name too many blobs"));
        }
        let upload = uploads.start(grant, digest.algorithm()).await?;
        let finished = uploads.finish(grant, upload.id, None, bytes, digest).await;
        if let Err(error) = finished {
            // Whatever is wrong, nobody goes on with it; one that ended already is gone.
            let _ = uploads.cancel(grant, upload.id).await;
            return Err(error.into());
        }
        self.done().blobs.insert(digest.clone());
        Ok(())
    }

    /// Stores a document of docker's under its digest.
    pub(super) async fn store_document(
        &self,
        bytes: &Bytes,
        digest: &Digest,
    ) -> Result<(), ImportError> {
        self.store_bytes(bytes, digest).await
    }

    /// Reads a stored blob through its compression.
    async fn read(
        &self,
        digest: &Digest,
        packing: Packing,
    ) -> Result<impl AsyncRead + Send + Unpin + use<>, ImportError> {
        let blobs = &self.order.archives.blobs;
        let blob = blobs.find(&self.order.grant.pull(), digest).await?;
        let bytes = blobs.read(&blob, 0..blob.size_bytes).await?;
        let bytes = StreamReader::new(bytes.map_err(io::Error::other));
        Ok(decoder(
            packing,
            BufReader::with_capacity(READ_BYTES, bytes),
        ))
    }

    /// Finds a layer of docker's in the form that registries have. One that it only names by digest may be left out of
    /// the tarball, if the caller can read it here already.
    pub(super) async fn layer(&self, name: &str) -> Result<Layer, ImportError> {
        self.refer()?;
        let place = self.contents.place(name).to_owned();
        if let Some(layer) = self.done().layers.get(&place) {
            return Ok(layer.clone());
        }
        if self.done().layers.len() == STORED_MAX {
            return Err(ImportError::Bounds("it has too many layers"));
        }
        let stored = match self.contents.find(&place) {
            Ok(File::Held(bytes)) => {
                let layer = self
                    .pack(name, Form::of(bytes), Source::Held(bytes))
                    .await?;
                return Ok(self.remember_layer(place, layer));
            }
            Ok(File::Stored(layer)) => layer.clone(),
            Err(missing) => self.known_layer(&place).await?.ok_or(missing)?,
        };
        let mut layer = match stored.form {
            Form::Packed(Packing::Gzip | Packing::Zstd) => stored,
            form if stored.is_as_it_stood => {
                self.pack(name, form, Source::Stored(&stored.digest))
                    .await?
            }
            _ => stored,
        };
        if let (None, Form::Packed(packing)) = (&layer.diff_id, layer.form) {
            let (archives, grant) = (self.order.archives, self.order.grant);
            let _place = archives.decoder_place(packing, grant, self.order.from)?;
            let diff_id = pack::diff_id(archives, grant, name, (&layer, packing)).await?;
            layer.diff_id = Some(diff_id);
        }
        Ok(self.remember_layer(place, layer))
    }

    fn remember_layer(&self, place: String, layer: Layer) -> Layer {
        self.done().layers.insert(place, layer.clone());
        layer
    }

    async fn known_layer(&self, name: &str) -> Result<Option<Layer>, ImportError> {
        let Some(digest) = promised_digest(name) else {
            return Ok(None);
        };
        let (archives, grant) = (self.order.archives, self.order.grant);
        Ok(known::take(archives, grant, &digest, Form::Plain).await?)
    }

    /// Stores a layer in the form that registries have; whatever no compression is told of is taken for plain.
    async fn pack(&self, name: &str, form: Form, source: Source<'_>) -> Result<Layer, ImportError> {
        if let Form::Unread(compression) = form {
            return Err(ImportError::LayerCompression {
                entry: name.to_owned(),
                compression,
            });
        }
        let (archives, grant) = (self.order.archives, self.order.grant);
        let packing = form.to_undo().unwrap_or(Packing::None);
        let _place = archives.decoder_place(packing, grant, self.order.from)?;
        let mut bytes: Box<dyn AsyncRead + Send + Unpin> = match source {
            Source::Stored(digest) => {
                let plain = self.read(digest, packing).await?;
                Box::new(Spending::new(plain, self.order.budget))
            }
            Source::Held(bytes) => {
                let plain = decoder(packing, io::Cursor::new(bytes.clone()));
                Box::new(Spending::new(plain, self.order.budget))
            }
        };
        if form.to_undo().is_some() {
            return pack::undone(archives, grant, form, name, &mut bytes).await;
        }
        let form = match form {
            Form::Other | Form::Unread(_) => Form::Plain,
            form => form,
        };
        let packed = (form, Keep::Packed);
        pack::store(archives, grant, packed, name, Bytes::new(), &mut bytes).await
    }

    /// Makes sure that layers are still in the repository: the tarball may have taken longer to arrive
    /// than what nothing refers to is kept.
    pub(super) async fn keep(&self, layers: &[Digest]) -> Result<(), ImportError> {
        let kept = self.order.archives.blobs.keep(self.order.grant, layers);
        match kept.await {
            Err(ImageError::BlobUnknown { digest, .. }) => Err(ImportError::LayerGone(digest)),
            other => Ok(other?),
        }
    }
}

/// Makes sure that a blob is as long as its descriptor says, before any tag is moved.
fn require_size(named: &Descriptor, actual: u64) -> Result<(), ImportError> {
    if named.size == actual {
        return Ok(());
    }
    Err(ImportError::Image(ImageError::ManifestBlobSize {
        digest: named.digest.clone(),
        said: named.size,
        actual,
    }))
}

/// Where a layer is packed from.
enum Source<'a> {
    Held(&'a Bytes),
    Stored(&'a Digest),
}
