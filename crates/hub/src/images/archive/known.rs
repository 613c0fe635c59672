//! Layers that need not be stored, as the caller can read them already.

use dockyard_oci::{Digest, MediaType};

use super::Archives;
use super::contents::Layer;
use super::decode::Packing;
use super::pack::Form;
use crate::accounts::{Grant, Push};
use crate::db::tables::layers::{self, KnownLayer};
use crate::images::ImageError;

/// Finds what a file of the tarball is, by the digest of the file, among what the caller may read, and makes it a blob of
/// the repository: the file itself; of a plain layer, first what it was compressed to here.
///
/// From now on it stays for another grace period: the manifest that refers to it comes only at the end of the tarball.
pub(super) async fn take(
    archives: &Archives,
    grant: &Grant<Push>,
    file: &Digest,
    form: Form,
) -> Result<Option<Layer>, ImageError> {
    if form == Form::Plain {
        let (id, user_id) = (grant.repository_id(), grant.user_id());
        let found = layers::find_readable(&archives.db, file, id, user_id).await?;
        if let Some(known) = found {
            return keep(archives, grant, file, known).await;
        }
    }
    take_blob(archives, grant, file).await
}

/// Finds a blob among what the caller may read, and makes it one of the repository.
pub(super) async fn take_blob(
    archives: &Archives,
    grant: &Grant<Push>,
    blob: &Digest,
) -> Result<Option<Layer>, ImageError> {
    let (id, user_id) = (grant.repository_id(), grant.user_id());
    match layers::find_readable_blob(&archives.db, blob, id, user_id).await? {
        Some(known) => keep(archives, grant, blob, known).await,
        None => Ok(None),
    }
}

async fn keep(
    archives: &Archives,
    grant: &Grant<Push>,
    named: &Digest,
    known: KnownLayer,
) -> Result<Option<Layer>, ImageError> {
    let is_as_it_stood = known.digest == *named;
    let form = match &*known.media_type {
        // Found by the digest of the plain layer that is inside.
        _ if !is_as_it_stood => Form::Plain,
        MediaType::OCI_LAYER => Form::Plain,
        MediaType::OCI_LAYER_GZIP => Form::Packed(Packing::Gzip),
        MediaType::OCI_LAYER_ZSTD => Form::Packed(Packing::Zstd),
        _ => Form::Other,
    };
    let layer = Layer {
        is_as_it_stood,
        digest: known.digest,
        size_bytes: known.size_bytes,
        diff_id: known.diff_id,
        form,
        reused: true,
    };
    match archives
        .blobs
        .keep(grant, std::slice::from_ref(&layer.digest))
        .await
    {
        Ok(()) => Ok(Some(layer)),
        // It was collected since it was found: then it is stored anew.
        Err(ImageError::BlobUnknown { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
