//! Checks a tarball while it passes: each blob is what its name says, and the image that was asked for is whole.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use dockyard_oci::{Algorithm, Digest, Manifest};
use futures::StreamExt;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Sha256, Sha512};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_tar::{Archive, Entry};
use tokio_util::io::{InspectReader, StreamReader};

use crate::progress::Layers;

/// Pieces that may wait to be checked.
const QUEUE: usize = 16;
/// Bytes hashed at once.
const READ_BYTES: usize = 256 * 1024;
/// Longest `manifest.json` in bytes that is read.
const SAVED_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Longest record with a name in bytes: that of a blob has 148.
const LONG_NAME_MAX_BYTES: u64 = 1024;

/// A check under way.
pub struct Check {
    pieces: mpsc::Sender<Bytes>,
    work: JoinHandle<Result<()>>,
}

impl Check {
    /// Starts to check a tarball that is to hold a manifest, and tells of each blob that is right.
    pub fn start(manifest: Digest, layers: Layers) -> Self {
        let (pieces, receiver) = mpsc::channel(QUEUE);
        let stream = ReceiverStream::new(receiver).map(Ok::<Bytes, io::Error>);
        let work = tokio::spawn(async move {
            let mut found = Found::of(manifest);
            found.read(StreamReader::new(stream), &layers).await?;
            found.require_all()
        });
        Self { pieces, work }
    }

    /// Shows the next bytes. What is wrong with them comes out at the end.
    pub async fn see(&self, piece: Bytes) {
        // It takes no more once something is wrong.
        let _ = self.pieces.send(piece).await;
    }

    /// Ends the check. Errors: a blob that is not what its name says, one that is missing, no tarball at all.
    pub async fn finish(self) -> Result<()> {
        drop(self.pieces);
        let checked = self
            .work
            .await
            .context("the check of the tarball stopped")?;
        checked.map_err(|error| {
            anyhow!("the image that came is not the one that was asked for: {error}")
        })
    }
}

/// What was found so far, and what must still come.
struct Found {
    top: Digest,
    /// Blobs whose content is what their name says.
    right: HashSet<Digest>,
    /// Manifests that images are read from when they come: the top, and what indexes list.
    manifests: HashSet<Digest>,
    /// Blobs that a manifest names.
    needed: HashSet<Digest>,
    /// Configurations that are read when they come, with the layers of each of their manifests.
    configs: HashMap<Digest, Vec<Vec<Digest>>>,
    /// By the layer, its diff id: a layer may stand there unpacked instead.
    unpacked: HashMap<Digest, Digest>,
    /// By the manifest, an image's configuration and layers.
    images: HashMap<Digest, (Digest, Vec<Digest>)>,
    /// Images that `manifest.json` tells docker to load.
    saved: Vec<Saved>,
    /// Manifests that `index.json` tells other engines to load.
    listed: Vec<Listed>,
    /// By a manifest that is there, what it is attached to and what it lists.
    subjects: HashMap<Digest, Digest>,
    children: HashMap<Digest, Vec<Digest>>,
    /// Names that came already.
    names: HashSet<String>,
    /// The name of the next entry, which its own header has no room for.
    long_name: Option<String>,
}

/// An image of a `manifest.json`. A key that is spelled otherwise is refused: engines read keys without regard to case.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Saved {
    config: String,
    layers: Vec<String>,
    #[serde(rename = "RepoTags")]
    _tags: Option<IgnoredAny>,
}

/// An `index.json`, with nothing in it but what is known. Source: OCI image-spec, "Image Layout".
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Layout {
    #[serde(rename = "schemaVersion")]
    _schema_version: IgnoredAny,
    #[serde(rename = "mediaType")]
    _media_type: Option<IgnoredAny>,
    manifests: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Listed {
    digest: Digest,
    #[serde(rename = "mediaType")]
    _media_type: IgnoredAny,
    #[serde(rename = "size")]
    _size: IgnoredAny,
    annotations: Option<IgnoredAny>,
    #[serde(rename = "platform")]
    _platform: Option<IgnoredAny>,
}

/// What is read of an image's configuration. Source: OCI image-spec, "Image Configuration".
#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<Digest>,
}

impl Found {
    fn of(top: Digest) -> Self {
        Self {
            manifests: HashSet::from([top.clone()]),
            right: HashSet::new(),
            needed: HashSet::new(),
            configs: HashMap::new(),
            unpacked: HashMap::new(),
            images: HashMap::new(),
            saved: Vec::new(),
            listed: Vec::new(),
            subjects: HashMap::new(),
            children: HashMap::new(),
            names: HashSet::new(),
            long_name: None,
            top,
        }
    }

    async fn read(
        &mut self,
        tarball: impl AsyncRead + Send + Unpin,
        layers: &Layers,
    ) -> Result<()> {
        let mut archive = Archive::new(tarball);
        // As they are: a long name stands in an entry of its own, which would be read into memory whole.
        let mut entries = archive.entries_raw()?;
        while let Some(entry) = entries.next().await {
            let mut entry = entry?;
            let size = entry.effective_size();
            if entry.header().entry_type().is_pax_local_extensions() {
                self.long_name = Some(long_name(&mut entry).await?);
                continue;
            }
            let Some(name) = self.name_of(&entry)? else {
                continue;
            };
            if name == "manifest.json" {
                self.saved = serde_json::from_slice(&short(&mut entry).await?)?;
            } else if name == "index.json" {
                let layout: Layout = serde_json::from_slice(&short(&mut entry).await?)?;
                self.listed = layout.manifests;
                let listed = self.listed.iter().map(|listed| listed.digest.clone());
                self.manifests.extend(listed);
            } else if let Some(promised) = promised(Path::new(&name)) {
                let is_document =
                    self.manifests.contains(&promised) || self.configs.contains_key(&promised);
                if is_document {
                    self.blob(&mut entry, promised).await?;
                    continue;
                }
                layers.begin(&promised, size);
                let mut content = InspectReader::new(&mut entry, |bytes: &[u8]| {
                    layers.advance(bytes.len() as u64);
                });
                self.blob(&mut content, promised).await?;
                layers.end("verified");
            }
        }
        Ok(())
    }

    /// Returns the name of a file, and `None` for a folder. Engines read names in ways of their own, so nothing passes but
    /// the files of an image, each spelled in its one form, once.
    fn name_of<R: AsyncRead + Unpin>(&mut self, entry: &Entry<R>) -> Result<Option<String>> {
        let raw = entry.path_bytes()?;
        let name = std::str::from_utf8(&raw).context("the name of an entry is not UTF-8")?;
        let long = self.long_name.take();
        if let Some(long) = &long {
            let is_start = long.len() > name.len() && long.starts_with(name);
            anyhow::ensure!(is_start, "it holds {name:?} under another name");
        }
        let name = long.as_deref().unwrap_or(name);
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            let name = name.strip_suffix('/').unwrap_or(name);
            let is_known = ["blobs", "blobs/sha256", "blobs/sha512"].contains(&name);
            anyhow::ensure!(is_known, "it holds {name:?}, which is no part of an image");
            return Ok(None);
        }
        let is_known = ["manifest.json", "index.json", "oci-layout", "repositories"]
            .contains(&name)
            || promised(Path::new(name)).is_some_and(|digest| file_of(&digest) == name);
        anyhow::ensure!(
            is_known && kind.is_file(),
            "it holds {name:?}, which is no part of an image"
        );
        let is_new = self.names.insert(name.to_owned());
        anyhow::ensure!(is_new, "it holds {name} twice");
        Ok(Some(name.to_owned()))
    }

    async fn blob(
        &mut self,
        entry: &mut (impl AsyncRead + Send + Unpin),
        promised: Digest,
    ) -> Result<()> {
        let is_manifest = self.manifests.remove(&promised);
        let layers = self.configs.remove(&promised);
        let mut document = Vec::new();
        let keep = (is_manifest || layers.is_some()).then_some(&mut document);
        let digest = match promised.algorithm() {
            Algorithm::Sha256 => hash::<Sha256>(entry, Algorithm::Sha256, keep).await?,
            Algorithm::Sha512 => hash::<Sha512>(entry, Algorithm::Sha512, keep).await?,
        };
        if digest != promised {
            bail!("{promised} has the content of {digest}");
        }
        if is_manifest {
            let manifest = Manifest::parse(&document, None)?;
            let blobs = manifest.required_blobs().map(|blob| blob.digest.clone());
            self.needed.extend(blobs);
            if let Some(config) = &manifest.config {
                let layers = manifest.layers.iter().map(|layer| layer.digest.clone());
                let layers: Vec<Digest> = layers.collect();
                let image = (config.digest.clone(), layers.clone());
                self.images.insert(promised.clone(), image);
                let of_config = self.configs.entry(config.digest.clone());
                of_config.or_default().push(layers);
            }
            // An index may list more than there is.
            let children = manifest.manifests.into_iter().map(|child| child.digest);
            let children: Vec<Digest> = children.collect();
            self.manifests.extend(children.iter().cloned());
            self.children.insert(promised.clone(), children);
            if let Some(subject) = manifest.subject {
                self.subjects.insert(promised.clone(), subject.digest);
            }
        }
        if let Some(images) = layers
            && let Ok(config) = serde_json::from_slice::<Config>(&document)
        {
            for layers in images {
                let diff_ids = config.rootfs.diff_ids.iter().cloned();
                self.unpacked.extend(layers.into_iter().zip(diff_ids));
            }
        }
        self.right.insert(promised);
        Ok(())
    }

    fn require_all(&self) -> Result<()> {
        let mut needed = self.needed.iter().chain([&self.top]);
        let is_there = |digest: &Digest| {
            let unpacked = self.unpacked.get(digest);
            [Some(digest), unpacked]
                .into_iter()
                .flatten()
                .any(|one| self.right.contains(one))
        };
        if let Some(missing) = needed.find(|digest| !is_there(digest)) {
            bail!("{missing} is missing");
        }
        if let Some(other) = self.stranger() {
            bail!("its index.json names {other}, which was not asked for");
        }
        match self.saved.iter().find_map(|saved| self.foreign_file(saved)) {
            Some(file) => bail!("its manifest.json names {file}, which is not of this image"),
            None => Ok(()),
        }
    }

    /// The manifest that was asked for, and all that it lists.
    fn image(&self) -> HashSet<&Digest> {
        let mut image = HashSet::from([&self.top]);
        let mut waiting = vec![&self.top];
        while let Some(manifest) = waiting.pop() {
            let children = self.children.get(manifest).into_iter().flatten();
            waiting.extend(children.filter(|child| image.insert(child)));
        }
        image
    }

    /// Finds what other engines are told to load, and is neither the image nor attached to it without a name of its own.
    fn stranger(&self) -> Option<&Digest> {
        let image = self.image();
        let is_attached = |listed: &Listed| {
            // A chain is no longer than there are manifests.
            let mut at = Some(&listed.digest);
            for _ in 0..=self.subjects.len() {
                at = at.and_then(|digest| self.subjects.get(digest));
                if at.is_some_and(|digest| image.contains(digest)) {
                    return listed.annotations.is_none();
                }
            }
            false
        };
        let mut listed = self.listed.iter();
        let stranger = listed.find(|listed| listed.digest != self.top && !is_attached(listed));
        stranger.map(|listed| &listed.digest)
    }

    /// Finds what docker is told to load and is not the image, layer by layer.
    fn foreign_file<'a>(&self, saved: &'a Saved) -> Option<&'a str> {
        let named = |file: &str| promised(Path::new(file)).filter(|digest| file_of(digest) == file);
        let image = self.image();
        let config = named(&saved.config);
        let mut images = image
            .iter()
            .filter_map(|manifest| self.images.get(*manifest));
        let found = images.find(|(own, layers)| {
            config.as_ref() == Some(own) && layers.len() == saved.layers.len()
        });
        let Some((_, layers)) = found else {
            return Some(&saved.config);
        };
        let is_right = |file: &str, layer: &Digest| {
            named(file)
                .is_some_and(|digest| digest == *layer || self.unpacked.get(layer) == Some(&digest))
        };
        let mut files = saved.layers.iter().zip(layers);
        let wrong = files.find(|(file, layer)| !is_right(file, layer));
        wrong.map(|(file, _)| file.as_str())
    }
}

/// Reads the long name of the next entry, and nothing else. Source: POSIX.1-2017, `pax`, "pax Extended Header".
async fn long_name<R: AsyncRead + Unpin>(entry: &mut Entry<R>) -> Result<String> {
    let is_short = entry.effective_size() <= LONG_NAME_MAX_BYTES;
    anyhow::ensure!(
        is_short,
        "it holds attributes of an entry that are no part of an image"
    );
    let mut record = String::new();
    entry
        .take(LONG_NAME_MAX_BYTES)
        .read_to_string(&mut record)
        .await?;
    let parts = record.split_once(" path=").and_then(|(length, name)| {
        let is_whole = length.parse() == Ok(record.len());
        name.strip_suffix('\n').filter(|_| is_whole)
    });
    let name = parts.filter(|name| !name.contains('\n'));
    let name = name.context("it holds attributes of an entry that are no part of an image")?;
    Ok(name.to_owned())
}

/// Reads a short document whole.
async fn short<R: AsyncRead + Unpin>(entry: &mut Entry<R>) -> Result<Vec<u8>> {
    let mut json = Vec::new();
    entry.take(SAVED_MAX_BYTES).read_to_end(&mut json).await?;
    Ok(json)
}

/// Returns the one spelling of a blob's name.
fn file_of(digest: &Digest) -> String {
    format!("blobs/{}", digest.as_str().replacen(':', "/", 1))
}

/// Is the digest that a file's name promises. Source: OCI image-spec, "Image Layout", `blobs/<alg>/<encoded>`.
fn promised(path: &Path) -> Option<Digest> {
    let name = path.to_str()?.strip_prefix("blobs/")?;
    name.replacen('/', ":", 1).parse().ok()
}

/// Hashes content; a document that is kept must not be longer than a manifest may be.
async fn hash<H: sha2::Digest>(
    content: &mut (impl AsyncRead + Send + Unpin),
    algorithm: Algorithm,
    mut keep: Option<&mut Vec<u8>>,
) -> Result<Digest> {
    let mut hasher = H::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = content.read(&mut buffer).await?;
        if read == 0 {
            return Ok(Digest::from_hash(algorithm, &hasher.finalize())?);
        }
        hasher.update(&buffer[..read]);
        if let Some(document) = &mut keep {
            document.extend_from_slice(&buffer[..read]);
            if document.len() > Manifest::MAX_BYTES {
                bail!("one of its documents is longer than 4 MiB");
            }
        }
    }
}

#[cfg(test)]
mod tests;
