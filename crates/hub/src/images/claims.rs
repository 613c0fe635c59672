//! Which uploads a request of this process is writing to: each has one writer at a time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::ImageError;
use crate::Id;

/// The uploads that are being written to. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims(Arc<Mutex<HashSet<Id>>>);

/// An upload that its holder alone may write to, until it is dropped.
pub(super) struct Claim {
    id: Id,
    claims: Claims,
}

impl Claims {
    /// Takes an upload for oneself. Errors: `UploadBusy` while another request has it.
    pub(super) fn take(&self, id: Id) -> Result<Arc<Claim>, ImageError> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !taken.insert(id) {
            return Err(ImageError::UploadBusy(id));
        }
        let claims = self.clone();
        Ok(Arc::new(Claim { id, claims }))
    }
}

impl Claim {
    pub(super) const fn id(&self) -> Id {
        self.id
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut taken = self.claims.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.remove(&self.id);
    }
}
