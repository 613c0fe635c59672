//! Makes images of what a tarball held: of an OCI layout if it can be kept as it is, else of docker's
//! `manifest.json`, else of the OCI layout.

mod layout;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use dockyard_oci::{Descriptor, Digest, Manifest, MediaType, Tag};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::contents::{Contents, Layer};
use super::documents::{
    ImageConfig, Layout, SavedImage, blob_name, parse, promised_digest, tag_of,
};
use super::pack::{self, Form};
use super::{Archives, ImportError, ImportedImage, known};
use crate::accounts::{Grant, Push};
use crate::images::ImageError;
use crate::images::hasher::Hasher;

/// Deepest nesting of indexes that is followed; docker's containerd store writes two.
const DEPTH_MAX: u8 = 4;
/// Most images of a tarball, manifests below its indexes included.
const MANIFESTS_MAX: usize = 1000;
/// Most times that the documents of a tarball name a layer or a document.
const REFERENCES_MAX: usize = 20_000;

/// Stores every image of a tarball.
pub(super) async fn images(
    archives: &Archives,
    grant: &Grant<Push>,
    contents: Contents,
    tag: Option<&Tag>,
) -> Result<Vec<ImportedImage>, ImportError> {
    let assembly = Assembly {
        archives,
        grant,
        contents,
        references: AtomicUsize::new(0),
        manifests: AtomicUsize::new(0),
        diff_ids: tokio::sync::Mutex::default(),
    };
    let saved: Option<Vec<SavedImage>> = assembly.parsed("manifest.json")?;
    let layout: Option<Layout> = match assembly.parsed("index.json") {
        // What docker wrote for itself is enough.
        Err(_) if saved.is_some() => None,
        other => other?,
    };
    match (layout, saved) {
        // What docker lists beside an index is one image of it, without what is attached; beside an image it says nothing
        // that the image does not say itself.
        (Some(layout), Some(_)) if assembly.keeps(&layout) => assembly.layout(layout, tag).await,
        (_, Some(saved)) => assembly.saved(saved, tag).await,
        (Some(layout), None) => assembly.layout(layout, tag).await,
        (None, None) => Err(ImportError::NoImage),
    }
}

struct Assembly<'a> {
    archives: &'a Archives,
    grant: &'a Grant<Push>,
    contents: Contents,
    references: AtomicUsize,
    manifests: AtomicUsize,
    /// Diff ids of layers that came compressed, by the digest of the blob: each is unpacked once.
    diff_ids: tokio::sync::Mutex<HashMap<Digest, Digest>>,
}

/// Counts what an image consists of.
#[derive(Default)]
struct Tally {
    layers: u32,
    layers_reused: u32,
    /// Manifests below an index that were put, by the digest that the index has, with what they became and its length.
    put: HashMap<Digest, (Digest, usize)>,
}

impl Tally {
    fn add(&mut self, layer: &Layer) {
        self.layers += 1;
        self.layers_reused += u32::from(layer.reused);
    }
}

impl Assembly<'_> {
    /// Reads a document of the tarball, if it is there.
    fn parsed<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ImportError> {
        let bytes = self.contents.document(name);
        bytes.ok().map(|bytes| parse(name, bytes)).transpose()
    }

    /// Tells whether a layout can be kept as it is: all images of its indexes are there (an engine's store may have those
    /// of one machine only), and those without an index have no layers that will be compressed.
    fn keeps(&self, layout: &Layout) -> bool {
        let mut tops = layout.manifests.iter().map(|named| &named.descriptor);
        let mut seen = HashSet::new();
        !layout.manifests.is_empty()
            && tops.all(|top| {
                self.is_whole(top, DEPTH_MAX, &mut seen)
                    && (top.media_type.is_index() || !self.has_plain(top))
            })
    }

    fn has_plain(&self, image: &Descriptor) -> bool {
        let is_plain =
            |layer: &Descriptor| layer.media_type.as_str().rsplit('.').next() == Some("tar");
        let bytes = self.contents.document(&blob_name(&image.digest)).ok();
        let manifest = bytes.map(|bytes| Manifest::parse(bytes, Some(image.media_type.as_str())));
        matches!(manifest, Some(Ok(manifest)) if manifest.layers.iter().any(is_plain))
    }

    /// Looks at each document once, however often it is named.
    fn is_whole(&self, at: &Descriptor, depth: u8, seen: &mut HashSet<(Digest, u8)>) -> bool {
        if !seen.insert((at.digest.clone(), depth)) {
            return true;
        }
        let Ok(bytes) = self.contents.document(&blob_name(&at.digest)) else {
            // What is attached is no image; it may be left out.
            return at.platform.as_ref().is_some_and(|p| p.os == "unknown");
        };
        let manifest = Manifest::parse(bytes, Some(at.media_type.as_str()));
        manifest.is_ok_and(|manifest| {
            let mut children = manifest.manifests.iter();
            depth > 0 && children.all(|child| self.is_whole(child, depth - 1, seen))
        })
    }

    /// Stores the images of docker's `manifest.json`.
    async fn saved(
        &self,
        saved: Vec<SavedImage>,
        tag: Option<&Tag>,
    ) -> Result<Vec<ImportedImage>, ImportError> {
        let named = saved.iter().map(|image| {
            image
                .repo_tags
                .iter()
                .flatten()
                .filter_map(|name| tag_of(name))
                .collect()
        });
        let tags = tags_for(named.collect(), tag)?;
        if saved.len() > MANIFESTS_MAX {
            return Err(ImportError::Bounds("it holds too many images"));
        }
        let mut images = Vec::with_capacity(saved.len());
        for (image, tags) in saved.iter().zip(tags) {
            images.push(self.saved_image(image, tags).await?);
        }
        Ok(images)
    }

    async fn saved_image(
        &self,
        image: &SavedImage,
        tags: Vec<Tag>,
    ) -> Result<ImportedImage, ImportError> {
        let config = self.contents.document(&image.config)?;
        let parsed: ImageConfig = parse(&image.config, config)?;
        let expected = parsed.rootfs.diff_ids;
        if expected.len() != image.layers.len() {
            let actual = image.layers.len();
            return Err(ImportError::LayerCount {
                expected: expected.len(),
                actual,
            });
        }
        let (mut tally, mut layers) = (Tally::default(), Vec::with_capacity(expected.len()));
        let mut blobs = Vec::with_capacity(expected.len());
        for (name, expected) in image.layers.iter().zip(expected) {
            let layer = self.layer(name).await?;
            if layer.form == Form::Other {
                let reason = "it is not a layer: a layer is a tarball".to_owned();
                let file = name.clone();
                return Err(ImportError::Document { file, reason });
            }
            let diff_id = match &layer.diff_id {
                Some(diff_id) => diff_id.clone(),
                None => self.diff_id(name, &layer).await?,
            };
            require(name, expected, diff_id)?;
            tally.add(&layer);
            layers.push(describe(&layer));
            blobs.push(layer.digest);
        }
        self.keep(&blobs).await?;
        let config = descriptor(
            MediaType::OCI_CONFIG,
            &self.store_document(config).await?,
            config.len() as u64,
        );
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST,
            "config": config,
            "layers": layers,
        });
        self.put(manifest.to_string().as_bytes(), None, tags, tally)
            .await
    }

    /// Finds out what a layer that came compressed holds.
    async fn diff_id(&self, name: &str, layer: &Layer) -> Result<Digest, ImportError> {
        let mut known = self.diff_ids.lock().await;
        if let Some(diff_id) = known.get(&layer.digest) {
            return Ok(diff_id.clone());
        }
        let diff_id = pack::diff_id(self.archives, self.grant, name, layer).await?;
        known.insert(layer.digest.clone(), diff_id.clone());
        Ok(diff_id)
    }

    /// Counts a reference of a document. Errors: `Bounds`.
    fn refer(&self) -> Result<(), ImportError> {
        let before = self.references.fetch_add(1, Ordering::Relaxed);
        if before < REFERENCES_MAX {
            return Ok(());
        }
        Err(ImportError::Bounds("its documents name too many layers"))
    }

    /// Finds a layer of the tarball. One that it only names by digest may be left out of it, if the caller can read it
    /// here already.
    async fn layer(&self, name: &str) -> Result<Layer, ImportError> {
        self.refer()?;
        let missing = match self.contents.layer(name) {
            Ok(layer) => return Ok(layer.clone()),
            Err(ImportError::Missing(missing)) => missing,
            Err(error) => return Err(error),
        };
        if let Some(digest) = promised_digest(&missing) {
            for form in [Form::Gzip, Form::Zstd] {
                if let Some(layer) = known::take(self.archives, self.grant, &digest, form).await? {
                    return Ok(layer);
                }
            }
        }
        Err(ImportError::Missing(missing))
    }

    /// Makes sure that layers are still in the repository: the tarball may have taken longer to arrive
    /// than what nothing refers to is kept.
    async fn keep(&self, layers: &[Digest]) -> Result<(), ImportError> {
        match self.archives.blobs.keep(self.grant, layers).await {
            Err(ImageError::BlobUnknown { digest, .. }) => Err(ImportError::LayerGone(digest)),
            other => Ok(other?),
        }
    }

    /// Stores a document as a blob of the repository.
    async fn store_document(&self, bytes: &bytes::Bytes) -> Result<Digest, ImportError> {
        let digest = Hasher::digest(dockyard_oci::Algorithm::Sha256, bytes);
        let uploads = &self.archives.uploads;
        let upload = uploads
            .start(self.grant, dockyard_oci::Algorithm::Sha256)
            .await?;
        let stream = futures::stream::iter([Ok(bytes.clone())]);
        uploads
            .finish(self.grant, upload.id, None, stream, &digest)
            .await?;
        Ok(digest)
    }

    async fn put(
        &self,
        manifest: &[u8],
        content_type: Option<&str>,
        tags: Vec<Tag>,
        tally: Tally,
    ) -> Result<ImportedImage, ImportError> {
        let manifests = &self.archives.manifests;
        let put = manifests
            .put(self.grant, manifest, content_type, None, &tags)
            .await?;
        let Tally {
            layers,
            layers_reused,
            ..
        } = tally;
        let (digest, size_bytes) = (put.digest, put.size_bytes);
        Ok(ImportedImage {
            tags,
            digest,
            size_bytes,
            layers,
            layers_reused,
        })
    }
}

/// Makes sure that a layer is the one that the configuration lists at its place.
fn require(name: &str, expected: Digest, actual: Digest) -> Result<(), ImportError> {
    if actual == expected {
        return Ok(());
    }
    Err(ImportError::WrongLayer {
        entry: name.to_owned(),
        expected,
        actual,
    })
}

fn describe(layer: &Layer) -> Value {
    descriptor(layer.form.media_type(), &layer.digest, layer.size_bytes)
}

fn descriptor(media_type: &str, digest: &Digest, size_bytes: u64) -> Value {
    json!({ "mediaType": media_type, "digest": digest, "size": size_bytes })
}

/// Decides which tags each image gets: the one asked for, or those it is named by.
fn tags_for(named: Vec<Vec<Tag>>, tag: Option<&Tag>) -> Result<Vec<Vec<Tag>>, ImportError> {
    match tag {
        _ if named.is_empty() => Err(ImportError::NoImage),
        Some(_) if named.len() > 1 => Err(ImportError::SeveralImages(named.len())),
        Some(tag) => Ok(vec![vec![tag.clone()]]),
        None if named.iter().any(Vec::is_empty) => Err(ImportError::NoTag),
        None => Ok(named),
    }
}
