//! Images of docker's `manifest.json`.

use std::collections::HashMap;

use dockyard_oci::{Algorithm, Digest, MediaType, SavedName};
use serde_json::{Value, json};

use super::{Assembly, Tally};
use crate::images::archive::choice::{Candidate, choose};
use crate::images::archive::contents::Layer;
use crate::images::archive::documents::{
    ImageConfig, SavedImage, SavedImages, config_digest, parse,
};
use crate::images::archive::{ImportError, Imported};
use crate::images::hasher::Hasher;

impl Assembly<'_> {
    /// Stores the images of docker's `manifest.json`.
    pub(super) async fn saved(&self, saved: SavedImages) -> Result<Imported, ImportError> {
        let chosen = choose(candidates(saved), self.order.options)?;
        let mut prepared = Vec::with_capacity(chosen.len());
        for (image, tags) in chosen {
            let (manifest, tally) = self.saved_image(&image).await?;
            prepared.push((manifest, tags, tally));
        }
        // Nothing is wrong with any of them: now tags move.
        let mut imported = Imported::default();
        for (manifest, tags, tally) in prepared {
            let image = self
                .put(manifest.as_bytes(), (None, None), tags, tally)
                .await?;
            imported.images.push(image);
        }
        Ok(imported)
    }

    /// Stores what an image needs, and makes its manifest.
    async fn saved_image(&self, image: &SavedImage) -> Result<(String, Tally), ImportError> {
        let config = self.document(&image.config).await?;
        let parsed: ImageConfig = parse(&image.config, &config)?;
        let expected = parsed.rootfs.diff_ids.0;
        if expected.len() != image.layers.0.len() {
            let actual = image.layers.0.len();
            return Err(ImportError::LayerCount {
                expected: expected.len(),
                actual,
            });
        }
        let (mut tally, mut layers) = (Tally::default(), Vec::with_capacity(expected.len()));
        let mut blobs = Vec::with_capacity(expected.len());
        for (name, expected) in image.layers.0.iter().zip(expected) {
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
        Ok((manifest.to_string(), tally))
    }
}

/// Lists the images; one that is listed twice has the names of both.
fn candidates(saved: SavedImages) -> Vec<Candidate<SavedImage>> {
    let mut candidates: Vec<Candidate<SavedImage>> = Vec::with_capacity(saved.0.len());
    let mut places = HashMap::new();
    for image in saved.0 {
        let names = image
            .repo_tags
            .0
            .iter()
            .map(|name| SavedName::of_whole(name));
        let names: Vec<SavedName> = names.collect();
        let same = (image.config.clone(), image.layers.0.clone());
        let place = *places.entry(same).or_insert(candidates.len());
        if let Some(before) = candidates.get_mut(place) {
            before.names.extend(names);
            continue;
        }
        candidates.push(Candidate {
            names,
            digest: config_digest(&image.config),
            image,
        });
    }
    candidates
}

fn describe(layer: &Layer) -> Value {
    let media_type = layer.form.media_type();
    descriptor(media_type, &layer.digest, layer.size_bytes)
}

fn descriptor(media_type: &str, digest: &Digest, size_bytes: u64) -> Value {
    json!({ "mediaType": media_type, "digest": digest, "size": size_bytes })
}
