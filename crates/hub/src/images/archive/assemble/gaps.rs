//! Images of a layout that are not complete in the tarball.

use dockyard_oci::{Descriptor, Digest, ManifestError, ManifestKind, Reference};

use super::{Assembly, DEPTH_MAX, parse_manifest};
use crate::db::tables::manifests;
use crate::images::ImageError;
use crate::images::archive::ImportError;
use crate::images::archive::documents::{Layout, blob_name};

/// Why an image can't be stored.
#[derive(Debug, Clone)]
pub(super) enum Gap {
    /// A file that is not in the tarball.
    Missing(String),
    Unreadable(ManifestError),
}

impl Gap {
    /// Says it in a line of the answer.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Missing(file) => format!("\"{file}\" is not in the tarball"),
            Self::Unreadable(error) => error.to_string(),
        }
    }
}

impl From<Gap> for ImportError {
    fn from(gap: Gap) -> Self {
        match gap {
            Gap::Missing(file) => Self::Missing(file),
            Gap::Unreadable(error) => Self::Manifest(error),
        }
    }
}

/// Tells whether an entry of an index is attached to an image, and none itself: how build tools mark attestations.
fn is_attached(at: &Descriptor) -> bool {
    at.platform
        .as_ref()
        .is_some_and(|platform| platform.os == "unknown")
}

impl Assembly<'_> {
    /// Tells whether all images of a layout are there: an engine's store may have those of one machine only.
    pub(super) async fn is_whole(&self, layout: &Layout) -> Result<bool, ImportError> {
        for named in &layout.manifests.0 {
            if self.gap(&named.descriptor(), true).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(!layout.manifests.0.is_empty())
    }

    /// Finds out what is missing of an image, if anything is. Of an index that need not be `whole`, one image is enough,
    /// here or in the repository.
    pub(super) async fn gap(
        &self,
        at: &Descriptor,
        whole: bool,
    ) -> Result<Option<Gap>, ImportError> {
        self.gap_below(at, whole, DEPTH_MAX).await
    }

    async fn gap_below(
        &self,
        at: &Descriptor,
        whole: bool,
        depth: u8,
    ) -> Result<Option<Gap>, ImportError> {
        let key = (at.digest.clone(), at.media_type.clone(), whole);
        let known = self.done().gaps.get(&key).cloned();
        if let Some(gap) = known {
            return Ok(gap);
        }
        self.count_manifest(&at.digest)?;
        let gap = self.find_gap(at, whole, depth).await?;
        let mut done = self.done();
        done.gaps.insert(key, gap.clone());
        Ok(gap)
    }

    async fn find_gap(
        &self,
        at: &Descriptor,
        whole: bool,
        depth: u8,
    ) -> Result<Option<Gap>, ImportError> {
        let name = blob_name(&at.digest);
        if self.contents.find(&name).is_err() {
            // What is attached may be left out.
            let is_no_gap =
                is_attached(at) || (!whole && self.is_in_repository(&at.digest).await?);
            return Ok((!is_no_gap).then_some(Gap::Missing(name)));
        }
        let manifest = match parse_manifest(at, &self.document(&name).await?) {
            Ok(manifest) => manifest,
            Err(error) => return Ok(Some(Gap::Unreadable(error))),
        };
        if manifest.kind == ManifestKind::Image {
            for blob in manifest.required_blobs() {
                if !self.has(blob).await? {
                    return Ok(Some(Gap::Missing(blob_name(&blob.digest))));
                }
            }
            return Ok(None);
        }
        let Some(depth) = depth.checked_sub(1) else {
            return Err(ImportError::Bounds("its indexes are nested too deep"));
        };
        let (mut first, mut has_image) = (None, false);
        for child in &manifest.manifests {
            // An image does not depend on what is attached to it.
            if is_attached(child) && !whole {
                continue;
            }
            match Box::pin(self.gap_below(child, whole, depth)).await? {
                None => has_image = true,
                gap => first = first.or(gap),
            }
        }
        Ok(first.filter(|_| whole || !has_image))
    }

    async fn is_in_repository(&self, manifest: &Digest) -> Result<bool, ImportError> {
        self.refer()?;
        let reference = Reference::Digest(manifest.clone());
        let (db, id) = (&self.order.archives.db, self.order.grant.repository_id());
        let found = manifests::find_head(db, id, &reference).await;
        Ok(found.map_err(ImageError::from)?.is_some())
    }
}
