//! Images of docker's `manifest.json`.

use dockyard_oci::{Algorithm, Digest, MediaType, SavedName, Tag};
use serde_json::{Value, json};

use super::{Assembly, MANIFESTS_MAX, Tally};
use crate::images::archive::choice::{Candidate, choose};
use crate::images::archive::contents::Layer;
use crate::images::archive::documents::{ImageConfig, SavedImage, parse, promised_digest};
use crate::images::archive::{ImportError, Imported, ImportedImage};
use crate::images::hasher::Hasher;

impl Assembly<'_> {
    /// Stores the images of docker's `manifest.json`.
    pub(super) async fn saved(&self, saved: Vec<SavedImage>) -> Result<Imported, ImportError> {
        if saved.len() > MANIFESTS_MAX {
            return Err(ImportError::Bounds("it holds too many images"));
        }
        let candidates = saved.into_iter().map(|image| Candidate {
            names: image
                .repo_tags
                .iter()
                .flatten()
                .map(|name| SavedName::of_whole(name))
                .collect(),
            digest: promised_digest(&image.config),
            image,
        });
        let chosen = choose(candidates.collect(), self.order.options)?;
        let mut imported = Imported::default();
        for (image, tags) in chosen {
            imported.images.push(self.saved_image(&image, tags).await?);
        }
        Ok(imported)
    }

    async fn saved_image(
        &self,
        image: &SavedImage,
        tags: Vec<Tag>,
    ) -> Result<ImportedImage, ImportError> {
        let config = self.document(&image.config).await?;
        let parsed: ImageConfig = parse(&image.config, &config)?;
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
            if let Some(actual) = layer.diff_id.as_ref().filter(|actual| **actual != expected) {
                return Err(ImportError::WrongLayer {
                    entry: name.to_owned(),
                    expected,
                    actual: actual.clone(),
                });
            }
            tally.add(layer.reused);
            layers.push(describe(&layer));
            blobs.push(layer.digest);
        }
        self.keep(&blobs).await?;
        let digest = Hasher::digest(Algorithm::Sha256, &config);
        self.store_document(&config, &digest).await?;
        let config = descriptor(MediaType::OCI_CONFIG, &digest, config.len() as u64);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST,
            "config": config,
            "layers": layers,
        });
        self.put(manifest.to_string().as_bytes(), None, tags, tally)
            .await
    }
}

fn describe(layer: &Layer) -> Value {
    let media_type = layer.form.media_type();
    descriptor(media_type, &layer.digest, layer.size_bytes)
}

fn descriptor(media_type: &str, digest: &Digest, size_bytes: u64) -> Value {
    json!({ "mediaType": media_type, "digest": digest, "size": size_bytes })
}
