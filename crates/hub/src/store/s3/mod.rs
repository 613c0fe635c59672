//! A bucket as the store: `<prefix>blobs/<two hex digits>/<location>`, in any S3-compatible store.
//!
//! An upload that fits into one part is one object under its own address from the first request on. A longer one is a
//! multipart upload under that address; what is left over for a part is kept beside it in `tails/`, so that any process
//! can go on, and sent as the last part as well, so that nothing is left to send at the end. What a process needs to
//! know of it is the `State` that goes with the upload's row. Nothing rests on listing or on conditional writes.

mod bounded;
mod client;
mod error;
mod leftovers;
mod read;
mod state;
mod writer;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream as Body;
use aws_sdk_s3::types::{
    BucketLocationConstraint, CompletedMultipartUpload, CompletedPart, CreateBucketConfiguration,
};
use bytes::Bytes;
use futures::stream::BoxStream;
use tracing::warn;

use super::{
    BlobStore, BlobWriter, ByteStream, Encryption, Hold, Location, S3Options, StoreError,
    StoredObject,
};
use error::{failed, is_status};
use state::State;
use writer::S3Writer;

/// Keeps objects in a bucket. Cheap to clone.
#[derive(Clone)]
pub struct S3Store {
    client: Client,
    bucket: Arc<str>,
    prefix: Arc<str>,
    encryption: Option<Encryption>,
    links: bool,
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

impl S3Store {
    /// Connects to a store with the credentials of the AWS chain: environment, profile, container or instance role.
    ///
    /// It asks for nothing yet, `ping` does, unless the bucket is to be created. Errors: that it can't be.
    pub async fn open(options: S3Options) -> Result<Self, StoreError> {
        let client = options.client().await;
        let store = Self {
            client,
            bucket: options.bucket.into(),
            prefix: options.prefix.into(),
            encryption: options.encryption,
            links: options.links,
        };
        if options.create {
            store.create().await?;
        }
        Ok(store)
    }

    /// Creates the bucket; that it is there already is fine.
    async fn create(&self) -> Result<(), StoreError> {
        let region = self.client.config().region().map(AsRef::as_ref);
        // The first region is the one that must not be named. Source: S3's API, "CreateBucket".
        let place = region
            .filter(|region| *region != "us-east-1")
            .map(|region| {
                let region = BucketLocationConstraint::from(region);
                CreateBucketConfiguration::builder()
                    .location_constraint(region)
                    .build()
            });
        let request = self.client.create_bucket().bucket(&*self.bucket);
        let request = request.set_create_bucket_configuration(place);
        match request.send().await {
            Err(error) if !is_status(&error, 409) => Err(failed(error)),
            _ => Ok(()),
        }
    }

    /// Spreads by the end of the id, since its front is the time.
    fn key(&self, at: Location) -> String {
        let name = at.to_string();
        let spread = &name[name.len() - 2..];
        format!("{}blobs/{spread}/{name}", self.prefix)
    }

    /// Is where the end of an unfinished upload is kept that has `length` bytes.
    fn tail_key(&self, at: Location, length: u64) -> String {
        format!("{}tails/{at}.{length}", self.prefix)
    }

    async fn put(&self, key: String, bytes: Bytes) -> Result<(), StoreError> {
        let mut request = self
            .client
            .put_object()
            .bucket(&*self.bucket)
            .key(key)
            .content_length(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
            .body(Body::from(bytes));
        if let Some(encryption) = &self.encryption {
            request = request
                .server_side_encryption(encryption.kind())
                .set_ssekms_key_id(encryption.key());
        }
        request.send().await.map_err(failed)?;
        Ok(())
    }

    async fn remove(&self, key: String) -> Result<(), StoreError> {
        let request = self.client.delete_object().bucket(&*self.bucket).key(key);
        match request.send().await {
            Err(error) if !is_status(&error, 404) => Err(failed(error)),
            _ => Ok(()),
        }
    }

    /// Removes tails; one that stays behind is a leftover for the collector.
    async fn remove_tails(&self, at: Location, tails: &[u64]) {
        for length in tails {
            if let Err(error) = self.remove(self.tail_key(at, *length)).await {
                warn!(%error, "the end of the upload {at} could not be removed and waits for the collector");
            }
        }
    }

    /// Gives up a multipart upload; that there is none is fine.
    async fn abort(&self, at: Location, upload: &str) -> Result<(), StoreError> {
        let request = self.client.abort_multipart_upload();
        let request = request
            .bucket(&*self.bucket)
            .key(self.key(at))
            .upload_id(upload);
        match request.send().await {
            Err(error) if !is_status(&error, 404) => Err(failed(error)),
            _ => Ok(()),
        }
    }

    async fn complete(&self, at: Location, upload: &str, state: &State) -> Result<(), StoreError> {
        let parts = state.etags().zip(1..).map(|(etag, number)| {
            CompletedPart::builder()
                .e_tag(etag)
                .part_number(number)
                .build()
        });
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect()));
        let request = self
            .client
            .complete_multipart_upload()
            .bucket(&*self.bucket)
            .key(self.key(at))
            .upload_id(upload)
            .multipart_upload(parts.build());
        match request.send().await {
            // The answer to an earlier try was lost, if the object is there.
            Err(error)
                if error.code() == Some("NoSuchUpload")
                    && self.length(at).await? == Some(state.length()) =>
            {
                Ok(())
            }
            Err(error) => Err(failed(error)),
            Ok(_) => Ok(()),
        }
    }

    /// Is how many bytes an object has; `None` when it is not there.
    async fn length(&self, at: Location) -> Result<Option<u64>, StoreError> {
        let request = self
            .client
            .head_object()
            .bucket(&*self.bucket)
            .key(self.key(at));
        match request.send().await {
            Err(error) if is_status(&error, 404) => Ok(None),
            Err(error) => Err(failed(error)),
            Ok(head) => Ok(head
                .content_length()
                .and_then(|bytes| u64::try_from(bytes).ok())),
        }
    }
}

#[async_trait]
impl BlobStore for S3Store {
    async fn append(
        &self,
        at: Location,
        offset: u64,
        state: Option<&[u8]>,
        hold: Hold,
    ) -> Result<Box<dyn BlobWriter>, StoreError> {
        let state = State::read(state)?;
        if state.length() != offset {
            return Err(StoreError::Missing(at));
        }
        let writer = S3Writer::open(self.clone(), at, state, hold).await?;
        Ok(Box::new(writer))
    }

    async fn finish(&self, at: Location, state: Option<&[u8]>) -> Result<(), StoreError> {
        let state = State::read(state)?;
        if let Some(upload) = &state.upload {
            self.complete(at, upload, &state).await?;
            self.remove_tails(at, &state.tails).await;
        }
        Ok(())
    }

    fn is_remote(&self) -> bool {
        true
    }

    async fn read(&self, at: Location, range: Range<u64>) -> Result<ByteStream, StoreError> {
        read::open(self.clone(), at, self.key(at), range).await
    }

    async fn delete(&self, at: Location, state: Option<&[u8]>) -> Result<(), StoreError> {
        let state = State::read(state)?;
        if let Some(upload) = &state.upload {
            self.abort(at, upload).await?;
        }
        for length in &state.tails {
            self.remove(self.tail_key(at, *length)).await?;
        }
        if state.is_leftover {
            return Ok(());
        }
        self.remove(self.key(at)).await
    }

    fn list(&self) -> BoxStream<'static, Result<StoredObject, StoreError>> {
        leftovers::list(self.clone())
    }

    async fn link(&self, at: Location, lasts: Duration) -> Result<Option<String>, StoreError> {
        if !self.links {
            return Ok(None);
        }
        let config = PresigningConfig::expires_in(lasts)
            .map_err(|error| StoreError::Io(std::io::Error::other(error)))?;
        let request = self
            .client
            .get_object()
            .bucket(&*self.bucket)
            .key(self.key(at));
        let link = request.presigned(config).await.map_err(failed)?;
        Ok(Some(link.uri().to_owned()))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let request = self.client.head_bucket().bucket(&*self.bucket);
        match request.send().await {
            Err(error) if is_status(&error, 404) => Err(StoreError::Refused(format!(
                "the bucket {} does not exist",
                self.bucket
            ))),
            Err(error) if is_status(&error, 403) => Err(StoreError::Refused(format!(
                "these credentials may not use the bucket {}",
                self.bucket
            ))),
            Err(error) => Err(failed(error)),
            Ok(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store in a bucket of the tests' server (`scripts/servers.sh`), below a prefix of its own.
    async fn open() -> (S3Store, ()) {
        let endpoint = std::env::var("DOCKYARD_TEST_S3")
            .expect("DOCKYARD_TEST_S3 is set: eval \"$(scripts/servers.sh env)\"");
        let options = S3Options {
            bucket: "dockyard".to_owned(),
            prefix: format!("contract-{}/", Location::new()),
            endpoint: Some(endpoint),
            path_style: true,
            ..S3Options::default()
        };
        (S3Store::open(options).await.unwrap(), ())
    }

    crate::store::contract::stamp!(open(), #[ignore = "needs scripts/servers.sh up s3"]);
}
