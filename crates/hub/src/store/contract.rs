//! What every store must do, stamped on each implementation.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};

use super::{BlobStore, End, Location, StoreError};

/// Appends to an object from where `state` says, and returns the new state.
async fn append(
    store: &dyn BlobStore,
    at: Location,
    offset: usize,
    state: Option<&[u8]>,
    bytes: &[u8],
    end: End,
) -> Option<Vec<u8>> {
    let writer = store.append(at, offset as u64, state, Arc::new(())).await;
    let mut writer = writer.unwrap();
    writer.write(Bytes::copy_from_slice(bytes)).await.unwrap();
    writer.sync(end).await.unwrap()
}

/// Writes `parts` one append at a time, each from where the one before ended; returns the last state.
async fn write(store: &dyn BlobStore, at: Location, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let (mut offset, mut state) = (0, None);
    for part in parts {
        state = append(store, at, offset, state.as_deref(), part, End::Open).await;
        offset += part.len();
    }
    store.finish(at, state.as_deref()).await.unwrap();
    state
}

/// Makes bytes that differ everywhere.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(&mut next).take(length).collect()
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
    let recorded = append(store, at, 0, None, b"0123", End::Open).await;
    // Written, and never recorded.
    append(store, at, 4, recorded.as_deref(), b"456789", End::Open).await;
    let state = append(store, at, 4, recorded.as_deref(), b"ab", End::Open).await;
    store.finish(at, state.as_deref()).await.unwrap();
    assert_eq!(read(store, at, 0, 100).await, b"0123ab");
}

pub(super) async fn goes_on_with_a_long_object_in_pieces(store: &dyn BlobStore) {
    let at = Location::new();
    let bytes = noise(17 * 1024 * 1024 + 3);
    let (mut offset, mut state) = (0, None);
    for length in [1, 3_000_000, 5_000_000, 0, 7_000_000, 99] {
        let some = &bytes[offset..offset + length];
        state = append(store, at, offset, state.as_deref(), some, End::Open).await;
        offset += length;
    }
    // An append whose answer was lost is done again from the same state.
    let recorded = state.clone();
    let lost = &bytes[offset..offset + 500_000];
    append(store, at, offset, recorded.as_deref(), lost, End::Open).await;
    let rest = &bytes[offset..];
    state = append(store, at, offset, recorded.as_deref(), rest, End::Whole).await;
    store.finish(at, state.as_deref()).await.unwrap();
    store.finish(at, state.as_deref()).await.unwrap();
    assert!(read(store, at, 0, bytes.len() as u64).await == bytes);
    assert!(read(store, at, 5_242_879, 5_242_882).await == bytes[5_242_879..5_242_882]);
    // What the lost append left behind goes alone.
    let listed: Vec<_> = store.list().try_collect().await.unwrap();
    let (left, whole): (Vec<_>, Vec<_>) = listed.iter().partition(|o| o.leftover.is_some());
    assert_eq!(whole.len(), 1);
    for object in left {
        let state = object.leftover.as_deref();
        store.delete(object.at, state).await.unwrap();
    }
    assert_eq!(store.list().count().await, 1);
    assert!(read(store, at, 0, bytes.len() as u64).await == bytes);
}

pub(super) async fn deletes_what_is_not_finished(store: &dyn BlobStore) {
    let at = Location::new();
    let bytes = noise(6_000_000);
    let state = append(store, at, 0, None, &bytes, End::Open).await;
    let listed: Vec<_> = store.list().try_collect().await.unwrap();
    assert!(listed.iter().any(|object| object.at == at));
    store.delete(at, state.as_deref()).await.unwrap();
    store.delete(at, state.as_deref()).await.unwrap();
    assert_eq!(store.list().count().await, 0);
}

pub(super) async fn lists_what_was_left_behind(store: &dyn BlobStore) {
    let at = Location::new();
    append(store, at, 0, None, &noise(6_000_000), End::Open).await;
    // Its row is gone, and the state with it.
    let listed: Vec<_> = store.list().try_collect().await.unwrap();
    assert!(!listed.is_empty());
    for object in listed {
        store
            .delete(object.at, object.leftover.as_deref())
            .await
            .unwrap();
    }
    assert_eq!(store.list().count().await, 0);
}

pub(super) async fn refuses_to_append_past_the_end(store: &dyn BlobStore) {
    let at = Location::new();
    assert!(matches!(
        store.append(at, 1, None, Arc::new(())).await.err(),
        Some(StoreError::Missing(_))
    ));
    let state = write(store, at, &[b"abc"]).await;
    let past = store.append(at, 4, state.as_deref(), Arc::new(())).await;
    assert!(matches!(past.err(), Some(StoreError::Missing(_))));
}

pub(super) async fn holds_on_until_the_last_byte_is_written(store: &dyn BlobStore) {
    let (at, hold) = (Location::new(), Arc::new(()));
    let mut writer = store.append(at, 0, None, hold.clone()).await.unwrap();
    for _ in 0..8 {
        writer.write(Bytes::from(vec![7; 100_000])).await.unwrap();
    }
    drop(writer);
    while Arc::strong_count(&hold) > 1 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    // Nothing that was handed over before comes after what is written next.
    append(store, at, 0, None, b"new", End::Open).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(read(store, at, 0, 3).await, b"new");
}

pub(super) async fn forgets_what_was_deleted(store: &dyn BlobStore) {
    let at = Location::new();
    write(store, at, &[b"abc"]).await;
    store.delete(at, None).await.unwrap();
    store.delete(at, None).await.unwrap();
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
    store.delete(one, None).await.unwrap();
    assert_eq!(store.list().count().await, 1);
}

/// Makes one test a promise for a store that `$open` builds (with a guard that keeps it alive).
macro_rules! stamp {
    ($open:expr $(, #[$meta:meta])?) => {
        $crate::store::contract::stamp!(
            $open $(, #[$meta])?;
            returns_what_was_appended,
            keeps_an_empty_object,
            drops_what_lies_beyond_the_offset,
            goes_on_with_a_long_object_in_pieces,
            deletes_what_is_not_finished,
            lists_what_was_left_behind,
            refuses_to_append_past_the_end,
            holds_on_until_the_last_byte_is_written,
            forgets_what_was_deleted,
            lists_what_is_there
        );
    };
    ($open:expr, #[$meta:meta]; $($promise:ident),*) => {$(
        #[$meta]
        #[tokio::test]
        async fn $promise() {
            let (store, _guard) = $open.await;
            $crate::store::contract::$promise(&store).await;
        }
    )*};
    ($open:expr; $($promise:ident),*) => {$(
        #[tokio::test]
        async fn $promise() {
            let (store, _guard) = $open.await;
            $crate::store::contract::$promise(&store).await;
        }
    )*};
}

pub(crate) use stamp;
