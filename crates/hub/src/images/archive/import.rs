//! Reads a tarball in one pass: documents are held, everything else streams into uploads.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use dockyard_oci::tar::{BLOCK_BYTES, Entry, EntryKind};
use dockyard_oci::{Algorithm, Digest, Manifest};
use futures::Stream;
use tokio::io::{AsyncBufRead, AsyncReadExt, BufReader};
use tokio_util::io::StreamReader;

use super::budget::{Budget, Spending, Watched};
use super::contents::{Contents, File, Layer, link_target, plain_name};
use super::decode::{Packing, decoder};
use super::documents::promised_digest;
use super::pack::{self, Form, Keep};
use super::tarball::{READ_BYTES, Tarball};
use super::{Archives, ImportError, known};
use crate::accounts::{Grant, Push};
use crate::images::hasher::Hasher;

/// Longest name of an entry in bytes, as file systems have it.
const NAME_MAX: usize = 4096;
/// What is shorter than this is no layer, compressed or not.
const LAYER_MIN: usize = 8;

/// Reads the tarball to its end.
pub(super) async fn read(
    archives: &Archives,
    grant: &Grant<Push>,
    from: IpAddr,
    bytes: impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
    budget: &Arc<Budget>,
) -> Result<Contents, ImportError> {
    let import = Import {
        archives,
        grant,
        from,
        budget,
    };
    let watched = Watched::new(StreamReader::new(bytes), budget);
    import.entries(watched).await.map_err(|error| match error {
        // What could not be read is not damaged when there was simply no more of it.
        ImportError::Damaged { entry, .. } if budget.has_ended() => {
            ImportError::Truncated { entry }
        }
        error => error,
    })
}

struct Import<'a> {
    archives: &'a Archives,
    grant: &'a Grant<Push>,
    from: IpAddr,
    budget: &'a Arc<Budget>,
}

impl Import<'_> {
    async fn entries<R: AsyncBufRead + Send + Unpin + 'static>(
        &self,
        reader: Watched<R>,
    ) -> Result<Contents, ImportError> {
        let mut contents = Contents::default();
        let (archives, grant) = (self.archives, self.grant);
        let mut tarball = Tarball::open(archives, grant, self.from, reader, self.budget).await?;
        loop {
            let entry = tarball.next().await;
            let Some(entry) = entry.map_err(|error| ImportError::reading(&error, None))? else {
                break;
            };
            contents.count(&entry)?;
            // What no document can name is none of an image's files.
            let Some(name) = name_of(&entry) else {
                continue;
            };
            match entry.kind {
                EntryKind::Folder | EntryKind::Other => {}
                EntryKind::HardLink | EntryKind::SymbolicLink => {
                    if let Some(target) = target_of(&entry, &name) {
                        contents.link(name, target)?;
                    }
                }
                EntryKind::File => {
                    let size_bytes = entry.real_bytes();
                    let file = self
                        .file(&contents, &name, size_bytes, &mut tarball)
                        .await?;
                    contents.insert(name, file)?;
                }
            }
        }
        tarball.drain().await?;
        Ok(contents)
    }

    /// Takes one file: holds it when it looks like a document, stores it otherwise.
    async fn file(
        &self,
        contents: &Contents,
        name: &str,
        size_bytes: u64,
        entry: &mut Tarball,
    ) -> Result<File, ImportError> {
        let mut start = BytesMut::with_capacity(READ_BYTES);
        while start.len() < BLOCK_BYTES {
            let read = entry.read_buf(&mut start).await;
            if read.map_err(|error| ImportError::reading(&error, Some(name)))? == 0 {
                break;
            }
        }
        let length = usize::try_from(size_bytes).ok();
        let length = length.filter(|length| *length <= Manifest::MAX_BYTES);
        let can_hold = length.is_some_and(|length| contents.can_hold(length));
        if can_hold && looks_like_document(&start) {
            return Ok(File::Held(held(name, start, entry).await?));
        }
        let layer = self.layer(name, start.freeze(), entry).await?;
        Ok(File::Stored(layer))
    }

    /// Stores a file in the form that it will most likely be needed in, and not at all when its name promises one that
    /// the caller can already read.
    ///
    /// A file that is named by its digest stays unchanged, as manifests name it so; but a plain layer is compressed, as
    /// docker names its layers like that.
    async fn layer(
        &self,
        name: &str,
        start: Bytes,
        entry: &mut Tarball,
    ) -> Result<Layer, ImportError> {
        let (archives, grant) = (self.archives, self.grant);
        let promised = promised_digest(name);
        let form = Form::of(&start);
        let Some(promised) = promised else {
            return self.nameless(name, form, start, entry).await;
        };
        if let Some(layer) = known::take(archives, grant, &promised, form).await? {
            let actual = hash(name, promised.algorithm(), start, entry).await?;
            require_promised(name, &promised, &actual)?;
            return Ok(layer);
        }
        let algorithm = promised.algorithm();
        let keep = match (form, algorithm) {
            (Form::Plain, Algorithm::Sha256) => Keep::Packed,
            _ => Keep::AsItIs(algorithm),
        };
        let layer = pack::store(archives, grant, (form, keep), name, start, entry).await?;
        let actual = layer.original().unwrap_or(&layer.digest);
        require_promised(name, &promised, actual)?;
        Ok(layer)
    }

    /// Stores a file whose name says nothing about its content.
    async fn nameless(
        &self,
        name: &str,
        form: Form,
        start: Bytes,
        entry: &mut Tarball,
    ) -> Result<Layer, ImportError> {
        let (archives, grant) = (self.archives, self.grant);
        let keep = match form {
            // What is inside is looked at when the layer is named, and there is a place for the decoder.
            Form::Packed(Packing::Zstd) | Form::Other | Form::Unread(_) => {
                Keep::AsItIs(Algorithm::Sha256)
            }
            Form::Plain | Form::Packed(_) => Keep::Packed,
        };
        let Some(packing) = form.to_undo() else {
            return pack::store(archives, grant, (form, keep), name, start, entry).await;
        };
        let _place = archives.decoder_place(packing, grant, self.from)?;
        let packed = io::Cursor::new(start).chain(entry);
        let plain = decoder(packing, BufReader::with_capacity(READ_BYTES, packed));
        let mut plain = Spending::new(plain, self.budget);
        pack::undone(archives, grant, form, name, &mut plain).await
    }
}

/// Tells whether a file is worth holding: what is JSON, and what is shorter than any layer.
fn looks_like_document(start: &[u8]) -> bool {
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_json = matches!(first, Some(b'{' | b'['));
    start.len() < LAYER_MIN || (is_json && Form::of(start) == Form::Other)
}

/// Names an entry by its place in the tarball; `None` for what no document can name.
fn name_of(entry: &Entry) -> Option<String> {
    let name = Some(&entry.name).filter(|name| name.len() <= NAME_MAX)?;
    plain_name(std::str::from_utf8(name).ok()?)
}

fn target_of(entry: &Entry, name: &str) -> Option<String> {
    let target = Some(&entry.target).filter(|target| target.len() <= NAME_MAX)?;
    let target = std::str::from_utf8(target).ok()?;
    if entry.kind == EntryKind::HardLink {
        plain_name(target)
    } else {
        link_target(name, target)
    }
}

async fn held(name: &str, start: BytesMut, entry: &mut Tarball) -> Result<Bytes, ImportError> {
    let mut bytes = start.to_vec();
    let read = entry.read_to_end(&mut bytes).await;
    read.map_err(|error| ImportError::reading(&error, Some(name)))?;
    if let Some(promised) = promised_digest(name) {
        let actual = Hasher::digest(promised.algorithm(), &bytes);
        require_promised(name, &promised, &actual)?;
    }
    Ok(bytes.into())
}

fn require_promised(name: &str, promised: &Digest, actual: &Digest) -> Result<(), ImportError> {
    if promised == actual {
        return Ok(());
    }
    Err(ImportError::WrongDigest {
        entry: name.to_owned(),
        actual: actual.clone(),
    })
}

/// Reads an entry to its end only to know its digest.
async fn hash(
    name: &str,
    algorithm: Algorithm,
    start: Bytes,
    entry: &mut Tarball,
) -> Result<Digest, ImportError> {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(&start);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = entry.read(&mut buffer).await;
        match read.map_err(|error| ImportError::reading(&error, Some(name)))? {
            0 => return Ok(hasher.finish()),
            n => hasher.update(&buffer[..n]),
        }
    }
}
