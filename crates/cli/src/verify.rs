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
    /// Configurations that are read when they come, with the layers of their manifests.
    configs: HashMap<Digest, Vec<Digest>>,
    /// By the layer, its diff id: a layer may stand there unpacked instead.
    unpacked: HashMap<Digest, Digest>,
    /// By the configuration, the layers of the image it belongs to.
    images: HashMap<Digest, Vec<Digest>>,
    /// Images that `manifest.json` tells docker to load.
    saved: Vec<Saved>,
    /// Manifests that `index.json` tells other engines to load.
    listed: Vec<Digest>,
    /// Names that came already.
    names: HashSet<String>,
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
    #[serde(rename = "annotations")]
    _annotations: Option<IgnoredAny>,
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
            names: HashSet::new(),
            top,
        }
    }

    async fn read(
        &mut self,
        tarball: impl AsyncRead + Send + Unpin,
        layers: &Layers,
    ) -> Result<()> {
        let mut archive = Archive::new(tarball);
        // As they are: the names of an image are short, so no entry has one of its own for a long name, which would be read
        // into memory whole.
        let mut entries = archive.entries_raw()?;
        while let Some(entry) = entries.next().await {
            let mut entry = entry?;
            let size = entry.effective_size();
            let Some(name) = self.name_of(&entry)? else {
                continue;
            };
            if name == "manifest.json" {
                self.saved = serde_json::from_slice(&short(&mut entry).await?)?;
            } else if name == "index.json" {
                let layout: Layout = serde_json::from_slice(&short(&mut entry).await?)?;
                let listed = layout.manifests.into_iter().map(|listed| listed.digest);
                self.listed = listed.collect();
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
                self.images.insert(config.digest.clone(), layers.clone());
                self.configs.insert(config.digest.clone(), layers);
            }
            // An index may list more than there is.
            self.manifests
                .extend(manifest.manifests.into_iter().map(|child| child.digest));
        }
        if let Some(layers) = layers
            && let Ok(config) = serde_json::from_slice::<Config>(&document)
        {
            self.unpacked
                .extend(layers.into_iter().zip(config.rootfs.diff_ids));
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
        if let Some(other) = self.listed.iter().find(|digest| **digest != self.top) {
            bail!("its index.json names {other}, which was not asked for");
        }
        match self.saved.iter().find_map(|saved| self.foreign_file(saved)) {
            Some(file) => bail!("its manifest.json names {file}, which is not of this image"),
            None => Ok(()),
        }
    }

    /// Finds what docker is told to load and is not the image, layer by layer.
    fn foreign_file<'a>(&self, saved: &'a Saved) -> Option<&'a str> {
        let named = |file: &str| promised(Path::new(file)).filter(|digest| file_of(digest) == file);
        let config = named(&saved.config).and_then(|config| self.images.get(&config));
        let Some(layers) = config.filter(|layers| layers.len() == saved.layers.len()) else {
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
