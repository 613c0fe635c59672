//! Layers that need not be stored, as the caller can read them already.

use dockyard_oci::{Digest, MediaType};

use super::Archives;
use super::contents::Layer;
use super::pack::Form;
use crate::accounts::{Grant, Push};
use crate::db::tables::layers::{self, KnownLayer};
use crate::images::ImageError;

/// Finds the blob that is a layer, or that has it inside, among what the caller may read, and makes it one of the
/// repository.
///
/// From now on it stays for another grace period: the manifest that refers to it comes only at the end of the tarball.
pub(super) async fn take(
    archives: &Archives,
    grant: &Grant<Push>,
    layer: &Digest,
    form: Form,
) -> Result<Option<Layer>, ImageError> {
    let media_types: &[&str] = match form {
        // What is inside, compressed here before; or a plain layer that is kept as it is.
        Form::Plain => &[MediaType::OCI_LAYER_GZIP, MediaType::OCI_LAYER],
        form => &[form.media_type()],
    };
    let (id, user_id) = (grant.repository_id(), grant.user_id());
    let mut found = None;
    for media_type in media_types {
        found = layers::find_readable(&archives.db, layer, media_type, id, user_id).await?;
        if found.is_some() {
            break;
        }
    }
    let Some(known) = found else {
        return Ok(None);
    };
    keep(archives, grant, layer, known, form).await
}

/// Finds a blob among what the caller may read, and makes it one of the repository.
pub(super) async fn take_blob(
    archives: &Archives,
    grant: &Grant<Push>,
    blob: &Digest,
) -> Result<Option<Layer>, ImageError> {
    let (id, user_id) = (grant.repository_id(), grant.user_id());
    match layers::find_readable_blob(&archives.db, blob, id, user_id).await? {
        Some(known) => keep(archives, grant, blob, known, Form::Other).await,
        None => Ok(None),
    }
}

async fn keep(
    archives: &Archives,
    grant: &Grant<Push>,
    named: &Digest,
    known: KnownLayer,
    form: Form,
) -> Result<Option<Layer>, ImageError> {
    let layer = Layer {
        is_as_it_stood: known.digest == *named,
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
