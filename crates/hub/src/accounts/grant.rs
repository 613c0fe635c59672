//! Grants: proofs of an access decision, which services take as arguments.

use std::marker::PhantomData;

use dockyard_oci::{Action, RepositoryName};

use super::Credential;
use crate::Id;
use crate::db::tables::repositories;
use crate::db::{Db, DbError, Tx};

mod sealed {
    pub trait Sealed {}
}

/// Something that one may be allowed to do with a repository.
pub trait Permission: sealed::Sealed + Send + Sync + 'static {
    /// The action that the scope of a registry token must contain.
    const ACTION: Action;
    /// True if everyone may do it with a public repository.
    const PUBLIC: bool;
    /// True if a token of the registry protocol is not enough.
    const IN_PERSON: bool;
}

macro_rules! permission {
    ($(#[$doc:meta])* $name:ident, $action:ident, $public:literal, $in_person:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;
        impl sealed::Sealed for $name {}
        impl Permission for $name {
            const ACTION: Action = Action::$action;
            const PUBLIC: bool = $public;
            const IN_PERSON: bool = $in_person;
        }
    };
}

permission!(
    /// Reading: manifests, blobs, tags, the page.
    Pull, Pull, true, false
);
permission!(
    /// Adding: blobs, manifests, tags.
    Push, Push, false, false
);
permission!(
    /// Removing tags, manifests and blobs.
    Delete, Delete, false, false
);
permission!(
    /// Changing the repository itself: texts, visibility, its end.
    Administer, Delete, false, true
);

/// The proof that a caller may do `P` with a repository.
#[derive(Debug, Clone)]
pub struct Grant<P> {
    pub(super) repository_id: Id,
    pub(super) repository: RepositoryName,
    /// The credential of the request; `None` for an anonymous pull.
    pub(super) credential: Option<Credential>,
    pub(super) permission: PhantomData<P>,
}

impl<P> Grant<P> {
    pub const fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    pub(crate) const fn repository_id(&self) -> Id {
        self.repository_id
    }

    /// Returns the user of the grant; `None` for an anonymous pull.
    pub(crate) fn user_id(&self) -> Option<Id> {
        self.credential.map(|shown| shown.user_id)
    }

    /// Starts a transaction that locks the repository against other writers and the credential against revocation.
    ///
    /// Errors: `Revoked` when the credential was revoked after the grant was made.
    pub(crate) async fn begin(&self, db: &Db) -> Result<Tx, BeginError> {
        let mut tx = db.begin().await?;
        // Every transaction locks the user first and then the repository, so that two of them cannot deadlock.
        if let Some(credential) = &self.credential
            && !credential.hold(&mut tx).await?
        {
            return Err(BeginError::Revoked);
        }
        repositories::lock(&mut tx, self.repository_id).await?;
        Ok(tx)
    }
}

/// Why a transaction did not begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BeginError {
    #[error("the credentials were revoked")]
    Revoked,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl Grant<Push> {
    /// Whoever may push may also pull.
    pub fn pull(&self) -> Grant<Pull> {
        Grant {
            repository_id: self.repository_id,
            repository: self.repository.clone(),
            credential: self.credential,
            permission: PhantomData,
        }
    }
}
