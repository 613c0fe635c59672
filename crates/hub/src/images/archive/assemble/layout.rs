//! Images of an OCI layout, byte for byte.

use std::collections::{HashMap, HashSet};

use dockyard_oci::{Descriptor, Digest, Manifest, ManifestKind, SavedName, Tag};

use super::{Assembly, DEPTH_MAX, Tally, parse_manifest, said};
use crate::images::archive::choice::{Candidate, choose};
use crate::images::archive::documents::{Layout, SavedImages, blob_name, config_digest};
use crate::images::archive::{ImportError, Imported, ImportedImage};

/// An entry of the layout's list.
struct Entry {
    descriptor: Descriptor,
    names: Vec<SavedName>,
    role: Role,
}

/// The role of an entry among the others.
enum Role {
    Image,
    /// It names another one as its subject, and has no name of its own.
    Referrer(Digest),
    /// The end of the tag by which cosign finds what belongs to an image.
    Cosign(&'static str),
    /// An index lists it, or it has no name where others have one: nothing is done with it for itself.
    Listed,
}

impl Assembly<'_> {
    /// Stores the images of an OCI layout, and what is attached to them. Names that it lacks are taken from docker's
    /// `manifest.json` beside it.
    ///
    /// Everything is stored before the first tag moves.
    pub(super) async fn layout(
        &self,
        layout: Layout,
        saved: Option<SavedImages>,
    ) -> Result<Imported, ImportError> {
        let mut entries = self.entries(layout)?;
        self.find_roles(&mut entries).await?;
        let (mut images, attached): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .partition(|entry| matches!(entry.role, Role::Image));
        if let Some(saved) = saved {
            self.name(&mut images, saved).await?;
        }
        let chosen = choose(self.candidates(images).await?, self.order.options)?;
        let mut tallies = Vec::with_capacity(chosen.len());
        for (descriptor, _) in &chosen {
            let mut tally = Tally::default();
            Box::pin(self.prepare(descriptor, &mut tally, DEPTH_MAX)).await?;
            tallies.push(tally);
        }
        let mut imported = Imported::default();
        for ((at, tags), tally) in chosen.into_iter().zip(tallies) {
            let document = self.document(&blob_name(&at.digest)).await?;
            let as_what = (said(&at), Some(&at.digest));
            let image = self.put(&document, as_what, tags, tally).await?;
            self.done().put.insert(image.digest.clone());
            imported.images.push(image);
        }
        self.attach(&mut imported, attached).await?;
        Ok(imported)
    }

    /// Groups the list by digest, as an image with several names is listed once for each.
    fn entries(&self, layout: Layout) -> Result<Vec<Entry>, ImportError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut places = HashMap::new();
        for named in layout.manifests.0 {
            let descriptor = named.descriptor();
            let place = *places
                .entry(descriptor.digest.clone())
                .or_insert(entries.len());
            if let Some(before) = entries.get_mut(place) {
                before.names.extend(named.names());
                continue;
            }
            self.count_manifest(&descriptor.digest)?;
            let role = match named.cosign_kind() {
                Some("sigs") => Role::Cosign("sig"),
                Some("atts") => Role::Cosign("att"),
                Some("sboms") => Role::Cosign("sbom"),
                _ => Role::Image,
            };
            entries.push(Entry {
                names: named.names().collect(),
                descriptor,
                role,
            });
        }
        Ok(entries)
    }

    /// Tells images from what is attached to them, and from the images of an index that are listed beside it: both have no
    /// name of their own.
    async fn find_roles(&self, entries: &mut [Entry]) -> Result<(), ImportError> {
        let has_named = entries.iter().any(|entry| !entry.names.is_empty());
        if entries.len() < 2 {
            return Ok(());
        }
        let (mut below, mut subjects) = (HashSet::new(), HashMap::new());
        for entry in &*entries {
            self.look_below(&entry.descriptor, &mut below, &mut subjects, DEPTH_MAX)
                .await?;
        }
        for entry in entries {
            if !entry.names.is_empty() || !matches!(entry.role, Role::Image) {
                continue;
            }
            let digest = &entry.descriptor.digest;
            if self.order.options.digest.as_ref() == Some(digest) {
                continue;
            }
            if below.contains(digest) {
                entry.role = Role::Listed;
            } else if let Some(subject) = subjects.remove(digest) {
                // Whose subject is somewhere else may be the image that was meant.
                let is_here = self.contents.find(&blob_name(&subject)).is_ok();
                if is_here || has_named {
                    entry.role = Role::Referrer(subject);
                }
            } else if has_named {
                self.leave_out(digest.as_str(), "it has no name, where others have one");
                entry.role = Role::Listed;
            }
        }
        Ok(())
    }

    /// Notes what an entry lists, through indexes, and what it is attached to.
    async fn look_below(
        &self,
        at: &Descriptor,
        below: &mut HashSet<Digest>,
        subjects: &mut HashMap<Digest, Digest>,
        depth: u8,
    ) -> Result<(), ImportError> {
        let name = blob_name(&at.digest);
        if self.contents.find(&name).is_err() {
            return Ok(());
        }
        let Ok(manifest) = parse_manifest(at, &self.document(&name).await?) else {
            return Ok(());
        };
        if let Some(subject) = manifest.subject {
            subjects.insert(at.digest.clone(), subject.digest);
        }
        for child in &manifest.manifests {
            if below.insert(child.digest.clone()) && depth > 0 && child.media_type.is_index() {
                Box::pin(self.look_below(child, below, subjects, depth - 1)).await?;
            }
        }
        Ok(())
    }

    /// Gives images without a name those that docker's `manifest.json` has for them.
    async fn name(&self, images: &mut [Entry], saved: SavedImages) -> Result<(), ImportError> {
        if images.iter().all(|image| !image.names.is_empty()) {
            return Ok(());
        }
        let is_one = images.len() == 1 && saved.0.len() == 1;
        let mut names: HashMap<Option<Digest>, Vec<SavedName>> = HashMap::new();
        for image in &saved.0 {
            let own = image
                .repo_tags
                .0
                .iter()
                .map(|name| SavedName::of_whole(name));
            let config = config_digest(&image.config).filter(|_| !is_one);
            names.entry(config).or_default().extend(own);
        }
        for image in images.iter_mut().filter(|image| image.names.is_empty()) {
            let config = if is_one {
                None
            } else {
                let at = &image.descriptor;
                let document = self.document(&blob_name(&at.digest)).await?;
                let manifest = parse_manifest(at, &document)?;
                let Some(config) = manifest.config else {
                    continue;
                };
                Some(config.digest)
            };
            image
                .names
                .extend(names.remove(&config).unwrap_or_default());
        }
        Ok(())
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
            return Err(gaps.swap_remove(0).1.into());
        }
        for (candidate, gap) in gaps {
            self.leave_out(&candidate.label(), &gap.reason());
        }
        Ok(whole)
    }

    /// Stores all that a manifest or index needs, and returns its bytes. Errors: also those of a push, before it.
    async fn prepare(
        &self,
        at: &Descriptor,
        tally: &mut Tally,
        depth: u8,
    ) -> Result<bytes::Bytes, ImportError> {
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
            let is_here = self.contents.find(&blob_name(&child.digest)).is_ok();
            if let Some(gap) = self.gap(child, false).await? {
                let platform = child.platform.as_ref();
                let label = platform.map_or(child.digest.to_string(), ToString::to_string);
                self.leave_out(&label, &gap.reason());
                continue;
            }
            // Otherwise it is in the repository, or attached and may be missing.
            if !is_here {
                continue;
            }
            if self.done().put.contains(&child.digest) {
                continue;
            }
            let bytes = Box::pin(self.prepare(child, tally, depth)).await?;
            self.put_attached(&bytes, child, &[]).await?;
        }
        Ok(())
    }

    async fn put_attached(
        &self,
        bytes: &[u8],
        at: &Descriptor,
        tags: &[Tag],
    ) -> Result<(), ImportError> {
        let (manifests, grant) = (&self.order.archives.manifests, self.order.grant);
        let put = manifests.put(grant, bytes, said(at), Some(&at.digest), tags);
        put.await?;
        self.done().put.insert(at.digest.clone());
        Ok(())
    }

    /// Stores what is attached to the images that were stored, and to what is attached to them.
    async fn attach(
        &self,
        imported: &mut Imported,
        mut attached: Vec<Entry>,
    ) -> Result<(), ImportError> {
        let options = self.order.options;
        let takes_all = options.image.is_none() && options.digest.is_none();
        loop {
            let (now, later): (Vec<_>, Vec<_>) = attached.into_iter().partition(|entry| {
                let has_subject = |subject| self.done().put.contains(subject);
                match &entry.role {
                    Role::Referrer(subject) => has_subject(subject),
                    Role::Cosign(_) => true,
                    Role::Image | Role::Listed => false,
                }
            });
            if now.is_empty() {
                attached = later;
                break;
            }
            for entry in now {
                self.try_to_attach(imported, &entry).await?;
            }
            attached = later;
        }
        // What is attached to something that is not here: a registry takes it all the same.
        for entry in attached.iter().filter(|_| takes_all) {
            if matches!(entry.role, Role::Referrer(_)) {
                self.try_to_attach(imported, entry).await?;
            }
        }
        Ok(())
    }

    /// Stores one attached artifact; one that is wrong is left out, as the images have their tags by now.
    async fn try_to_attach(
        &self,
        imported: &mut Imported,
        entry: &Entry,
    ) -> Result<(), ImportError> {
        match self.attach_one(imported, entry).await {
            Err(error) if error.is_of_content() => {
                self.leave_out(entry.descriptor.digest.as_str(), &error.to_string());
                Ok(())
            }
            other => other,
        }
    }

    async fn attach_one(&self, imported: &mut Imported, entry: &Entry) -> Result<(), ImportError> {
        let at = &entry.descriptor;
        if let Some(gap) = self.gap(at, false).await? {
            self.leave_out(at.digest.as_str(), &gap.reason());
            return Ok(());
        }
        let mut tags = Vec::new();
        if let Role::Cosign(end) = entry.role {
            let Some(tag) = cosign_tag(&imported.images, end) else {
                let why = "cosign finds it by the digest of one image, and several were stored";
                self.leave_out(at.digest.as_str(), why);
                return Ok(());
            };
            tags.push(tag);
        }
        let mut tally = Tally::default();
        let bytes = Box::pin(self.prepare(at, &mut tally, DEPTH_MAX)).await?;
        self.put_attached(&bytes, at, &tags).await?;
        imported.attached.push(at.digest.clone());
        Ok(())
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
