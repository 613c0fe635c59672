//! Makes images of what a tarball held: of an OCI layout if all of it is there, else of docker's `manifest.json`, else of
//! what there is of the layout.

mod blobs;
mod gaps;
mod layout;
mod saved;

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use dockyard_oci::{Descriptor, Digest, Manifest, ManifestError, MediaType, Tag};
use serde::de::DeserializeOwned;

use self::blobs::Done;
use super::budget::Budget;
use super::choice::for_people;
use super::contents::Contents;
use super::documents::{Layout, SavedImages, parse_list};
use super::{Archives, ImportError, ImportOptions, Imported, ImportedImage};
use crate::accounts::{Grant, Push};

/// Deepest nesting of indexes that is followed; docker's containerd store writes two.
const DEPTH_MAX: u8 = 4;
/// Most manifests of a tarball: twice what comes out in one.
const MANIFESTS_MAX: usize = 2000;
/// Most times that the documents of a tarball name a layer or a document.
const REFERENCES_MAX: usize = 20_000;
/// Most lines that say what was left out.
const LEFT_OUT_MAX: usize = 20;

/// Where a tarball came from, and what is wanted of it.
pub(super) struct Order<'a> {
    pub archives: &'a Archives,
    pub grant: &'a Grant<Push>,
    pub from: IpAddr,
    pub budget: &'a Arc<Budget>,
    pub options: &'a ImportOptions,
}

/// Stores the images of a tarball that are wanted.
pub(super) async fn images(order: Order<'_>, contents: Contents) -> Result<Imported, ImportError> {
    let assembly = Assembly {
        order,
        contents,
        references: AtomicUsize::new(0),
        done: Mutex::default(),
    };
    let saved = assembly.parsed::<SavedImages>("manifest.json").await;
    let layout = assembly.parsed::<Layout>("index.json").await;
    // What one of the two says is enough.
    let (saved, layout) = match (saved, layout) {
        (Ok(Some(saved)), Err(_)) => (Some(saved), None),
        (Err(_), Ok(Some(layout))) => (None, Some(layout)),
        (saved, layout) => (saved?, layout?),
    };
    let mut imported = match (layout, saved) {
        (Some(layout), Some(saved)) => {
            // Docker's own store has no manifests: it makes some up, of layers that are not compressed. Elsewhere, what
            // docker lists beside an index is one image of it, without what is attached; beside an image it says nothing
            // that the image does not say itself, but for its name.
            let is_dockers = saved.0.iter().any(|image| image.is_dockers);
            if !is_dockers && Box::pin(assembly.is_whole(&layout)).await? {
                Box::pin(assembly.layout(layout, Some(saved))).await?
            } else {
                Box::pin(assembly.saved(saved)).await?
            }
        }
        (None, Some(saved)) => Box::pin(assembly.saved(saved)).await?,
        (Some(layout), None) => Box::pin(assembly.layout(layout, None)).await?,
        (None, None) if assembly.contents.is_of_old_docker() => return Err(ImportError::TooOld),
        (None, None) => return Err(ImportError::NoImage),
    };
    imported.left_out = assembly.left_out();
    Ok(imported)
}

struct Assembly<'a> {
    order: Order<'a>,
    contents: Contents,
    references: AtomicUsize,
    done: Mutex<Done>,
}

/// Counts what an image consists of.
#[derive(Default)]
struct Tally {
    layers: u32,
    layers_reused: u32,
}

impl Tally {
    fn add(&mut self, is_reused: bool) {
        self.layers += 1;
        self.layers_reused += u32::from(is_reused);
    }
}

impl Assembly<'_> {
    /// Reads a document of the tarball, if it is there; `null` is none.
    async fn parsed<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ImportError> {
        if self.contents.find(name).is_err() {
            return Ok(None);
        }
        parse_list::<Option<T>>(name, &self.document(name).await?)
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a reference of a document. Errors: `Bounds`.
    fn refer(&self) -> Result<(), ImportError> {
        let before = self.references.fetch_add(1, Ordering::Relaxed);
        if before < REFERENCES_MAX {
            return Ok(());
        }
        Err(ImportError::Bounds("its documents name too many layers"))
    }

    /// Counts a manifest, once. Errors: `Bounds`.
    fn count_manifest(&self, digest: &Digest) -> Result<(), ImportError> {
        let mut done = self.done();
        done.counted.insert(digest.clone());
        if done.counted.len() <= MANIFESTS_MAX {
            return Ok(());
        }
        Err(ImportError::Bounds("it holds too many images"))
    }

    /// Notes that something of the tarball was not stored, and why.
    fn leave_out(&self, what: &str, why: &str) {
        let mut done = self.done();
        if done.left_out.len() < LEFT_OUT_MAX {
            let line = for_people(&format!("{what}: {why}"));
            done.left_out.push(line);
        } else {
            done.left_out_more += 1;
        }
    }

    fn left_out(&self) -> Vec<String> {
        let mut done = self.done();
        let mut lines = std::mem::take(&mut done.left_out);
        if done.left_out_more > 0 {
            lines.push(format!("and {} more", done.left_out_more));
        }
        lines
    }

    /// Puts the manifest of an image under its tags, or under the digest that was asked for.
    async fn put(
        &self,
        manifest: &[u8],
        (content_type, digest): (Option<&str>, Option<&Digest>),
        tags: Vec<Tag>,
        tally: Tally,
    ) -> Result<ImportedImage, ImportError> {
        let digest = self.order.options.digest.as_ref().or(digest);
        let manifests = &self.order.archives.manifests;
        let put = manifests.put(self.order.grant, manifest, content_type, digest, &tags);
        let put = put.await?;
        Ok(ImportedImage {
            tags,
            digest: put.digest,
            size_bytes: put.size_bytes,
            layers: tally.layers,
            layers_reused: tally.layers_reused,
        })
    }
}

/// Names the type of a manifest as its descriptor does, where that is one.
fn said(at: &Descriptor) -> Option<&str> {
    let said = at.media_type.as_str();
    let is_manifest = at.media_type.is_index()
        || matches!(said, MediaType::OCI_MANIFEST | MediaType::DOCKER_MANIFEST);
    is_manifest.then_some(said)
}

/// Parses a manifest by what its descriptor calls it, as one that is pushed.
fn parse_manifest(at: &Descriptor, bytes: &Bytes) -> Result<Manifest, ManifestError> {
    Manifest::accept(bytes, said(at))
}
