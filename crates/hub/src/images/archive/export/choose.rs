//! Finds what is to be exported.

use std::collections::{HashSet, VecDeque};

use dockyard_oci::{Digest, ImageConfig, Manifest, ManifestKind, Platform, Reference};

use super::{Exporter, Wanted};
use crate::images::archive::documents;
use crate::images::platforms::read_config;
use crate::images::{ImageError, StoredManifest};

/// Deepest nesting of indexes that is followed.
const DEPTH_MAX: usize = 4;
/// Most bytes of manifests in one tarball: many times what real images have.
const DOCUMENT_BYTES_MAX: usize = 64 * 1024 * 1024;

impl Exporter<'_> {
    /// Finds the image that is meant; of an index, the one for the machine.
    ///
    /// Errors: `ManifestUnknown`, `PlatformUnknown`.
    pub(super) async fn choose(
        &self,
        wanted: &Wanted,
    ) -> Result<(StoredManifest, Manifest), ImageError> {
        let mut reference = self.reference.clone();
        for _ in 0..DEPTH_MAX {
            let stored = self.archives.manifests.take(self.grant, &reference).await?;
            let manifest = parse(&stored)?;
            if manifest.kind == ManifestKind::Image {
                if reference == *self.reference {
                    self.require(wanted, &manifest).await?;
                }
                return Ok((stored, manifest));
            }
            let child = self.child_for(wanted, &manifest)?;
            reference = Reference::Digest(child.clone());
        }
        Err(self.unknown())
    }

    /// Makes sure that an image on its own is for the machine that was named. One that does not say for which it is
    /// passes.
    async fn require(&self, wanted: &Wanted, manifest: &Manifest) -> Result<(), ImageError> {
        let Wanted::For(platform) = wanted else {
            return Ok(());
        };
        let config = read_config(&self.archives.blobs, self.grant, manifest).await;
        match config.and_then(|config| config.platform()) {
            Some(own) if !own.fits(platform) => Err(self.other_platforms(platform, &[own])),
            _ => Ok(()),
        }
    }

    fn child_for<'m>(
        &self,
        wanted: &Wanted,
        index: &'m Manifest,
    ) -> Result<&'m Digest, ImageError> {
        let listed = index.manifests.iter().filter_map(|child| {
            // Attestations are listed as unknown/unknown.
            let platform = child.platform.as_ref().filter(|p| p.os != "unknown")?;
            Some((platform, &child.digest))
        });
        let listed: Vec<(&Platform, &Digest)> = listed.collect();
        let platform = match wanted {
            Wanted::For(platform) => platform.clone(),
            Wanted::Image | Wanted::Everything => Platform::linux_amd64(),
        };
        let fitting = listed.iter().find(|(own, _)| own.fits(&platform));
        match (fitting, listed.as_slice(), wanted) {
            (Some((_, digest)), ..) | (None, [(_, digest)], Wanted::Image) => Ok(digest),
            (None, [], Wanted::Image) if index.manifests.len() == 1 => {
                Ok(&index.manifests[0].digest)
            }
            _ => {
                let available: Vec<Platform> =
                    listed.iter().map(|(own, _)| (*own).clone()).collect();
                Err(self.other_platforms(&platform, &available))
            }
        }
    }

    /// Reads what a reference leads to and all manifests below it that are there, each once, from the top down.
    pub(super) async fn documents(&self) -> Result<Vec<(StoredManifest, Manifest)>, ImageError> {
        let (mut documents, mut bytes) = (Vec::new(), 0);
        let (mut seen, mut waiting) = (HashSet::new(), VecDeque::new());
        waiting.push_back((self.reference.clone(), 0));
        while let Some((reference, depth)) = waiting.pop_front() {
            let stored = match self.archives.manifests.take(self.grant, &reference).await {
                // An index may list what is not here.
                Err(ImageError::ManifestUnknown { .. }) if depth > 0 => continue,
                other => other?,
            };
            bytes += stored.bytes.len();
            if bytes > DOCUMENT_BYTES_MAX {
                return Err(ImageError::TooManyManifests);
            }
            let manifest = parse(&stored)?;
            if depth < DEPTH_MAX {
                for child in &manifest.manifests {
                    if seen.insert(child.digest.clone()) {
                        waiting.push_back((Reference::Digest(child.digest.clone()), depth + 1));
                    }
                }
            }
            documents.push((stored, manifest));
        }
        Ok(documents)
    }

    /// Reads which layers an image's configuration lists.
    ///
    /// Errors: `NotAnImage` when they are not those of the manifest.
    pub(super) async fn diff_ids(&self, manifest: &Manifest) -> Result<Vec<Digest>, ImageError> {
        let config = manifest.config.as_ref();
        let bytes = match config {
            Some(config) => {
                let (blobs, max) = (&self.archives.blobs, ImageConfig::MAX_BYTES);
                blobs.read_small(self.grant, &config.digest, max).await?
            }
            None => None,
        };
        let diff_ids = bytes.and_then(|bytes| {
            let config: documents::ImageConfig = serde_json::from_slice(&bytes).ok()?;
            Some(config.rootfs.diff_ids)
        });
        diff_ids
            .filter(|diff_ids| diff_ids.len() == manifest.layers.len())
            .ok_or_else(|| ImageError::NotAnImage(self.reference.clone()))
    }

    fn unknown(&self) -> ImageError {
        ImageError::ManifestUnknown {
            reference: self.reference.clone(),
            repository: self.grant.repository().clone(),
        }
    }

    fn other_platforms(&self, wanted: &Platform, available: &[Platform]) -> ImageError {
        let mut names: Vec<String> = available.iter().map(Platform::to_string).collect();
        names.sort();
        names.dedup();
        names.truncate(16);
        let available = match names.split_last() {
            None => "no machine that it names".to_owned(),
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        };
        ImageError::PlatformUnknown {
            reference: self.reference.clone(),
            repository: self.grant.repository().clone(),
            wanted: wanted.to_string(),
            available,
        }
    }
}

fn parse(stored: &StoredManifest) -> Result<Manifest, ImageError> {
    Ok(Manifest::parse(
        &stored.bytes,
        Some(stored.media_type.as_str()),
    )?)
}
