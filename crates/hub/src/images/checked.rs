//! Whole blobs from a remote store, compared with their digest on the way to a client.

use std::io;

use bytes::Bytes;
use futures::{StreamExt, stream};
use tracing::error;

use super::Blob;
use super::hasher::Hasher;
use crate::store::ByteStream;

/// Fails in place of the last bytes when all bytes together are not the blob.
pub(super) fn checked(bytes: ByteStream, blob: &Blob) -> ByteStream {
    let checking = Checking {
        bytes,
        hasher: Some(Hasher::new(blob.digest.algorithm())),
        left: blob.size_bytes,
        blob: blob.clone(),
    };
    stream::try_unfold(checking, Checking::next).boxed()
}

struct Checking {
    bytes: ByteStream,
    /// `None` once the end was compared.
    hasher: Option<Hasher>,
    /// Bytes that are still to come.
    left: u64,
    blob: Blob,
}

impl Checking {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let Some(hasher) = &mut self.hasher else {
            return Ok(None);
        };
        let next = self.bytes.next().await.transpose()?;
        let has_ended = next.is_none();
        let some = next.unwrap_or_default();
        hasher.update(&some);
        let Some(left) = self.left.checked_sub(some.len() as u64) else {
            return Err(self.wrong());
        };
        let is_last = left == 0 || has_ended;
        if is_last && self.hasher.take().map(Hasher::finish).as_ref() != Some(&self.blob.digest) {
            return Err(self.wrong());
        }
        self.left = left;
        Ok((!has_ended).then_some((some, self)))
    }

    fn wrong(&self) -> io::Error {
        let Blob {
            digest, location, ..
        } = &self.blob;
        error!("the store handed out other bytes than {digest} for {location}");
        io::Error::new(
            io::ErrorKind::InvalidData,
            "the store handed out other bytes",
        )
    }
}

#[cfg(test)]
mod tests {
    use dockyard_oci::Algorithm;
    use futures::TryStreamExt;

    use super::*;
    use crate::store::Location;

    fn blob(whole: &[u8]) -> Blob {
        Blob {
            digest: Hasher::digest(Algorithm::Sha256, whole),
            size_bytes: whole.len() as u64,
            location: Location::new(),
        }
    }

    async fn read(pieces: &[&'static str], blob: &Blob) -> Result<String, (String, io::ErrorKind)> {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from(*piece))).collect();
        let mut bytes = checked(stream::iter(pieces).boxed(), blob);
        let mut read = String::new();
        loop {
            match bytes.try_next().await {
                Ok(Some(piece)) => read.push_str(std::str::from_utf8(&piece).unwrap()),
                Ok(None) => return Ok(read),
                Err(error) => return Err((read, error.kind())),
            }
        }
    }

    #[tokio::test]
    async fn the_end_is_kept_back_when_the_bytes_are_others() {
        let blob = blob(b"hello world");
        assert_eq!(
            read(&["hello", " ", "world"], &blob).await,
            Ok("hello world".to_owned())
        );
        let wrong = |start: &str| Err((start.to_owned(), io::ErrorKind::InvalidData));
        assert_eq!(read(&["hello ", "wurld"], &blob).await, wrong("hello "));
        assert_eq!(read(&["hello"], &blob).await, wrong("hello"), "too few");
        assert_eq!(read(&["hello ", "world!"], &blob).await, wrong("hello "));
        assert_eq!(read(&[], &self::blob(b"")).await, Ok(String::new()));
    }
}
