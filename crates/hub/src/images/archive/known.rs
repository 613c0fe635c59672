//! Layers that need not be stored, as the caller can read them already.

use dockyard_oci::Digest;

use super::Archives;
use super::contents::Layer;
use super::pack::Form;
use crate::accounts::{Grant, Push};
use crate::db::tables::layers;
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
    let (id, media_type) = (grant.repository_id(), form.media_type());
    let known = layers::find_readable(&archives.db, layer, media_type, id, grant.user_id()).await?;
    let Some(known) = known else {
        return Ok(None);
    };
    let layer = Layer {
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
