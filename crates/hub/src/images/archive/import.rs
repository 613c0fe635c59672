//! Reads a tarball in one pass: documents are kept, layers stream into uploads.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use async_compression::tokio::bufread::{BzDecoder, GzipDecoder, XzDecoder, ZstdDecoder};
use bytes::{Bytes, BytesMut};
use dockyard_oci::{Algorithm, Digest, Manifest};
use futures::{Stream, StreamExt};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader, ReadBuf};
use tokio_tar::{Archive, Entry};
use tokio_util::io::StreamReader;

use super::contents::{Contents, File, link_target, plain_name};
use super::documents::promised_digest;
use super::pack::{self, Form};
use super::{Archives, ImportError, known};
use crate::accounts::{Grant, Push};
use crate::images::hasher::Hasher;

/// Longest name of an entry in bytes, as file systems have it.
const NAME_MAX: usize = 4096;
/// Bytes read at once.
const READ_BYTES: usize = 128 * 1024;
/// Length of a tar header.
const HEADER_BYTES: usize = 512;
/// What is shorter than this is no layer, compressed or not.
const LAYER_MIN: usize = 8;

type Tarball = Box<dyn AsyncBufRead + Send + Unpin>;

/// Reads the tarball to its end.
pub(super) async fn read(
    archives: &Archives,
    grant: &Grant<Push>,
    bytes: impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
) -> Result<Contents, ImportError> {
    let ended = Arc::new(AtomicBool::new(false));
    let watched = Watched {
        inner: StreamReader::new(bytes),
        ended: Arc::clone(&ended),
    };
    read_entries(archives, grant, watched)
        .await
        .map_err(|error| match error {
            // What could not be read is not damaged when there was simply no more of it.
            ImportError::Damaged { entry, .. } if ended.load(Ordering::Relaxed) => {
                ImportError::Truncated { entry }
            }
            error => error,
        })
}

async fn read_entries<R: AsyncBufRead + Send + Unpin + 'static>(
    archives: &Archives,
    grant: &Grant<Push>,
    reader: R,
) -> Result<Contents, ImportError> {
    let mut contents = Contents::default();
    let mut archive = Archive::new(open(reader).await?);
    let mut entries = archive
        .entries()
        .map_err(|error| ImportError::reading(&error, None))?;
    while let Some(entry) = entries.next().await {
        let mut entry = entry.map_err(|error| ImportError::reading(&error, None))?;
        let name = name_of(&entry)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            continue;
        }
        if kind.is_symlink() || kind.is_hard_link() {
            let target = target_of(&entry, &name)?;
            contents.link(name, target)?;
        } else if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
            let file = file(archives, grant, &name, &mut entry).await?;
            contents.insert(name, file)?;
        } else {
            let reason = "it is neither a file, nor a folder, nor a link";
            return Err(ImportError::Entry {
                entry: name,
                reason,
            });
        }
    }
    drop(entries);
    drain(archive).await?;
    Ok(contents)
}

/// Notes when the bytes end, or the connection breaks.
struct Watched<R> {
    inner: R,
    ended: Arc<AtomicBool>,
}

impl<R: AsyncBufRead + Unpin> AsyncBufRead for Watched<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        let filled = Pin::new(&mut this.inner).poll_fill_buf(cx);
        if let Poll::Ready(Ok([]) | Err(_)) = &filled {
            this.ended.store(true, Ordering::Relaxed);
        }
        filled
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        Pin::new(&mut self.get_mut().inner).consume(amount);
    }
}

impl<R: AsyncBufRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = bytes.len().min(into.remaining());
        into.put_slice(&bytes[..count]);
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

/// Undoes the compression of the whole file, and checks that a tarball is inside.
async fn open<R: AsyncBufRead + Send + Unpin + 'static>(
    mut reader: R,
) -> Result<Tarball, ImportError> {
    let start = reader
        .fill_buf()
        .await
        .map_err(|error| ImportError::reading(&error, None))?;
    let plain: Box<dyn AsyncRead + Send + Unpin> = if start.starts_with(&[0x1f, 0x8b]) {
        let mut decoder = GzipDecoder::new(reader);
        decoder.multiple_members(true);
        Box::new(decoder)
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let mut decoder = ZstdDecoder::new(reader);
        decoder.multiple_members(true);
        Box::new(decoder)
    } else if start.starts_with(b"\xfd7zXZ\0") {
        Box::new(XzDecoder::new(reader))
    } else if start.starts_with(b"BZh") {
        Box::new(BzDecoder::new(reader))
    } else {
        Box::new(reader)
    };
    let mut tarball = BufReader::with_capacity(READ_BYTES, plain);
    let mut start = Vec::with_capacity(HEADER_BYTES);
    let read = (&mut tarball)
        .take(HEADER_BYTES as u64)
        .read_to_end(&mut start)
        .await;
    read.map_err(|error| ImportError::reading(&error, None))?;
    if is_tar_header(&start) {
        Ok(Box::new(io::Cursor::new(start).chain(tarball)))
    } else {
        Err(ImportError::NotATarball)
    }
}

/// Checks a first header: `ustar` at its place, or a name and zeros after it in the old format.
pub(super) fn is_tar_header(start: &[u8]) -> bool {
    start.len() >= HEADER_BYTES
        && start[0] != 0
        && (&start[257..262] == b"ustar" || start[257..262] == [0; 5])
}

fn name_of<R: AsyncRead + Unpin>(entry: &Entry<R>) -> Result<String, ImportError> {
    let raw = entry
        .path_bytes()
        .map_err(|error| ImportError::reading(&error, None))?;
    let shown = String::from_utf8_lossy(&raw[..raw.len().min(200)]).into_owned();
    let refuse = |reason| ImportError::Entry {
        entry: shown.clone(),
        reason,
    };
    if raw.len() > NAME_MAX {
        return Err(refuse("its name is too long"));
    }
    let name = std::str::from_utf8(&raw).map_err(|_| refuse("its name is not UTF-8"))?;
    if entry.header().entry_type().is_dir() {
        return Ok(name.to_owned());
    }
    plain_name(name).map_err(refuse)
}

fn target_of<R: AsyncRead + Unpin>(entry: &Entry<R>, name: &str) -> Result<String, ImportError> {
    let refuse = |reason| ImportError::Entry {
        entry: name.to_owned(),
        reason,
    };
    let raw = entry
        .link_name_bytes()
        .map_err(|error| ImportError::reading(&error, Some(name)))?;
    let raw = raw.ok_or_else(|| refuse("its link has no target"))?;
    let target = std::str::from_utf8(&raw).map_err(|_| refuse("its target is not UTF-8"))?;
    if entry.header().entry_type().is_hard_link() {
        plain_name(target).map_err(refuse)
    } else {
        link_target(name, target).map_err(refuse)
    }
}

/// Takes one file: a document when it is small and JSON, a layer otherwise.
async fn file<R: AsyncRead + Send + Unpin>(
    archives: &Archives,
    grant: &Grant<Push>,
    name: &str,
    entry: &mut Entry<R>,
) -> Result<File, ImportError> {
    let size_bytes = entry.effective_size();
    let mut start = BytesMut::with_capacity(READ_BYTES);
    while start.len() < HEADER_BYTES {
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

async fn document<R: AsyncRead + Send + Unpin>(
    name: &str,
    start: BytesMut,
    entry: &mut Entry<R>,
) -> Result<File, ImportError> {
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
async fn layer<R: AsyncRead + Send + Unpin>(
    archives: &Archives,
    grant: &Grant<Push>,
    name: &str,
    start: Bytes,
    entry: &mut Entry<R>,
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
async fn hash<R: AsyncRead + Send + Unpin>(
    name: &str,
    start: Bytes,
    entry: &mut Entry<R>,
) -> Result<Digest, ImportError> {
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

/// Reads what follows the end of the archive (padding), so that the client is not cut off. What is wrong with it does
/// not matter, as long as the client sends it.
async fn drain(archive: Archive<Tarball>) -> Result<(), ImportError> {
    const PADDING_MAX: u64 = 1024 * 1024;
    let Ok(rest) = archive.into_inner() else {
        return Ok(());
    };
    let read = tokio::io::copy(&mut rest.take(PADDING_MAX), &mut tokio::io::sink()).await;
    match read.map_err(|error| error.kind()) {
        Err(kind @ (io::ErrorKind::ConnectionReset | io::ErrorKind::TimedOut)) => {
            Err(ImportError::reading(&kind.into(), None))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::is_tar_header;

    #[test]
    fn knows_a_tarball_by_its_first_header() {
        let mut header = vec![0; 512];
        assert!(!is_tar_header(&header));
        header[..4].copy_from_slice(b"name");
        assert!(is_tar_header(&header));
        header[257..262].copy_from_slice(b"ustar");
        assert!(is_tar_header(&header));
        assert!(!is_tar_header(&[b'x'; 512]));
        assert!(!is_tar_header(b""));
        assert!(!is_tar_header(b"hello\n"));
    }
}
