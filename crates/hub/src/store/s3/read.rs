//! Reading: a stream that goes on where a broken answer ended.

use std::io;
use std::ops::Range;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream as Body;
use futures::{StreamExt, stream};
use tracing::warn;

use super::S3Store;
use super::error::{failed, is_status};
use crate::store::{ByteStream, Location, StoreError};

/// How often in a row a read that brings nothing is begun anew.
const TRIES: u32 = 4;

/// Reads a range of an object as a stream.
pub(super) async fn open(
    store: S3Store,
    at: Location,
    key: String,
    range: Range<u64>,
) -> Result<ByteStream, StoreError> {
    if range.is_empty() {
        return Ok(stream::empty().boxed());
    }
    let Some((body, end)) = store.get(at, &key, range.clone()).await? else {
        return Ok(stream::empty().boxed());
    };
    let reading = Reading {
        store,
        at,
        key,
        body,
        left: range.start..end,
        tries: 0,
    };
    Ok(stream::try_unfold(reading, Reading::next).boxed())
}

struct Reading {
    store: S3Store,
    at: Location,
    key: String,
    body: Body,
    left: Range<u64>,
    tries: u32,
}

impl Reading {
    async fn next(mut self) -> io::Result<Option<(bytes::Bytes, Self)>> {
        loop {
            if self.left.is_empty() {
                return Ok(None);
            }
            let error = match self.body.next().await {
                Some(Ok(bytes)) if bytes.is_empty() => continue,
                Some(Ok(bytes)) => {
                    self.left.start += bytes.len() as u64;
                    self.tries = 0;
                    return Ok(Some((bytes, self)));
                }
                Some(Err(error)) => io::Error::other(error),
                None => io::ErrorKind::UnexpectedEof.into(),
            };
            self.tries += 1;
            if self.tries == TRIES {
                return Err(error);
            }
            warn!(%error, "the store broke off {}; reading on from byte {}", self.key, self.left.start);
            let again = self.store.get(self.at, &self.key, self.left.clone()).await;
            match again.map_err(io::Error::other)? {
                Some((body, _)) => self.body = body,
                None => return Err(error),
            }
        }
    }
}

impl S3Store {
    /// Asks for a range, and returns the answer's body and where it ends; `None` when the object ends before it.
    async fn get(
        &self,
        at: Location,
        key: &str,
        range: Range<u64>,
    ) -> Result<Option<(Body, u64)>, StoreError> {
        let wanted = match range.end {
            u64::MAX => format!("bytes={}-", range.start),
            end => format!("bytes={}-{}", range.start, end - 1),
        };
        let request = self
            .client
            .get_object()
            .bucket(&*self.bucket)
            .key(key)
            .range(wanted);
        match request.send().await {
            Err(error) if is_status(&error, 404) => Err(StoreError::Missing(at)),
            Err(error) if is_status(&error, 416) => Ok(None),
            Err(error) => Err(failed(error)),
            Ok(found) => match end_of(&found, &range) {
                Some(end) => Ok(Some((found.body, end))),
                None => Err(StoreError::Unavailable(format!(
                    "it was asked for {range:?} of {key} and answered with other bytes"
                ))),
            },
        }
    }
}

/// Finds where an answer ends; `None` when it is not a part of what was asked for, from its start.
fn end_of(found: &GetObjectOutput, asked: &Range<u64>) -> Option<u64> {
    let start = match found.content_range() {
        Some(range) => range
            .strip_prefix("bytes ")?
            .split_once('-')?
            .0
            .parse()
            .ok()?,
        None => 0,
    };
    let length = u64::try_from(found.content_length()?).ok()?;
    let end = asked.start.checked_add(length)?;
    (start == asked.start && end <= asked.end).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_bytes_than_those_asked_for_are_refused() {
        let answer = |range: Option<&str>, length| {
            GetObjectOutput::builder()
                .set_content_range(range.map(str::to_owned))
                .content_length(length)
                .build()
        };
        let end = |range, length, asked| end_of(&answer(range, length), &asked);
        assert_eq!(end(Some("bytes 5-9/20"), 5, 5..10), Some(10));
        assert_eq!(end(Some("bytes 5-8/9"), 4, 5..10), Some(9));
        assert_eq!(end(None, 20, 0..u64::MAX), Some(20));
        assert_eq!(end(None, 20, 5..25), None, "from the object's start");
        assert_eq!(end(Some("bytes 0-4/20"), 5, 5..10), None);
        assert_eq!(end(Some("bytes 5-19/20"), 15, 5..10), None, "too much");
        assert_eq!(end(Some("bytes 5-9/20"), -1, 5..10), None);
        assert_eq!(end(Some("five"), 5, 5..10), None);
    }
}
