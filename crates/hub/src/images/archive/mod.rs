//! Tarballs in and out: the same images as through the registry's door.
//!
//! Nothing is ever unpacked: names in a tarball are keys of a map, layers stream into the same
//! uploads as a push, and the manifest is put by the same call. Only manifests say what a file is; an image of an OCI
//! layout is stored byte for byte.

mod assemble;
mod budget;
mod choice;
mod contents;
mod decode;
mod documents;
mod error;
mod export;
mod gzip;
mod import;
mod known;
mod pack;
mod tarball;

use bytes::Bytes;
use dockyard_oci::{Digest, Reference, Tag};
use futures::Stream;
use std::io;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use self::decode::Packing;
use super::{Blobs, ImageError, Manifests, Uploads};
use crate::Id;
use crate::accounts::{Grant, Pull, Push, User};
use crate::admission::{Busy, Places, SharedPlace, SharedPlaces, network};
use crate::db::Db;
use crate::db::tables::layers;

pub use error::{ExportError, ImportError};
pub use export::{Export, Reader, Wanted};

/// Imports at once, from one network, and of one user.
const IMPORTS: usize = 64;
const IMPORTS_OF_NETWORK: usize = 32;
pub const IMPORTS_OF_ONE: usize = 16;
/// Decoders at once that take up to 66 MiB each (xz, and zstd by what its frames ask for), from one network, and
/// of one user.
const DEAR: usize = 16;
const DEAR_OF_NETWORK: usize = 8;
const DEAR_OF_ONE: usize = 4;

/// Tarballs that are on their way out at once, and to one network.
const EXPORTS: usize = 512;
const EXPORTS_OF_ONE: usize = 64;
/// Those of them for which layers are unpacked, each range from the layer's start.
const UNPACKING: usize = 32;
const UNPACKING_OF_ONE: usize = 8;

/// Tarballs of everything that a reference leads to that are laid out at once, and for one network: each may ask for a
/// thousand manifests.
const EVERYTHING: usize = 16;
const EVERYTHING_OF_ONE: usize = 4;
/// Layers that are remembered as damaged.
const DAMAGED_REMEMBERED: usize = 1000;

/// An image that a tarball held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedImage {
    pub tags: Vec<Tag>,
    pub digest: Digest,
    /// Bytes of the config and layers as they are stored.
    pub size_bytes: u64,
    pub layers: u32,
    /// How many of the layers were in the repository before.
    pub layers_reused: u32,
}

/// Selects the images of a tarball to store, and their tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// The tag of the one image; without, every image gets the tags that the tarball names.
    pub tag: Option<Tag>,
    /// The digest of the one image, which gets no tag.
    pub digest: Option<Digest>,
    /// The image that is meant, by a name or digest of the tarball.
    pub image: Option<String>,
}

/// Result of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    pub images: Vec<ImportedImage>,
    /// Digests of what is attached to the images: signatures and the like.
    pub attached: Vec<Digest>,
    /// Entries that were not stored, each with the reason, one line each.
    pub left_out: Vec<String>,
}

/// Takes tarballs in and hands them out.
#[derive(Debug, Clone)]
pub struct Archives {
    db: Db,
    uploads: Uploads,
    blobs: Blobs,
    manifests: Manifests,
    lengths: export::Lengths,
    imports: SharedPlaces<Option<Id>>,
    dear: SharedPlaces<Option<Id>>,
    damaged: Damaged,
    exports: Places<u128>,
    unpacking: Places<u128>,
    everything: Places<u128>,
}

/// Layers that could not be unpacked lately: nobody has that tried again and again.
#[derive(Debug, Clone)]
struct Damaged(Arc<Mutex<LruCache<Digest, ()>>>);

impl Default for Damaged {
    fn default() -> Self {
        let capacity = NonZeroUsize::new(DAMAGED_REMEMBERED).expect("more than none");
        Self(Arc::new(Mutex::new(LruCache::new(capacity))))
    }
}

impl Damaged {
    fn remember(&self, layer: &Digest) {
        self.lock().put(layer.clone(), ());
    }

    fn holds(&self, layer: &Digest) -> bool {
        self.lock().get(layer).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Digest, ()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Archives {
    pub(crate) fn new(db: Db, uploads: Uploads, blobs: Blobs, manifests: Manifests) -> Self {
        Self {
            db,
            uploads,
            blobs,
            manifests,
            lengths: export::Lengths::default(),
            imports: SharedPlaces::new(IMPORTS, IMPORTS_OF_NETWORK, IMPORTS_OF_ONE),
            dear: SharedPlaces::new(DEAR, DEAR_OF_NETWORK, DEAR_OF_ONE),
            damaged: Damaged::default(),
            everything: Places::new(EVERYTHING, EVERYTHING_OF_ONE),
            exports: Places::new(EXPORTS, EXPORTS_OF_ONE),
            unpacking: Places::new(UNPACKING, UNPACKING_OF_ONE),
        }
    }

    /// Reads a tarball as a stream and stores the images that it holds.
    ///
    /// Takes what `docker save`, `podman save` and the OCI layout write, plain or compressed with
    /// gzip, zstd, xz or bzip2. Tags move only when everything of their image is durable. It stops when the future is
    /// dropped.
    ///
    /// `from` is where the request comes from. Errors: what is wrong with the tarball, or which images it holds where one
    /// must be chosen; `Busy` when the user, that network, or all together have many under way.
    pub async fn import(
        &self,
        grant: &Grant<Push>,
        from: IpAddr,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
        options: &ImportOptions,
    ) -> Result<Imported, ImportError> {
        let _place = self.imports.take(grant.user_id(), from)?;
        let budget = Arc::default();
        let contents = import::read(self, grant, from, bytes, &budget).await?;
        let order = assemble::Order {
            archives: self,
            grant,
            from,
            budget: &budget,
            options,
        };
        // On the heap: it is large, and so are the futures around it.
        Box::pin(assemble::images(order, contents)).await
    }

    /// Takes a place for a decoder, if it is one that needs much memory.
    ///
    /// Errors: `Busy` when too many are at work.
    fn decoder_place(
        &self,
        packing: Packing,
        grant: &Grant<Push>,
        from: IpAddr,
    ) -> Result<Option<SharedPlace<Option<Id>>>, Busy> {
        let place = packing
            .is_dear()
            .then(|| self.dear.take(grant.user_id(), from));
        place.transpose()
    }

    /// Tells which layers a tarball of a user's may leave out, of those that are asked for by the digest of the layer or
    /// of its blob: what was stored from a tarball before, and may be read by that user.
    pub async fn known_layers(
        &self,
        user: &User,
        layers: &[Digest],
    ) -> Result<Vec<Digest>, ImageError> {
        Ok(layers::list_readable(&self.db, layers, user.id).await?)
    }

    /// Lays out the tarball of an image that every engine's `load` accepts, of known length.
    ///
    /// `from` is where the request comes from. Errors: `Busy` when many are on their way there, or to all;
    /// `ManifestUnknown` when there is no such image, `PlatformUnknown` when there is none for the machine; `NotAnImage`
    /// and `TooManyManifests` for what can't be written as it is wanted.
    pub async fn export(
        &self,
        grant: &Grant<Pull>,
        from: IpAddr,
        reference: &Reference,
        (wanted, reader): (&Wanted, Reader),
    ) -> Result<Export, ExportError> {
        let places = match reader {
            Reader::Any => &self.exports,
            Reader::Docker20 => &self.unpacking,
        };
        let place = places.take(network(from))?;
        let _laying_out = match wanted {
            Wanted::Everything => Some(self.everything.take(network(from))?),
            Wanted::Image | Wanted::For(_) => None,
        };
        Ok(export::lay_out(self, grant, place, reference, (wanted, reader)).await?)
    }
}
