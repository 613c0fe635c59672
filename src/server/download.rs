//! Bodies of answers that are read from the store while they are sent.

use std::io;

use axum::body::Body;
use axum::http::HeaderMap;
use dockyard_hub::images::ManifestBytes;
use dockyard_hub::store::ByteStream;
use dockyard_oci::{Digest, RepositoryName};
use futures::{StreamExt, stream};
use tracing::error;

use super::requests;

/// Makes a body of a manifest's bytes.
pub fn of_manifest(bytes: ManifestBytes) -> Body {
    match bytes {
        ManifestBytes::Short(bytes) => bytes.into(),
        ManifestBytes::Long(stream) => Body::from_stream(stream),
    }
}

/// What is downloaded, for the log.
#[derive(Debug)]
pub struct Download {
    request_id: String,
    repository: RepositoryName,
    /// Of the blob, or of the image in a tarball.
    digest: Digest,
}

impl Download {
    pub fn new(headers: &HeaderMap, repository: &RepositoryName, digest: &Digest) -> Self {
        Self {
            request_id: requests::id(headers).to_owned(),
            repository: repository.clone(),
            digest: digest.clone(),
        }
    }

    /// Sends `length` bytes. When they can't be read, or are not all there, the status is long gone:
    /// the connection is cut, and the log says why.
    pub fn send(self, bytes: ByteStream, length: u64) -> Body {
        Body::from_stream(stream::try_unfold(
            (self, bytes, length),
            async |(download, mut bytes, left)| match bytes.next().await {
                Some(Ok(chunk)) => {
                    let left = left.saturating_sub(chunk.len() as u64);
                    Ok(Some((chunk, (download, bytes, left))))
                }
                Some(Err(error)) => Err(download.failed(error)),
                None if left == 0 => Ok(None),
                None => {
                    let message = format!("the last {left} bytes are not there");
                    Err(download.failed(io::Error::new(io::ErrorKind::UnexpectedEof, message)))
                }
            },
        ))
    }

    fn failed(self, cause: io::Error) -> io::Error {
        let Self {
            request_id,
            repository,
            digest,
        } = self;
        error!(request_id, %repository, %digest, %cause, "a download was cut off");
        cause
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use bytes::Bytes;
    use http_body_util::BodyExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Downloads five bytes, and returns whether they arrived and what was logged.
    async fn download(chunks: Vec<io::Result<Bytes>>) -> (bool, String) {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", "r1".parse().unwrap());
        let digest = format!("sha256:{}", "1".repeat(64)).parse().unwrap();
        let download = Download::new(&headers, &"alice/app".parse().unwrap(), &digest);
        let body = download.send(stream::iter(chunks).boxed(), 5);
        let arrived = body.collect().await.is_ok();
        drop(guard);
        let logged = log.0.lock().unwrap().clone();
        (arrived, String::from_utf8(logged).unwrap())
    }

    #[tokio::test]
    async fn what_arrives_whole_is_not_logged() {
        let chunks = vec![
            Ok(Bytes::from_static(b"hel")),
            Ok(Bytes::from_static(b"lo")),
        ];
        assert_eq!(download(chunks).await, (true, String::new()));
    }

    #[tokio::test]
    async fn what_is_cut_off_is_logged_once() {
        let short = vec![Ok(Bytes::from_static(b"hel"))];
        let broken = vec![Err(io::Error::other("the last 2 bytes are not there"))];
        for chunks in [short, broken] {
            let (arrived, log) = download(chunks).await;
            assert!(!arrived);
            assert_eq!(log.lines().count(), 1, "{log}");
            for part in ["r1", "alice/app", "sha256:111", "the last 2 bytes"] {
                assert!(log.contains(part), "{log}");
            }
        }
    }
}
