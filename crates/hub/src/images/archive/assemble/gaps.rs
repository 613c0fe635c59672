//! What of a layout's images is not in the tarball.

use dockyard_oci::{Descriptor, ManifestKind};

use super::{Assembly, DEPTH_MAX, parse_manifest};
use crate::images::archive::ImportError;
use crate::images::archive::documents::{Layout, blob_name};

impl Assembly<'_> {
    /// Tells whether all images of a layout are there: an engine's store may have those of one machine only.
    pub(super) async fn is_whole(&self, layout: &Layout) -> Result<bool, ImportError> {
        for named in &layout.manifests {
            if self.gap(&named.descriptor, true).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(!layout.manifests.is_empty())
    }

    /// Names what is missing of an image, if anything is. Of an index that need not be `whole`, one image is enough, and
    /// manifests may be kept elsewhere.
    pub(super) async fn gap(
        &self,
        at: &Descriptor,
        whole: bool,
    ) -> Result<Option<String>, ImportError> {
        self.gap_below(at, whole, DEPTH_MAX).await
    }

    async fn gap_below(
        &self,
        at: &Descriptor,
        whole: bool,
        depth: u8,
    ) -> Result<Option<String>, ImportError> {
        let known = self.done().gaps.get(&(at.digest.clone(), whole)).cloned();
        if let Some(gap) = known {
            return Ok(gap);
        }
        let gap = self.find_gap(at, whole, depth).await?;
        let mut done = self.done();
        done.gaps.insert((at.digest.clone(), whole), gap.clone());
        Ok(gap)
    }

    async fn find_gap(
        &self,
        at: &Descriptor,
        whole: bool,
        depth: u8,
    ) -> Result<Option<String>, ImportError> {
        let name = blob_name(&at.digest);
        if self.contents.find(&name).is_err() {
            // What is attached is no image; it may be left out.
            let is_attached = at.platform.as_ref().is_some_and(|p| p.os == "unknown");
            return Ok((!is_attached).then_some(name));
        }
        let manifest = parse_manifest(at, &self.document(&name).await?)?;
        if manifest.kind == ManifestKind::Image {
            for blob in manifest.required_blobs() {
                if !self.has(blob).await? {
                    return Ok(Some(blob_name(&blob.digest)));
                }
            }
            return Ok(None);
        }
        let Some(depth) = depth.checked_sub(1) else {
            return Err(ImportError::Bounds("its indexes are nested too deep"));
        };
        let (mut first, mut is_any_whole) = (None, false);
        for child in &manifest.manifests {
            let is_here = self.contents.find(&blob_name(&child.digest)).is_ok();
            if !is_here && !whole {
                continue;
            }
            match Box::pin(self.gap_below(child, whole, depth)).await? {
                None => is_any_whole |= is_here,
                gap => first = first.or(gap),
            }
        }
        Ok(first.filter(|_| whole || !is_any_whole))
    }
}
