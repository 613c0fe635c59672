//! The one place that decides who may do what with a repository.
//!
//! A decision is a `Grant`, which the services of `images` take as an argument: code that forgot to
//! ask does not compile.

use std::marker::PhantomData;

use dockyard_oci::{Action, Digest, RepositoryName, Visibility};

use super::grant::{Delete, Grant, Permission, Pull, Push};
use super::{Caller, Credential};
use crate::clock::Clock;
use crate::db::tables::access::{self, RepositoryAccess};
use crate::db::tables::{former_names, outbox, repositories, repository_blobs};
use crate::db::{Db, DbError};
use crate::images::Repository;

/// Decides.
#[derive(Debug, Clone)]
pub struct Access {
    db: Db,
    clock: Clock,
}

impl Access {
    pub(crate) const fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// Decides whether a caller may do `P` with a repository. One indexed query.
    ///
    /// Errors: `NotFound` alike for what is private and what does not exist; `Denied` when the
    /// caller may see it but not do this; `Anonymous` when logging in could help.
    pub async fn authorize<P: Permission>(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<Grant<P>, AccessError> {
        match self.find(caller, name).await? {
            Some(found) => match decide(caller, name, Some(&found)) {
                Err(error) => {
                    take_as_long(&self.db, caller, name, &error).await?;
                    Err(error)
                }
                granted => granted,
            },
            None => decide_former(&self.db, caller, name).await,
        }
    }

    /// Tells whether a user may read a repository with credentials that reach further than those at hand.
    pub async fn could_pull(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<bool, DbError> {
        let found = self.find(caller, name).await?;
        let standing = Standing::of(caller, name, found.as_ref());
        Ok(standing.exists && (standing.has_rights || standing.is_public))
    }

    async fn find(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<Option<RepositoryAccess>, DbError> {
        access::find(&self.db, name, caller.credential().as_ref()).await
    }

    /// Returns the caller as the database knows them now: anonymous when the credentials are not good any more.
    ///
    /// For what asks no repository: a registry token says whose it is, and nothing else was asked. Costs one query.
    pub async fn confirm(&self, caller: Caller) -> Result<Caller, DbError> {
        let Some(credential) = caller.credential() else {
            return Ok(caller);
        };
        let is_admin = access::find_caller(&self.db, &credential).await?;
        Ok(caller.confirmed(is_admin))
    }

    /// Finds what a repository is called now that once had a name, if the caller may see it.
    pub async fn new_name(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<Option<RepositoryName>, DbError> {
        match decide_former::<Pull>(&self.db, caller, name).await {
            Ok(grant) => Ok(Some(grant.repository)),
            Err(AccessError::Database(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Finds a repository that a caller may pull a blob from, whichever it is; `None` when there is
    /// none, or none that the credentials reach.
    pub async fn find_source(
        &self,
        caller: &Caller,
        digest: &Digest,
    ) -> Result<Option<Grant<Pull>>, DbError> {
        let owner = caller.user().filter(|_| !caller.is_registry_token());
        let owner_id = owner.map(|user| &user.id);
        let found = repository_blobs::find_source(&self.db, digest, owner_id).await?;
        Ok(found.map(|(repository_id, repository)| Grant {
            repository_id,
            repository,
            credential: caller.credential(),
            permission: PhantomData,
        }))
    }

    /// Decides about a push, and makes a missing repository in the caller's own namespace.
    ///
    /// Errors: `Renamed` for a name that leads elsewhere now, so that a push never hides it unasked.
    pub async fn authorize_push(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<Grant<Push>, AccessError> {
        let mut found = self.find(caller, name).await?;
        if found.is_none() && former_names::find(&self.db, name).await?.is_some() {
            return decide_former(&self.db, caller, name).await;
        }
        if let (None, Some(credential)) = (&found, caller.credential())
            && Standing::of(caller, name, None).allows::<Push>()
        {
            if !self.create(credential, name).await? {
                return Err(AccessError::Anonymous(name.clone()));
            }
            found = self.find(caller, name).await?;
        }
        decide(caller, name, found.as_ref())
    }

    /// Lists which of the actions asked for a token may carry.
    pub async fn grantable(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        asked: &[Action],
    ) -> Result<Vec<Action>, DbError> {
        let mut found = self.find(caller, name).await?;
        if found.is_none()
            && let Some(now) = former_names::find(&self.db, name).await?
        {
            found = self.find(caller, &now).await?;
        }
        let standing = Standing::of(caller, name, found.as_ref());
        let may = |action: Action| match action {
            Action::Pull => standing.allows::<Pull>(),
            Action::Push => standing.allows::<Push>(),
            Action::Delete => standing.allows::<Delete>(),
        };
        Ok(asked
            .iter()
            .copied()
            .filter(|action| may(*action))
            .collect())
    }

    /// Tells whether a caller may see a repository whose row is at hand.
    pub(crate) fn sees(caller: &Caller, repository: &Repository) -> bool {
        let row = RepositoryAccess {
            id: repository.id,
            owner_id: repository.owner_id,
            visibility: repository.visibility,
            caller_admin: caller.user().map(|user| user.is_admin),
        };
        if caller.lists() && caller.user().is_some_and(|user| user.id == row.owner_id) {
            return true;
        }
        decide::<Pull>(caller, &repository.name, Some(&row)).is_ok()
    }

    /// Makes a repository for a push; false when the credentials are not good any more. Until its first manifest it
    /// is listed for its owner alone: a push may be refused, or given up.
    async fn create(&self, credential: Credential, name: &RepositoryName) -> Result<bool, DbError> {
        let mut new = Repository::new(
            name.clone(),
            credential.user_id,
            Visibility::Private,
            self.clock.now_ms(),
        );
        new.becomes = Some(Visibility::Public);
        let mut tx = self.db.begin().await?;
        if !credential.hold(&mut tx).await? {
            return Ok(false);
        }
        match repositories::insert(&mut tx, &new).await {
            // Another push of the same client made it meanwhile.
            Err(DbError::Duplicate) => Ok(true),
            Err(error) => Err(error),
            Ok(()) => {
                outbox::insert(&mut tx, new.id, new.created_ms).await?;
                tx.commit().await?;
                Ok(true)
            }
        }
    }
}

/// Decides about a name that no repository has: one that a repository had leads to it for pulls, and
/// is refused for everything else with the new name.
pub(crate) async fn decide_former<P: Permission>(
    db: &Db,
    caller: &Caller,
    name: &RepositoryName,
) -> Result<Grant<P>, AccessError> {
    let former = former_names::find(db, name).await?;
    // Asked either way, so that the time taken does not tell a former name of something private from a name that never was.
    let now = former.as_ref().unwrap_or(name);
    let found = access::find(db, now, caller.credential().as_ref()).await?;
    let Some(now) = former else {
        return decide(caller, name, None);
    };
    if decide::<Pull>(caller, name, found.as_ref()).is_err() {
        // Nobody learns of a name that they may not see.
        return decide(caller, name, None);
    }
    let grant = decide::<P>(caller, name, found.as_ref())?;
    if P::ACTION == Action::Pull {
        return Ok(Grant {
            repository: now,
            ..grant
        });
    }
    Err(AccessError::Renamed {
        from: name.clone(),
        to: now,
    })
}

/// Asks what is asked for a name that does not exist, when something that does is to answer alike.
pub(crate) async fn take_as_long(
    db: &Db,
    caller: &Caller,
    name: &RepositoryName,
    error: &AccessError,
) -> Result<(), DbError> {
    if !matches!(error, AccessError::NotFound(_) | AccessError::Anonymous(_)) {
        return Ok(());
    }
    former_names::find(db, name).await?;
    access::find(db, name, caller.credential().as_ref()).await?;
    Ok(())
}

/// Decides from what the database knows about the repository and the caller.
pub(crate) fn decide<P: Permission>(
    caller: &Caller,
    name: &RepositoryName,
    found: Option<&RepositoryAccess>,
) -> Result<Grant<P>, AccessError> {
    let standing = Standing::of(caller, name, found);
    if let Some(repository) = found
        && standing.allows::<P>()
    {
        return Ok(Grant {
            repository_id: repository.id,
            repository: name.clone(),
            credential: standing.caller.credential(),
            permission: PhantomData,
        });
    }
    let own_missing = found.is_none() && standing.has_rights;
    Err(if standing.caller.user().is_none() {
        AccessError::Anonymous(name.clone())
    } else if !standing.carries::<P>() {
        AccessError::OutOfScope(name.clone())
    } else if standing.sees() || (P::ACTION == Action::Push && !own_missing) {
        AccessError::Denied(name.clone())
    } else {
        AccessError::NotFound(name.clone())
    })
}

/// A caller's rights in one repository, or under a name that no repository has yet.
struct Standing<'a> {
    /// The caller, as the database knows them now.
    caller: Caller,
    name: &'a RepositoryName,
    /// The user may change the repository, or create it when it does not exist.
    has_rights: bool,
    is_public: bool,
    exists: bool,
}

impl<'a> Standing<'a> {
    fn of(caller: &Caller, name: &'a RepositoryName, found: Option<&RepositoryAccess>) -> Self {
        let caller = match found {
            Some(repository) => caller.confirmed(repository.caller_admin),
            None => caller.clone(),
        };
        let has_rights = caller.user().is_some_and(|user| match found {
            Some(repository) => user.is_admin || user.id == repository.owner_id,
            None => user.name.as_str() == name.namespace(),
        });
        Self {
            caller,
            name,
            has_rights,
            is_public: found.is_some_and(|found| found.visibility == Visibility::Public),
            exists: found.is_some(),
        }
    }

    /// Tells whether the caller may do `P`: the credentials carry it and the user has the rights, or everyone may.
    fn allows<P: Permission>(&self) -> bool {
        (self.carries::<P>() && self.has_rights) || (P::PUBLIC && self.is_public)
    }

    /// Tells whether the credentials reach as far as `P`.
    fn carries<P: Permission>(&self) -> bool {
        // A token of the protocol, made to push or delete images, does not change the repository itself.
        let in_person = !P::IN_PERSON || !self.caller.is_registry_token();
        in_person && self.caller.carries(self.name, P::ACTION)
    }

    /// Tells whether the caller may know that the repository exists.
    fn sees(&self) -> bool {
        self.is_public
            || (self.exists && self.has_rights && self.caller.carries(self.name, Action::Pull))
    }
}

/// Why a caller may not.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("there is no repository {0}, or you may not see it")]
    NotFound(RepositoryName),
    #[error("you may not do this with {0}: only its owner may")]
    Denied(RepositoryName),
    #[error("log in to do this with {0}")]
    Anonymous(RepositoryName),
    #[error("your token does not reach this far with {0}")]
    OutOfScope(RepositoryName),
    #[error("{from} is called {to} now: use that name")]
    Renamed {
        from: RepositoryName,
        to: RepositoryName,
    },
    #[error(transparent)]
    Database(#[from] DbError),
}
