//! Listing, for maintenance: objects, and what unfinished uploads left behind.

use aws_sdk_s3::types::Object;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::S3Store;
use super::error::failed;
use super::state::State;
use crate::store::{Location, StoreError, StoredObject};

/// Lists every object, every kept end of an upload, and every multipart upload.
pub(super) fn list(store: S3Store) -> BoxStream<'static, Result<StoredObject, StoreError>> {
    let objects = store.clone().objects("blobs/", |name, size_bytes| {
        let at = name.rsplit('/').next()?.parse().ok()?;
        Some(StoredObject {
            at,
            size_bytes,
            leftover: None,
        })
    });
    let tails = store.clone().objects("tails/", |name, size_bytes| {
        let (at, length) = name.split_once('.')?;
        let state = State {
            tails: vec![length.parse().ok()?],
            is_leftover: true,
            ..State::default()
        };
        Some(StoredObject {
            at: at.parse().ok()?,
            size_bytes,
            leftover: Some(state.write()),
        })
    });
    objects.chain(tails).chain(store.uploads()).boxed()
}

impl S3Store {
    /// Lists the objects of a folder that `read` understands: others are not ours.
    fn objects(
        self,
        folder: &str,
        read: impl Fn(&str, u64) -> Option<StoredObject> + Send + Sync + Copy + 'static,
    ) -> BoxStream<'static, Result<StoredObject, StoreError>> {
        let folder = format!("{}{folder}", self.prefix);
        let pages = self
            .client
            .list_objects_v2()
            .bucket(&*self.bucket)
            .prefix(&folder)
            .into_paginator()
            .send();
        let objects = stream::try_unfold(pages, |mut pages| async move {
            match pages.next().await {
                None => Ok::<_, StoreError>(None),
                Some(page) => Ok(Some((
                    page.map_err(failed)?.contents.unwrap_or_default(),
                    pages,
                ))),
            }
        });
        let read = move |object: Object| {
            let name = object.key()?.strip_prefix(&*folder)?;
            read(
                name,
                u64::try_from(object.size().unwrap_or_default()).unwrap_or_default(),
            )
        };
        objects
            .map_ok(move |page: Vec<Object>| {
                let found: Vec<_> = page.into_iter().filter_map(&read).collect();
                stream::iter(found).map(Ok)
            })
            .try_flatten()
            .boxed()
    }

    /// Lists the multipart uploads that were begun and not ended.
    fn uploads(self) -> BoxStream<'static, Result<StoredObject, StoreError>> {
        let prefix = format!("{}blobs/", self.prefix);
        let begin = (Some(self), None::<(String, String)>);
        let pages = stream::try_unfold(begin, move |(store, after)| {
            let prefix = prefix.clone();
            async move {
                let Some(store) = store else {
                    return Ok(None);
                };
                let (key, upload) = after.unzip();
                let page = store
                    .client
                    .list_multipart_uploads()
                    .bucket(&*store.bucket)
                    .prefix(prefix)
                    .set_key_marker(key)
                    .set_upload_id_marker(upload)
                    .send()
                    .await
                    .map_err(failed)?;
                let after = page
                    .next_key_marker
                    .clone()
                    .zip(page.next_upload_id_marker.clone());
                let goes_on = page.is_truncated() == Some(true) && after.is_some();
                let found: Vec<StoredObject> = page.uploads().iter().filter_map(leftover).collect();
                Ok::<_, StoreError>(Some((found, (goes_on.then_some(store), after))))
            }
        });
        pages
            .map_ok(|found| stream::iter(found).map(Ok))
            .try_flatten()
            .boxed()
    }
}

fn leftover(upload: &aws_sdk_s3::types::MultipartUpload) -> Option<StoredObject> {
    let at: Location = upload.key()?.rsplit('/').next()?.parse().ok()?;
    let state = State {
        upload: Some(upload.upload_id()?.to_owned()),
        is_leftover: true,
        ..State::default()
    };
    Some(StoredObject {
        at,
        size_bytes: 0,
        leftover: Some(state.write()),
    })
}
