//! Images of an OCI layout.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use dockyard_oci::{Descriptor, Digest, Manifest, ManifestKind, MediaType, Tag};
use serde_json::Value;

use super::{Assembly, DEPTH_MAX, MANIFESTS_MAX, Tally, describe, require, tags_for};
use crate::images::archive::contents::File;
use crate::images::archive::documents::{ImageConfig, Layout, blob_name, parse};
use crate::images::archive::{ImportError, ImportedImage};

impl Assembly<'_> {
    /// Stores the images of an OCI layout, byte for byte unless their layers came uncompressed.
    pub(super) async fn layout(
        &self,
        layout: Layout,
        tag: Option<&Tag>,
    ) -> Result<Vec<ImportedImage>, ImportError> {
        // An image with several tags is listed once for each.
        let mut images: Vec<(Descriptor, Vec<Tag>)> = Vec::new();
        let mut places = HashMap::new();
        for named in layout.manifests {
            let tag = named.tag();
            let place = places.entry(named.descriptor.digest.clone());
            let place = *place.or_insert(images.len());
            match images.get_mut(place) {
                Some((_, tags)) => tags.extend(tag),
                None => images.push((named.descriptor, tag.into_iter().collect())),
            }
        }
        let (descriptors, named): (Vec<_>, Vec<_>) = images.into_iter().unzip();
        let tags = tags_for(named, tag)?;
        let mut images = Vec::with_capacity(descriptors.len());
        for (descriptor, tags) in descriptors.iter().zip(tags) {
            let mut tally = Tally::default();
            let document = Box::pin(self.document(descriptor, &mut tally, DEPTH_MAX)).await?;
            images.push(self.put(&document, None, tags, tally).await?);
        }
        Ok(images)
    }

    /// Prepares one manifest or index of a layout and returns it as it is to be put.
    async fn document(
        &self,
        at: &Descriptor,
        tally: &mut Tally,
        depth: u8,
    ) -> Result<Vec<u8>, ImportError> {
        if self.manifests.fetch_add(1, Ordering::Relaxed) >= MANIFESTS_MAX {
            return Err(ImportError::Bounds("it holds too many images"));
        }
        let name = blob_name(&at.digest);
        let bytes = self.contents.document(&name)?;
        let manifest = Manifest::parse(bytes, Some(at.media_type.as_str()))?;
        let mut document: Value = parse(&name, bytes)?;
        let changed = match manifest.kind {
            ManifestKind::Image => self.image(&manifest, &mut document, tally).await?,
            ManifestKind::Index if depth == 0 => {
                return Err(ImportError::Bounds("its indexes are nested too deep"));
            }
            ManifestKind::Index => self.index(&manifest, &mut document, tally, depth).await?,
        };
        Ok(if changed {
            document.to_string().into_bytes()
        } else {
            bytes.to_vec()
        })
    }

    /// Stores the blobs of an image; true when its layers had to be described anew.
    async fn image(
        &self,
        manifest: &Manifest,
        document: &mut Value,
        tally: &mut Tally,
    ) -> Result<bool, ImportError> {
        let (mut changed, mut blobs) = (false, Vec::with_capacity(manifest.layers.len()));
        let mut diff_ids = Vec::new();
        if let Some(config) = &manifest.config {
            let config = self.contents.document(&blob_name(&config.digest))?;
            self.store_document(config).await?;
            // Artifacts have configurations of other kinds.
            if let Ok(config) = serde_json::from_slice::<ImageConfig>(config) {
                diff_ids = config.rootfs.diff_ids;
            }
        }
        for (i, described) in manifest.layers.iter().enumerate() {
            self.refer()?;
            let name = blob_name(&described.digest);
            if let Ok(File::Document(bytes)) = self.contents.find(&name) {
                self.store_document(bytes).await?;
                continue;
            }
            let layer = self.layer(&name).await?;
            if let (Some(expected), Some(actual)) = (diff_ids.get(i), &layer.diff_id) {
                require(&name, expected.clone(), actual.clone())?;
            }
            tally.add(&layer);
            if layer.digest != described.digest {
                document["layers"][i] = describe(&layer);
                changed = true;
            }
            blobs.push(layer.digest);
        }
        self.keep(&blobs).await?;
        if changed {
            document["mediaType"] = MediaType::OCI_MANIFEST.into();
        }
        Ok(changed)
    }

    /// Stores the manifests of an index that the tarball has; true when one had to change.
    async fn index(
        &self,
        manifest: &Manifest,
        document: &mut Value,
        tally: &mut Tally,
        depth: u8,
    ) -> Result<bool, ImportError> {
        let mut changed = false;
        for (i, child) in manifest.manifests.iter().enumerate() {
            self.refer()?;
            if self.contents.find(&blob_name(&child.digest)).is_err() {
                continue;
            }
            let (digest, length) = self.child(child, tally, depth - 1).await?;
            if digest != child.digest {
                document["manifests"][i]["digest"] = digest.as_str().into();
                document["manifests"][i]["size"] = length.into();
                changed = true;
            }
        }
        Ok(changed)
    }

    /// Stores a manifest below an index, once; returns its digest as it is put, and its length.
    async fn child(
        &self,
        child: &Descriptor,
        tally: &mut Tally,
        depth: u8,
    ) -> Result<(Digest, usize), ImportError> {
        if let Some(put) = tally.put.get(&child.digest) {
            return Ok(put.clone());
        }
        let bytes = Box::pin(self.document(child, tally, depth)).await?;
        let manifests = &self.archives.manifests;
        let put = manifests.put(self.grant, &bytes, None, None, &[]).await?;
        let put = (put.digest, bytes.len());
        tally.put.insert(child.digest.clone(), put.clone());
        Ok(put)
    }
}
