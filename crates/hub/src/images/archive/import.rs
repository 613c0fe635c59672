//! Reads a tarball in one pass: documents are kept, layers stream into uploads.

use std::io;
use std::net::IpAddr;

use bytes::{Bytes, BytesMut};
use dockyard_oci::tar::{BLOCK_BYTES, Entry, EntryKind};
use dockyard_oci::{Algorithm, Digest, Manifest};
use futures::Stream;
use tokio::io::{AsyncBufRead, AsyncReadExt};
use tokio_util::io::StreamReader;

use super::contents::{Contents, File, link_target, plain_name};
use super::documents::promised_digest;
use super::pack::{self, Form};
use super::tarball::{READ_BYTES, Tarball, Watched};
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
) -> Result<Contents, ImportError> {
    let watched = Watched::new(StreamReader::new(bytes));
    let received = watched.received();
    read_entries(archives, grant, from, watched)
        .await
        .map_err(|error| match error {
            // What could not be read is not damaged when there was simply no more of it.
            ImportError::Damaged { entry, .. } if received.has_ended() => {
                ImportError::Truncated { entry }
            }
            error => error,
        })
}

async fn read_entries<R: AsyncBufRead + Send + Unpin + 'static>(
    archives: &Archives,
    grant: &Grant<Push>,
    from: IpAddr,
    reader: Watched<R>,
) -> Result<Contents, ImportError> {
    let mut contents = Contents::default();
    let mut tarball = Tarball::open(archives, grant, from, reader).await?;
    loop {
        let entry = tarball.next().await;
        let Some(entry) = entry.map_err(|error| ImportError::reading(&error, None))? else {
            break;
        };
        contents.count(&entry)?;
        let name = name_of(&entry)?;
        match entry.kind {
            EntryKind::Folder => {}
            EntryKind::HardLink | EntryKind::SymbolicLink => {
                let target = target_of(&entry, &name)?;
                contents.link(name, target)?;
            }
            EntryKind::File => {
                let size_bytes = entry.size_bytes;
                let file = file(archives, grant, &name, size_bytes, &mut tarball).await?;
                contents.insert(name, file)?;
            }
            EntryKind::Other => {
                let reason = "it is neither a file, nor a folder, nor a link";
                return Err(ImportError::Entry {
                    entry: name,
                    reason,
                });
            }
        }
    }
    tarball.drain().await?;
    Ok(contents)
}

fn name_of(entry: &Entry) -> Result<String, ImportError> {
    let raw = &entry.name;
    let shown = String::from_utf8_lossy(&raw[..raw.len().min(200)]).into_owned();
    let refuse = |reason| ImportError::Entry {
        entry: shown.clone(),
        reason,
    };
    if raw.len() > NAME_MAX {
        return Err(refuse("its name is too long"));
    }
    let name = std::str::from_utf8(raw).map_err(|_| refuse("its name is not UTF-8"))?;
    if entry.kind == EntryKind::Folder {
        return Ok(name.to_owned());
    }
    plain_name(name).map_err(refuse)
}

fn target_of(entry: &Entry, name: &str) -> Result<String, ImportError> {
    let refuse = |reason| ImportError::Entry {
        entry: name.to_owned(),
        reason,
    };
    if entry.target.is_empty() {
        return Err(refuse("its link has no target"));
    }
    if entry.target.len() > NAME_MAX {
        return Err(refuse("its target is too long"));
    }
    let target = std::str::from_utf8(&entry.target);
    let target = target.map_err(|_| refuse("its target is not UTF-8"))?;
    if entry.kind == EntryKind::HardLink {
        plain_name(target).map_err(refuse)
    } else {
        link_target(name, target).map_err(refuse)
    }
}

/// Takes one file: a document when it is small and JSON, a layer otherwise.
async fn file(
    archives: &Archives,
    grant: &Grant<Push>,
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
    let small = size_bytes <= Manifest::MAX_BYTES as u64;
    let json = matches!(
        start.iter().find(|b| !b.is_ascii_whitespace()),
        Some(b'{' | b'[')
    );
    if small && (json || start.len() < LAYER_MIN) {
        document(name, start, entry).await
    } else {
        layer(archives, grant, name, start.freeze(), entry).await
    }
}

async fn document(name: &str, start: BytesMut, entry: &mut Tarball) -> Result<File, ImportError> {
    let mut bytes = start.to_vec();
    let read = entry.read_to_end(&mut bytes).await;
    read.map_err(|error| ImportError::reading(&error, Some(name)))?;
    if let Some(promised) = promised_digest(name) {
        let actual = Hasher::digest(promised.algorithm(), &bytes);
        if actual != promised {
            return Err(ImportError::WrongDigest {
                entry: name.to_owned(),
                actual,
            });
        }
    }
    Ok(File::Document(bytes.into()))
}

/// Stores a layer: as it is when it came compressed, compressed otherwise, and not at all when its
/// name promises one that the caller can already read. One that came compressed is unpacked only to know what is in it,
/// and not when its name is its digest, as then manifests may name it too.
async fn layer(
    archives: &Archives,
    grant: &Grant<Push>,
    name: &str,
    start: Bytes,
    entry: &mut Tarball,
) -> Result<File, ImportError> {
    let promised = promised_digest(name).filter(|d| d.algorithm() == Algorithm::Sha256);
    let form = Form::of(&start);
    let known = match &promised {
        Some(promised) => known::take(archives, grant, promised, form).await?,
        None => None,
    };
    let (layer, actual) = if let Some(layer) = known {
        (layer, hash(name, start, entry).await?)
    } else {
        let layer = pack::store(
            archives,
            grant,
            form,
            name,
            start,
            entry,
            promised.is_some(),
        )
        .await?;
        let actual = layer.original().clone();
        (layer, actual)
    };
    if promised.is_some_and(|promised| promised != actual) {
        return Err(ImportError::WrongDigest {
            entry: name.to_owned(),
            actual,
        });
    }
    Ok(File::Layer(layer))
}

/// Reads an entry to its end only to know its digest.
async fn hash(name: &str, start: Bytes, entry: &mut Tarball) -> Result<Digest, ImportError> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
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
