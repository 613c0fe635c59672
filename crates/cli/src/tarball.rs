//! Tarballs outside the engine: the files and standard streams that images come from and go to.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result, anyhow, bail};
use futures::StreamExt;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::io::ReaderStream;

use crate::part::{PartFile, cannot_write};
use crate::progress::{ByteStream, Size};

/// How much is read at a time, in bytes: few system calls, little memory.
const READ_BYTES: usize = 256 * 1024;

/// Opens a tarball to read; `-` is standard input.
pub async fn read(path: &Path) -> Result<(ByteStream, Size)> {
    if path == Path::new("-") {
        if io::stdin().is_terminal() {
            bail!("standard input is a terminal: pipe a tarball into it, or name a file");
        }
        return Ok((pieces(tokio::io::stdin()), Size::Unknown));
    }
    let shown = path.display();
    let file = tokio::fs::File::open(path)
        .await
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => anyhow!("there is no file {shown}: check the path"),
            _ => anyhow!("can't read {shown}: {error}"),
        })?;
    let metadata = file.metadata().await?;
    if metadata.is_dir() {
        bail!("{shown} is a folder: name a tarball, as `docker save` writes it");
    }
    if !metadata.is_file() {
        return Ok((pieces(file), Size::Unknown));
    }
    if metadata.len() == 0 {
        bail!("{shown} is empty: was it written to the end?");
    }
    Ok((pieces(file), Size::Exactly(metadata.len())))
}

/// Streams what a reader gives.
pub fn pieces(reader: impl AsyncRead + Send + 'static) -> ByteStream {
    ReaderStream::with_capacity(reader, READ_BYTES).boxed()
}

/// Where a pulled tarball goes. A file appears under its name only once it is whole.
pub enum Target {
    Stdout(tokio::io::Stdout),
    /// A pipe or a device: nothing that could be renamed over.
    Device(tokio::fs::File, PathBuf),
    File(PartFile),
}

impl Target {
    /// Looks at the place to write to; `-` is standard output.
    pub fn open(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            if io::stdout().is_terminal() {
                bail!("a tarball is nothing for a terminal: pipe it on, or name a file");
            }
            return Ok(Self::Stdout(tokio::io::stdout()));
        }
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                bail!("{} is a folder: name the file in it", path.display())
            }
            Ok(found) if !found.is_file() => {
                let file = fs::OpenOptions::new().write(true).open(path);
                let file = file.with_context(|| format!("can't write {}", path.display()))?;
                Ok(Self::Device(file.into(), path.to_owned()))
            }
            _ => PartFile::at(path).map(Self::File),
        }
    }

    /// Prepares for `length` bytes that `id` tells from all others, and says how many of them are there already.
    pub fn begin(&mut self, id: &str, length: u64) -> Result<u64> {
        match self {
            Self::Stdout(_) | Self::Device(..) => Ok(0),
            Self::File(part) => part.begin(id, length),
        }
    }

    /// Writes the next bytes.
    pub async fn write(&mut self, piece: &[u8]) -> Result<()> {
        let written = self.writer()?.write_all(piece).await;
        written.map_err(|error| self.trouble(&error))
    }

    /// Makes the file durable and gives it its name.
    pub async fn finish(mut self) -> Result<()> {
        let flushed = self.writer()?.flush().await;
        flushed.map_err(|error| self.trouble(&error))?;
        match self {
            Self::Stdout(_) | Self::Device(..) => Ok(()),
            Self::File(part) => part.finish().await,
        }
    }

    fn writer(&mut self) -> Result<&mut (dyn AsyncWrite + Unpin + Send)> {
        match self {
            Self::Stdout(stdout) => Ok(stdout),
            Self::Device(file, _) => Ok(file),
            Self::File(part) => part.file().map(|file| file as _),
        }
    }

    fn trouble(&self, error: &io::Error) -> anyhow::Error {
        match self {
            Self::Stdout(_) if error.kind() == io::ErrorKind::BrokenPipe => {
                anyhow!("the program that reads the tarball ended before the tarball did")
            }
            Self::Stdout(_) => anyhow!("can't write to standard output: {error}"),
            Self::Device(_, path) => cannot_write(path, error),
            Self::File(part) => cannot_write(&part.path, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_missing_folders_are_sentences() {
        let folder = tempfile::tempdir().unwrap();
        let message = |path: &Path| match Target::open(path) {
            Ok(_) => panic!("{} opened", path.display()),
            Err(error) => error.to_string(),
        };
        assert!(message(folder.path()).contains("is a folder"));
        assert!(message(&folder.path().join("no/app.tar")).contains("make it first"));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_never_replaced() {
        let target = Target::open(Path::new("/dev/null")).unwrap();
        assert!(matches!(target, Target::Device(..)));
    }

    #[tokio::test]
    async fn what_can_not_be_a_tarball_is_refused_before_it_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.tar");
        fs::write(&empty, "").unwrap();
        for (path, words) in [
            (folder.path().join("none.tar"), "there is no file"),
            (folder.path().to_owned(), "is a folder"),
            (empty, "is empty"),
        ] {
            let error = read(&path).await.err().unwrap().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
