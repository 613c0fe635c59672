//! Finds what is to be exported.

use std::collections::{HashSet, VecDeque};

use dockyard_oci::{Descriptor, Digest, ImageConfig, Manifest, ManifestKind, Platform, Reference};

use super::layout::Document;
use super::{Exporter, Needed, Wanted};
use crate::images::archive::documents;
use crate::images::platforms::read_config;
use crate::images::{ImageError, StoredManifest};

/// Deepest nesting of indexes that is followed.
const DEPTH_MAX: usize = 4;
/// Most bytes of manifests in one tarball: many times what real images have.
const DOCUMENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most manifests of one tarball, those included that indexes list and that are not here, and most blobs of all of them.
const DOCUMENTS_MAX: usize = 1000;
const BLOBS_MAX: usize = 10_000;
/// Referrers that are read at once.
const REFERRERS_A_PAGE: u32 = 100;

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
            let (stored, manifest) = self.take(&reference).await?;
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

    /// Finds a manifest, all below it that are there, and what refers to any of these: each once, from the top down. The
    /// second list is of those that refer; then come the blobs of all.
    ///
    /// Holds one manifest at a time. Errors: `TooManyManifests`.
    pub(super) async fn documents(
        &self,
        top: &StoredManifest,
        manifest: &Manifest,
    ) -> Result<(Vec<Document>, Vec<Document>, Needed), ImageError> {
        let mut found = Everything::default();
        found.add(top, manifest, 0)?;
        self.find_referrers(&mut found, &top.digest).await?;
        while let Some(next) = found.waiting.pop_front() {
            match self.take(&Reference::Digest(next.digest.clone())).await {
                Ok((stored, manifest)) => {
                    found.add(&stored, &manifest, next.depth)?;
                    if next.is_referrer {
                        found.referrers.push(Document::of(&stored));
                    }
                    self.find_referrers(&mut found, &next.digest).await?;
                }
                // An index may list what is not here.
                Err(ImageError::ManifestUnknown { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let is_image =
            |child: &Descriptor| child.platform.as_ref().is_none_or(|p| p.os != "unknown");
        let mut images = manifest
            .manifests
            .iter()
            .filter(|child| is_image(child))
            .peekable();
        let is_here =
            |child: &Descriptor| found.documents.iter().any(|one| one.digest == child.digest);
        // Nobody could make anything of it.
        if images.peek().is_some() && !images.any(is_here) {
            return Err(ImageError::NoneHere(self.reference.clone()));
        }
        Ok((found.documents, found.referrers, found.needed))
    }

    async fn find_referrers(
        &self,
        found: &mut Everything,
        subject: &Digest,
    ) -> Result<(), ImageError> {
        let mut after = None;
        loop {
            let (manifests, after_this) = (&self.archives.manifests, after.as_ref());
            let page = manifests.referrers(self.grant, subject, None, after_this, REFERRERS_A_PAGE);
            let page = page.await?;
            for referrer in page.descriptors {
                found.wait_for(&referrer.digest, 0, true);
            }
            found.require_bounds()?;
            let Some(next) = page.next else {
                return Ok(());
            };
            after = Some(next);
        }
    }

    /// Reads a manifest for whoever takes the image.
    pub(super) async fn take(
        &self,
        reference: &Reference,
    ) -> Result<(StoredManifest, Manifest), ImageError> {
        let stored = self.archives.manifests.take(self.grant, reference).await?;
        let manifest = parse(&stored)?;
        Ok((stored, manifest))
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
            Some(config.rootfs.diff_ids.0)
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

/// The manifests and blobs that were found so far.
#[derive(Default)]
struct Everything {
    documents: Vec<Document>,
    referrers: Vec<Document>,
    bytes: usize,
    needed: Needed,
    listed: HashSet<Digest>,
    /// Manifests that are still to be read.
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    digest: Digest,
    /// Number of indexes above it.
    depth: usize,
    is_referrer: bool,
}

impl Everything {
    fn add(
        &mut self,
        stored: &StoredManifest,
        manifest: &Manifest,
        depth: usize,
    ) -> Result<(), ImageError> {
        self.documents.push(Document::of(stored));
        self.bytes += stored.bytes.len();
        self.needed.add(manifest);
        if depth < DEPTH_MAX {
            for child in &manifest.manifests {
                self.wait_for(&child.digest, depth + 1, false);
            }
        }
        self.require_bounds()
    }

    fn wait_for(&mut self, digest: &Digest, depth: usize, is_referrer: bool) {
        if self.listed.insert(digest.clone()) {
            self.waiting.push_back(Waiting {
                digest: digest.clone(),
                depth,
                is_referrer,
            });
        }
    }

    fn require_bounds(&self) -> Result<(), ImageError> {
        let fits = self.bytes <= DOCUMENT_BYTES_MAX
            && self.listed.len() <= DOCUMENTS_MAX
            && self.needed.order.len() <= BLOBS_MAX;
        fits.then_some(()).ok_or(ImageError::TooManyManifests)
    }
}

fn parse(stored: &StoredManifest) -> Result<Manifest, ImageError> {
    Ok(Manifest::parse(
        &stored.bytes,
        Some(stored.media_type.as_str()),
    )?)
}
