//! Images of an OCI layout, byte for byte.

use std::collections::{HashMap, HashSet};

use dockyard_oci::{Descriptor, Digest, Manifest, ManifestKind, SavedName, Tag};

use super::{Assembly, DEPTH_MAX, Tally, parse_manifest};
use crate::images::archive::choice::{Candidate, choose};
use crate::images::archive::documents::{Layout, blob_name};
use crate::images::archive::{ImportError, Imported, ImportedImage};

/// An entry of the layout's list.
struct Entry {
    descriptor: Descriptor,
    names: Vec<SavedName>,
    role: Role,
}

/// What an entry is to the others.
enum Role {
    Image,
    /// It names another one as its subject, and has no name of its own.
    Referrer(Digest),
    /// The end of the tag by which cosign finds what belongs to an image.
    Cosign(&'static str),
}

impl Assembly<'_> {
    /// Stores the images of an OCI layout, and what is attached to them.
    pub(super) async fn layout(&self, layout: Layout) -> Result<Imported, ImportError> {
        let (images, attached): (Vec<_>, Vec<_>) = self
            .entries(layout)
            .await?
            .into_iter()
            .partition(|entry| matches!(entry.role, Role::Image));
        let candidates = self.candidates(images).await?;
        let chosen = choose(candidates, self.order.options)?;
        let mut imported = Imported::default();
        for (descriptor, tags) in &chosen {
            let image = self.layout_image(descriptor, tags.clone()).await?;
            imported.images.push(image);
        }
        self.attach(&mut imported, attached).await?;
        Ok(imported)
    }

    /// Groups the list by digest, as an image with several names is listed once for each, and tells images from what is
    /// attached to them.
    async fn entries(&self, layout: Layout) -> Result<Vec<Entry>, ImportError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut places = HashMap::new();
        for named in layout.manifests {
            let digest = named.descriptor.digest.clone();
            let place = *places.entry(digest).or_insert(entries.len());
            if place == entries.len() {
                self.count_manifest()?;
                let role = match named.cosign_kind() {
                    Some("sigs") => Role::Cosign("sig"),
                    Some("atts") => Role::Cosign("att"),
                    Some("sboms") => Role::Cosign("sbom"),
                    _ => Role::Image,
                };
                entries.push(Entry {
                    names: named.names().collect(),
                    descriptor: named.descriptor,
                    role,
                });
            } else {
                entries[place].names.extend(named.names());
            }
        }
        let has_others = entries.len() > 1;
        for entry in &mut entries {
            if has_others && entry.names.is_empty() && matches!(entry.role, Role::Image) {
                entry.role = self.role(&entry.descriptor).await?;
            }
        }
        Ok(entries)
    }

    async fn role(&self, at: &Descriptor) -> Result<Role, ImportError> {
        let name = blob_name(&at.digest);
        if self.contents.find(&name).is_err() {
            return Ok(Role::Image);
        }
        let subject = parse_manifest(at, &self.document(&name).await?)?.subject;
        let subject = subject.map(|subject| subject.digest);
        // Whose subject is somewhere else is the image that was meant.
        Ok(subject
            .filter(|subject| self.contents.find(&blob_name(subject)).is_ok())
            .map_or(Role::Image, Role::Referrer))
    }

    /// Leaves out what is not whole, unless nothing is.
    async fn candidates(
        &self,
        images: Vec<Entry>,
    ) -> Result<Vec<Candidate<Descriptor>>, ImportError> {
        let (mut whole, mut gaps) = (Vec::new(), Vec::new());
        for image in images {
            let gap = self.gap(&image.descriptor, false).await?;
            let candidate = Candidate {
                names: image.names,
                digest: Some(image.descriptor.digest.clone()),
                image: image.descriptor,
            };
            match gap {
                None => whole.push(candidate),
                Some(gap) => gaps.push((candidate, gap)),
            }
        }
        if whole.is_empty() && !gaps.is_empty() {
            return Err(ImportError::Missing(gaps.swap_remove(0).1));
        }
        for (candidate, gap) in gaps {
            self.leave_out(&candidate.label(), &gap);
        }
        Ok(whole)
    }

    async fn layout_image(
        &self,
        at: &Descriptor,
        tags: Vec<Tag>,
    ) -> Result<ImportedImage, ImportError> {
        let mut tally = Tally::default();
        let document = Box::pin(self.prepare(at, &mut tally, DEPTH_MAX)).await?;
        let image = self.put(&document, Some(&at.digest), tags, tally).await?;
        self.done().put.insert(image.digest.clone());
        Ok(image)
    }

    /// Stores all that a manifest or index needs, and returns its bytes.
    async fn prepare(
        &self,
        at: &Descriptor,
        tally: &mut Tally,
        depth: u8,
    ) -> Result<bytes::Bytes, ImportError> {
        self.count_manifest()?;
        let bytes = self.document(&blob_name(&at.digest)).await?;
        let manifest = parse_manifest(at, &bytes)?;
        match manifest.kind {
            ManifestKind::Image => self.image(&manifest, tally).await?,
            ManifestKind::Index if depth == 0 => {
                return Err(ImportError::Bounds("its indexes are nested too deep"));
            }
            ManifestKind::Index => self.index(&manifest, tally, depth - 1).await?,
        }
        Ok(bytes)
    }

    /// Stores the blobs of an image.
    async fn image(&self, manifest: &Manifest, tally: &mut Tally) -> Result<(), ImportError> {
        let mut blobs = Vec::with_capacity(manifest.layers.len() + 1);
        if let Some(config) = &manifest.config {
            let found = self.blob(config).await?;
            blobs.extend(found.map(|_| config.digest.clone()));
        }
        for layer in &manifest.layers {
            if let Some(found) = self.blob(layer).await? {
                tally.add(found.is_reused);
                blobs.push(layer.digest.clone());
            }
        }
        self.keep(&blobs).await
    }

    /// Stores the manifests of an index that the tarball has whole.
    async fn index(
        &self,
        manifest: &Manifest,
        tally: &mut Tally,
        depth: u8,
    ) -> Result<(), ImportError> {
        for child in &manifest.manifests {
            self.refer()?;
            let name = blob_name(&child.digest);
            let gap = match self.contents.find(&name) {
                Ok(_) => self.gap(child, false).await?,
                Err(_) => Some(name),
            };
            if let Some(gap) = gap {
                let platform = child.platform.as_ref();
                let label = platform.map_or(child.digest.to_string(), ToString::to_string);
                self.leave_out(&label, &gap);
                continue;
            }
            if self.done().put.contains(&child.digest) {
                continue;
            }
            let bytes = Box::pin(self.prepare(child, tally, depth)).await?;
            self.put_untagged(&bytes, &child.digest).await?;
        }
        Ok(())
    }

    async fn put_untagged(&self, bytes: &[u8], digest: &Digest) -> Result<(), ImportError> {
        let manifests = &self.order.archives.manifests;
        let put = manifests.put(self.order.grant, bytes, None, Some(digest), &[]);
        put.await?;
        self.done().put.insert(digest.clone());
        Ok(())
    }

    /// Stores what is attached to the images that were stored, and to what is attached to them.
    async fn attach(
        &self,
        imported: &mut Imported,
        mut attached: Vec<Entry>,
    ) -> Result<(), ImportError> {
        let mut subjects: HashSet<Digest> = self.done().put.clone();
        loop {
            let mut is_done = true;
            let mut waiting = Vec::new();
            for entry in attached {
                let tag = match &entry.role {
                    Role::Referrer(subject) if subjects.contains(subject) => None,
                    Role::Cosign(end) => cosign_tag(&imported.images, end),
                    Role::Image | Role::Referrer(_) => {
                        waiting.push(entry);
                        continue;
                    }
                };
                let digest = entry.descriptor.digest.clone();
                if let Some(gap) = self.gap(&entry.descriptor, false).await? {
                    self.leave_out(digest.as_str(), &gap);
                    continue;
                }
                let mut tally = Tally::default();
                let prepared = self.prepare(&entry.descriptor, &mut tally, DEPTH_MAX);
                let bytes = Box::pin(prepared).await?;
                let tags: Vec<Tag> = tag.into_iter().collect();
                let manifests = &self.order.archives.manifests;
                let put = manifests.put(self.order.grant, &bytes, None, Some(&digest), &tags);
                put.await?;
                imported.attached.push(digest.clone());
                subjects.insert(digest);
                is_done = false;
            }
            if is_done {
                return Ok(());
            }
            attached = waiting;
        }
    }
}

/// The tag by which cosign finds what belongs to an image; there must be one image.
fn cosign_tag(images: &[ImportedImage], end: &str) -> Option<Tag> {
    let [image] = images else {
        return None;
    };
    let name = image.digest.as_str().replace(':', "-");
    format!("{name}.{end}").parse().ok()
}
