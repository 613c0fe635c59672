//! Repositories themselves: made, shown, changed, listed, deleted.

use std::sync::Arc;

use dockyard_oci::{RepositoryName, UserName, Visibility};
use tokio::sync::Notify;

use super::{Page, Repository, RepositoryError};
use crate::accounts::{Administer, Caller, Grant, Pull, User};
use crate::clock::Clock;
use crate::db::tables::{blobs, former_names, outbox, repositories, users};
use crate::db::{Db, DbError, retrying};
use crate::fault::Fault;
use crate::text;

/// Longest description in characters: one line of a list.
pub const DESCRIPTION_MAX_CHARS: usize = 200;
/// Longest README in bytes: far above any real one, and still one row.
pub const README_MAX_BYTES: usize = 512 * 1024;

/// A repository to be made.
#[derive(Debug, Clone)]
pub struct NewRepository {
    pub name: RepositoryName,
    pub visibility: Visibility,
    pub description: String,
}

/// What changes about a repository; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct RepositoryChange {
    pub description: Option<String>,
    pub readme: Option<String>,
    pub visibility: Option<Visibility>,
}

/// Keeps repositories.
#[derive(Debug, Clone)]
pub struct Repositories {
    db: Db,
    clock: Clock,
    changed: Arc<Notify>,
}

impl Repositories {
    pub(crate) const fn new(db: Db, clock: Clock, changed: Arc<Notify>) -> Self {
        Self { db, clock, changed }
    }

    /// Makes a repository in the caller's own namespace.
    ///
    /// Errors: `Exists`, `Denied` outside the namespace, `Anonymous`, `DescriptionTooLong`, `DescriptionInvalid`.
    pub async fn create(
        &self,
        caller: &Caller,
        new: NewRepository,
    ) -> Result<Repository, RepositoryError> {
        let user = caller.user().ok_or(RepositoryError::Anonymous)?;
        if new.name.namespace() != user.name.as_str() || caller.writer().is_none() {
            return Err(RepositoryError::Denied(new.name));
        }
        let description = checked_description(&new.description)?;
        let now_ms = self.clock.now_ms();
        let mut repository = Repository::new(new.name, user.id, new.visibility, now_ms);
        repository.description = description;
        let mut tx = self.db.begin().await?;
        let credential = caller.credential().ok_or(RepositoryError::Anonymous)?;
        if !credential.hold(&mut tx).await? {
            return Err(RepositoryError::Anonymous);
        }
        match repositories::insert(&mut tx, &repository).await {
            Err(DbError::Duplicate) => return Err(RepositoryError::Exists(repository.name)),
            other => other?,
        }
        outbox::insert(&mut tx, repository.id, now_ms).await?;
        tx.commit().await?;
        self.changed.notify_one();
        Ok(repository)
    }

    /// Shows one repository.
    pub async fn show(&self, grant: &Grant<Pull>) -> Result<Repository, RepositoryError> {
        let found = repositories::find(&self.db, grant.repository_id()).await?;
        found.ok_or(RepositoryError::Gone)
    }

    /// Changes texts or visibility, and nothing else, and returns the repository as it is now.
    ///
    /// Errors: `DescriptionTooLong`, `DescriptionInvalid`, `ReadmeTooLong`, `Gone`.
    pub async fn change(
        &self,
        grant: &Grant<Administer>,
        change: RepositoryChange,
    ) -> Result<Repository, RepositoryError> {
        let id = grant.repository_id();
        let description = change.description.as_deref().map(checked_description);
        let description = description.transpose()?;
        let readme = change.readme;
        if readme
            .as_ref()
            .is_some_and(|text| text.len() > README_MAX_BYTES)
        {
            return Err(RepositoryError::ReadmeTooLong {
                max_bytes: README_MAX_BYTES,
            });
        }
        let mut tx = grant.begin(&self.db).await?;
        // Each fact has its own statement: written back together, one that another request changes meanwhile would be
        // undone.
        if let Some(visibility) = change.visibility {
            repositories::set_visibility(&mut tx, id, visibility).await?;
        }
        if let Some(description) = &description {
            repositories::set_description(&mut tx, id, description).await?;
        }
        if let Some(readme) = &readme {
            repositories::set_readme(&mut tx, id, readme).await?;
        }
        outbox::insert(&mut tx, id, self.clock.now_ms()).await?;
        tx.commit().await?;
        self.changed.notify_one();
        let found = repositories::find(&self.db, id).await?;
        found.ok_or(RepositoryError::Gone)
    }

    /// Gives a repository another name in its namespace. The old one leads to it until another
    /// repository takes it.
    ///
    /// Errors: `Exists`, `OtherNamespace`.
    pub async fn rename(
        &self,
        grant: &Grant<Administer>,
        name: &RepositoryName,
    ) -> Result<(), RepositoryError> {
        let (id, before) = (grant.repository_id(), grant.repository());
        if name.namespace() != before.namespace() {
            return Err(RepositoryError::OtherNamespace(name.clone()));
        }
        if name == before {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        let mut tx = grant.begin(&self.db).await?;
        match repositories::rename(&mut tx, id, name).await {
            Err(DbError::Duplicate) => return Err(RepositoryError::Exists(name.clone())),
            Ok(false) => return Err(RepositoryError::Gone),
            other => other?,
        };
        former_names::delete(&mut tx, name).await?;
        former_names::insert(&mut tx, before, id, now_ms).await?;
        outbox::insert(&mut tx, id, now_ms).await?;
        tx.commit().await?;
        self.changed.notify_one();
        Ok(())
    }

    /// Deletes a repository with its tags, manifests and links to blobs, in one transaction.
    pub async fn delete(&self, grant: &Grant<Administer>) -> Result<(), RepositoryError> {
        retrying(|| self.delete_rows(grant)).await?;
        Fault::RepositoryDeleted.reach();
        self.changed.notify_one();
        Ok(())
    }

    async fn delete_rows(&self, grant: &Grant<Administer>) -> Result<(), RepositoryError> {
        let (id, now_ms) = (grant.repository_id(), self.clock.now_ms());
        let mut tx = grant.begin(&self.db).await?;
        blobs::touch_all_of(&mut tx, id, now_ms).await?;
        if !repositories::delete(&mut tx, id).await? {
            return Err(RepositoryError::Gone);
        }
        outbox::insert(&mut tx, id, now_ms).await?;
        Fault::RepositoryDeleting.reach();
        Ok(tx.commit().await?)
    }

    /// Lists what the caller may see of a user's repositories, by name.
    pub async fn owned_by(
        &self,
        caller: &Caller,
        owner: &UserName,
        page: Page,
    ) -> Result<Vec<Repository>, RepositoryError> {
        let Some(owner) = users::find_by_name(&self.db, owner).await? else {
            return Ok(Vec::new());
        };
        let after = page.after_name();
        let sees_all = caller
            .user()
            .is_some_and(|user| user.id == owner.id || user.is_admin);
        Ok(if sees_all && caller.lists() {
            repositories::list_by_owner(&self.db, owner.id, &after, page.limit).await?
        } else {
            repositories::list_public_by_owner(&self.db, owner.id, &after, page.limit).await?
        })
    }

    /// Lists the public repositories that were pushed to last.
    pub async fn recently_pushed(&self, limit: u32) -> Result<Vec<Repository>, RepositoryError> {
        Ok(repositories::list_recent_public(&self.db, limit).await?)
    }

    /// Lists public repositories by name, each with the time of its last push, or else of its beginning.
    pub async fn public(&self, page: Page) -> Result<Vec<(RepositoryName, i64)>, RepositoryError> {
        let after = page.after_name();
        Ok(repositories::list_public(&self.db, &after, page.limit).await?)
    }

    /// Lists the names after which the second and all further pages of the public repositories start;
    /// none when there is one page. Reads the index of names once.
    pub async fn public_starts(
        &self,
        page_len: u32,
        pages_max: u32,
    ) -> Result<Vec<String>, RepositoryError> {
        let mut starts: Vec<String> = Vec::new();
        for _ in 1..pages_max {
            let after = starts.last().map_or("", String::as_str);
            match repositories::find_page_end(&self.db, after, page_len).await? {
                Some(end) => starts.push(end),
                None => break,
            }
        }
        Ok(starts)
    }

    /// Lists the public repositories that were pulled most.
    pub async fn most_pulled(&self, limit: u32) -> Result<Vec<Repository>, RepositoryError> {
        Ok(repositories::list_most_pulled(&self.db, limit).await?)
    }

    /// Lists a user's own repositories, those pushed to last first.
    pub async fn own(&self, user: &User, limit: u32) -> Result<Vec<Repository>, RepositoryError> {
        Ok(repositories::list_recent_by_owner(&self.db, user.id, limit).await?)
    }

    /// Lists what the caller may see of the repositories that a user starred, by name.
    pub async fn starred_by(
        &self,
        caller: &Caller,
        user: &User,
        page: Page,
    ) -> Result<Vec<Repository>, RepositoryError> {
        let viewer = caller.user().filter(|_| caller.lists());
        let viewer_id = viewer.map(|viewer| &viewer.id);
        let after = page.after_name();
        Ok(repositories::list_starred(&self.db, user.id, viewer_id, &after, page.limit).await?)
    }

    /// Counts a user's repositories and the bytes in them; what several share counts in each.
    pub async fn usage(&self, user: &User) -> Result<(u64, u64), RepositoryError> {
        Ok(repositories::usage(&self.db, user.id).await?)
    }

    /// Lists the names of all repositories that the caller may read.
    ///
    /// Source: distribution, "Catalog".
    pub async fn catalog(
        &self,
        caller: &Caller,
        page: Page,
    ) -> Result<Vec<RepositoryName>, RepositoryError> {
        let owner = caller
            .user()
            .filter(|_| caller.lists())
            .map(|user| &user.id);
        let after = page.after_name();
        Ok(repositories::list_names(&self.db, owner, &after, page.limit).await?)
    }
}

/// Keeps a description to one line.
fn checked_description(text: &str) -> Result<String, RepositoryError> {
    if text.chars().count() > DESCRIPTION_MAX_CHARS {
        return Err(RepositoryError::DescriptionTooLong {
            max_chars: DESCRIPTION_MAX_CHARS,
        });
    }
    let line = text::one_line(text);
    if !text::is_plain(&line) {
        return Err(RepositoryError::DescriptionInvalid);
    }
    Ok(line)
}
