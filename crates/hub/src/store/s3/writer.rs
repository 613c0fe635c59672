//! Writing: one part is filled while the one before is sent.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream as Body;
use bytes::Bytes;
use futures::TryStreamExt;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

use super::S3Store;
use super::error::failed;
use super::state::{State, part_bytes};
use crate::store::{BlobStore, BlobWriter, End, Hold, Location, StoreError};

/// Time for a part beside what its bytes take.
const PART_TIMEOUT: Duration = Duration::from_mins(1);
/// Bytes a second below which a part is given up, and sent again.
const SLOWEST: u64 = 256 * 1024;

/// What becomes of a part on its way: its entity tag, and its memory back.
type Landed = Result<(String, Vec<u8>), StoreError>;

/// Takes the bytes of one append.
pub(super) struct S3Writer {
    store: S3Store,
    at: Location,
    state: State,
    /// What will be the next part.
    buffer: Vec<u8>,
    /// The memory of a part that was sent, for the part after the next: given back to the allocator instead, it would
    /// lie about for a while.
    spare: Vec<u8>,
    flying: Option<AbortOnDropHandle<Landed>>,
    is_touched: bool,
    _hold: Hold,
}

impl S3Writer {
    /// Reads what was left over for a part, and goes on from there.
    pub(super) async fn open(
        store: S3Store,
        at: Location,
        mut state: State,
        hold: Hold,
    ) -> Result<Self, StoreError> {
        let mut buffer = Vec::new();
        if state.rest > 0 {
            let rest = match (&state.upload, state.tails.last()) {
                (None, _) => store.read(at, 0..state.rest).await?,
                (Some(_), Some(length)) => {
                    let key = store.tail_key(at, *length);
                    super::read::open(store.clone(), at, key, 0..state.rest).await?
                }
                // Its client said that it was whole.
                (Some(_), None) => return Err(StoreError::Missing(at)),
            };
            let mut rest = std::pin::pin!(rest);
            while let Some(some) = rest.try_next().await? {
                buffer.extend_from_slice(&some);
            }
            if buffer.len() as u64 != state.rest {
                return Err(StoreError::Missing(at));
            }
        }
        // Older ends than the one that the row knows of are of no use any more.
        let old = state.tails.len().saturating_sub(1);
        let old: Vec<u64> = state.tails.drain(..old).collect();
        store.remove_tails(at, &old).await;
        let is_touched = state == State::default();
        Ok(Self {
            store,
            at,
            state,
            buffer,
            spare: Vec::new(),
            flying: None,
            is_touched,
            _hold: hold,
        })
    }

    /// Is the size of the part that is filled now.
    fn part_bytes(&self) -> usize {
        let part = self.state.parts.len() + usize::from(self.flying.is_some());
        usize::try_from(part_bytes(part)).unwrap_or(usize::MAX)
    }

    /// Makes room for some bytes; a small blob takes little, and nothing more than a part. After the first part the
    /// next is as long, most often: growing to it would leave a part's worth of memory behind.
    fn reserve(&mut self, bytes: usize) {
        let needed = self.buffer.len() + bytes;
        if needed > self.buffer.capacity() {
            let part = self.part_bytes();
            let is_first = self.state.parts.is_empty() && self.flying.is_none();
            let room = if is_first { needed * 2 } else { part };
            let room = room.min(part).max(needed);
            self.buffer.reserve_exact(room - self.buffer.len());
        }
    }

    /// Sends the buffer as a whole part.
    async fn send(&mut self) -> Result<(), StoreError> {
        self.land().await?;
        let upload = self.upload_id().await?;
        let (store, at) = (self.store.clone(), self.at);
        let number = self.state.parts.len() + 1;
        let spare = std::mem::take(&mut self.spare);
        let bytes = Bytes::from(std::mem::replace(&mut self.buffer, spare));
        let task: JoinHandle<_> = tokio::spawn(async move {
            let etag = store.send_part(at, &upload, number, bytes.clone()).await?;
            let mut memory = bytes.try_into_mut().map_or_else(|_| Vec::new(), Vec::from);
            memory.clear();
            Ok((etag, memory))
        });
        self.flying = Some(AbortOnDropHandle::new(task));
        Ok(())
    }

    /// Waits for the part that is on its way.
    async fn land(&mut self) -> Result<(), StoreError> {
        let Some(flying) = self.flying.take() else {
            return Ok(());
        };
        let landed = flying.await.map_err(|error| StoreError::Io(error.into()))?;
        let (etag, memory) = landed?;
        self.state.parts.push(etag);
        self.spare = memory;
        Ok(())
    }

    async fn upload_id(&mut self) -> Result<String, StoreError> {
        if let Some(upload) = &self.state.upload {
            return Ok(upload.clone());
        }
        let upload = self.store.begin(self.at).await?;
        Ok(self.state.upload.insert(upload).clone())
    }
}

#[async_trait]
impl BlobWriter for S3Writer {
    async fn write(&mut self, mut bytes: Bytes) -> Result<(), StoreError> {
        while !bytes.is_empty() {
            let room = self.part_bytes() - self.buffer.len();
            let some = bytes.split_to(room.min(bytes.len()));
            self.reserve(some.len());
            self.buffer.extend_from_slice(&some);
            self.is_touched = true;
            if some.len() == room {
                self.send().await?;
            }
        }
        Ok(())
    }

    async fn sync(mut self: Box<Self>, end: End) -> Result<Option<Vec<u8>>, StoreError> {
        self.land().await?;
        if !self.is_touched {
            return Ok(Some(self.state.write()));
        }
        let rest = Bytes::from(std::mem::take(&mut self.buffer));
        self.state.rest = rest.len() as u64;
        let Some(upload) = self.state.upload.clone() else {
            self.store.put(self.store.key(self.at), rest).await?;
            return Ok(Some(self.state.write()));
        };
        self.state.last = None;
        if !rest.is_empty() {
            let number = self.state.parts.len() + 1;
            let part = self.store.send_part(self.at, &upload, number, rest.clone());
            let etag = match end {
                End::Whole => part.await?,
                End::Open => {
                    let length = self.state.length();
                    let tail = self.store.put(self.store.tail_key(self.at, length), rest);
                    let (etag, ()) = futures::try_join!(part, tail)?;
                    self.state.tails.push(length);
                    etag
                }
            };
            self.state.last = Some(etag);
        }
        Ok(Some(self.state.write()))
    }
}

impl S3Store {
    /// Begins a multipart upload and returns its id.
    async fn begin(&self, at: Location) -> Result<String, StoreError> {
        let mut request = self.client.create_multipart_upload();
        request = request.bucket(&*self.bucket).key(self.key(at));
        if let Some(encryption) = &self.encryption {
            request = request
                .server_side_encryption(encryption.kind())
                .set_ssekms_key_id(encryption.key());
        }
        let begun = request.send().await.map_err(failed)?;
        begun
            .upload_id
            .ok_or_else(|| StoreError::Refused("the store named no upload".to_owned()))
    }

    /// Sends a part, counted from 1, and returns its entity tag.
    async fn send_part(
        &self,
        at: Location,
        upload: &str,
        number: usize,
        bytes: Bytes,
    ) -> Result<String, StoreError> {
        let length = bytes.len() as u64;
        let timeout = PART_TIMEOUT + Duration::from_secs(length / SLOWEST);
        let timeouts = TimeoutConfig::builder()
            .read_timeout(timeout)
            .operation_attempt_timeout(timeout)
            .build();
        let sent = self
            .client
            .upload_part()
            .bucket(&*self.bucket)
            .key(self.key(at))
            .upload_id(upload)
            .part_number(i32::try_from(number).unwrap_or(i32::MAX))
            .content_length(i64::try_from(length).unwrap_or(i64::MAX))
            .body(Body::from(bytes))
            .customize()
            .config_override(aws_sdk_s3::config::Config::builder().timeout_config(timeouts))
            .send()
            .await
            .map_err(failed)?;
        sent.e_tag
            .ok_or_else(|| StoreError::Refused("the store gave no ETag for a part".to_owned()))
    }
}
