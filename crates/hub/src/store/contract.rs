//! What every store must do, stamped on each implementation.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};

use super::{BlobStore, Location, StoreError};

/// Writes `parts` one append at a time, each from where the one before ended.
async fn write(store: &dyn BlobStore, at: Location, parts: &[&[u8]]) {
    let mut offset = 0;
    for part in parts {
        let mut writer = store.append(at, offset, Arc::new(())).await.unwrap();
        writer.write(Bytes::copy_from_slice(part)).await.unwrap();
        writer.sync().await.unwrap();
        offset += part.len() as u64;
    }
    store.finish(at).await.unwrap();
}

async fn read(store: &dyn BlobStore, at: Location, from: u64, to: u64) -> Vec<u8> {
    let stream = store.read(at, from..to).await.unwrap();
    stream.try_collect::<Vec<Bytes>>().await.unwrap().concat()
}

pub(super) async fn returns_what_was_appended(store: &dyn BlobStore) {
    let at = Location::new();
    write(store, at, &[b"hello ", b"", b"world"]).await;
    assert_eq!(read(store, at, 0, 11).await, b"hello world");
    assert_eq!(read(store, at, 6, 9).await, b"wor");
    assert_eq!(read(store, at, 4, 4).await, b"");
}

pub(super) async fn keeps_an_empty_object(store: &dyn BlobStore) {
    let at = Location::new();
    write(store, at, &[b""]).await;
    assert_eq!(read(store, at, 0, 0).await, b"");
}

pub(super) async fn drops_what_lies_beyond_the_offset(store: &dyn BlobStore) {
    let at = Location::new();
    write(store, at, &[b"0123456789"]).await;
    let mut writer = store.append(at, 4, Arc::new(())).await.unwrap();
    writer.write(Bytes::from_static(b"ab")).await.unwrap();
    writer.sync().await.unwrap();
    assert_eq!(read(store, at, 0, 100).await, b"0123ab");
}

pub(super) async fn refuses_to_append_past_the_end(store: &dyn BlobStore) {
    let at = Location::new();
    assert!(matches!(
        store.append(at, 1, Arc::new(())).await.err(),
        Some(StoreError::Missing(_))
    ));
    write(store, at, &[b"abc"]).await;
    assert!(matches!(
        store.append(at, 4, Arc::new(())).await.err(),
        Some(StoreError::Missing(_))
    ));
}

pub(super) async fn holds_on_until_the_last_byte_is_written(store: &dyn BlobStore) {
    let (at, hold) = (Location::new(), Arc::new(()));
    let mut writer = store.append(at, 0, hold.clone()).await.unwrap();
    for _ in 0..8 {
        writer.write(Bytes::from(vec![7; 100_000])).await.unwrap();
    }
    drop(writer);
    while Arc::strong_count(&hold) > 1 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(read(store, at, 0, 1_000_000).await.len(), 800_000);
}

pub(super) async fn forgets_what_was_deleted(store: &dyn BlobStore) {
    let at = Location::new();
    write(store, at, &[b"abc"]).await;
    store.delete(at).await.unwrap();
    store.delete(at).await.unwrap();
    assert!(matches!(
        store.read(at, 0..3).await.err(),
        Some(StoreError::Missing(_))
    ));
}

pub(super) async fn lists_what_is_there(store: &dyn BlobStore) {
    let (one, two) = (Location::new(), Location::new());
    write(store, one, &[b"abc"]).await;
    write(store, two, &[b""]).await;
    let mut listed: Vec<_> = store.list().try_collect().await.unwrap();
    listed.sort_by_key(|object| object.size_bytes);
    let listed: Vec<_> = listed
        .iter()
        .map(|object| (object.at, object.size_bytes))
        .collect();
    assert_eq!(listed, [(two, 0), (one, 3)]);
    store.delete(one).await.unwrap();
    assert_eq!(store.list().count().await, 1);
}

/// Makes one test a promise for a store that `$open` builds (with a guard that keeps it alive).
macro_rules! stamp {
    ($open:expr) => {
        $crate::store::contract::stamp!(
            $open;
            returns_what_was_appended,
            keeps_an_empty_object,
            drops_what_lies_beyond_the_offset,
            refuses_to_append_past_the_end,
            holds_on_until_the_last_byte_is_written,
            forgets_what_was_deleted,
            lists_what_is_there
        );
    };
    ($open:expr; $($promise:ident),*) => {$(
        #[tokio::test]
        async fn $promise() {
            let (store, _guard) = $open.await;
            $crate::store::contract::$promise(&store).await;
        }
    )*};
}

pub(crate) use stamp;
