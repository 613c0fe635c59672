//! Who is asking.

use dockyard_oci::{Action, RepositoryName, Scope, UserName};

use super::TokenReach;
use crate::Id;
use crate::db::tables::{access_tokens, users};
use crate::db::{DbError, Tx};

/// A user as every request knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: Id,
    pub name: UserName,
    pub is_admin: bool,
    /// Number of password changes before the credentials were issued. Credentials of an earlier number are void.
    pub generation: i64,
}

/// A credential of a request. It is void once the user's password changes or the token is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credential {
    pub(crate) user_id: Id,
    pub(crate) generation: i64,
    /// The personal or refresh token of the request, or the one that its registry token was issued for.
    pub(crate) token_id: Option<Id>,
}

impl Credential {
    /// Returns true if the credential is valid, and locks it until the transaction ends. A concurrent revocation waits for
    /// that, so nothing is written with the credential after its revocation.
    pub(crate) async fn hold(&self, tx: &mut Tx) -> Result<bool, DbError> {
        match self.token_id {
            Some(token_id) => {
                access_tokens::hold(tx, token_id, self.user_id, self.generation).await
            }
            None => users::hold(tx, self.user_id, self.generation).await,
        }
    }
}

/// Who makes a request, and how much of that user's power came along.
#[derive(Debug, Clone)]
pub struct Caller {
    user: Option<User>,
    /// `None`: all of it. Otherwise what a registry token was granted, and no more.
    scopes: Option<Vec<Scope>>,
    token_id: Option<Id>,
    reach: TokenReach,
}

impl Caller {
    /// Is nobody in particular.
    pub const fn anonymous() -> Self {
        Self {
            user: None,
            scopes: None,
            token_id: None,
            reach: TokenReach::All,
        }
    }

    /// Is a user who proved it with a password or a session.
    pub const fn user_in_person(user: User) -> Self {
        Self {
            user: Some(user),
            scopes: None,
            token_id: None,
            reach: TokenReach::All,
        }
    }

    /// Is a user who showed a personal token.
    pub const fn with_personal_token(user: User, token_id: Id, reach: TokenReach) -> Self {
        Self {
            user: Some(user),
            scopes: None,
            token_id: Some(token_id),
            reach,
        }
    }

    /// Is the bearer of a registry token, which carries only what it was granted.
    ///
    /// The user is as the token says; each decision asks the database about that user again.
    pub const fn with_registry_token(
        user: Option<User>,
        token_id: Option<Id>,
        scopes: Vec<Scope>,
    ) -> Self {
        Self {
            user,
            scopes: Some(scopes),
            token_id,
            reach: TokenReach::All,
        }
    }

    pub const fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// Returns the personal or refresh token of the request, or the one that its registry token was issued for.
    pub const fn token_id(&self) -> Option<Id> {
        self.token_id
    }

    /// Returns the credential of the request; `None` for an anonymous caller.
    pub fn credential(&self) -> Option<Credential> {
        self.user().map(|user| Credential {
            user_id: user.id,
            generation: user.generation,
            token_id: self.token_id,
        })
    }

    /// Tells whether the credentials themselves reach that far; the user's rights come on top.
    pub fn carries(&self, repository: &RepositoryName, action: Action) -> bool {
        let reaches = match self.reach {
            TokenReach::All => true,
            TokenReach::Write => action != Action::Delete,
            TokenReach::Read => action == Action::Pull,
        };
        let Some(scopes) = &self.scopes else {
            return reaches;
        };
        scopes.iter().any(|scope| scope.allows(repository, action))
    }

    /// Tells whether the credentials reach as far as lists of everything that the user may see.
    pub fn lists(&self) -> bool {
        let Some(scopes) = &self.scopes else {
            return true;
        };
        scopes.contains(&Scope::Catalog)
    }

    /// Returns the caller with the administrator flag that the database has now, or an anonymous caller for `None`, which
    /// stands for void credentials.
    pub(crate) fn confirmed(&self, is_admin: Option<bool>) -> Self {
        let user = self.user.clone();
        Self {
            user: user.and_then(|user| is_admin.map(|is_admin| User { is_admin, ..user })),
            ..self.clone()
        }
    }

    /// Is the user, when the credentials stand for all of that user: a password, a session, or a
    /// personal token without bounds.
    pub fn person(&self) -> Option<&User> {
        self.user()
            .filter(|_| self.scopes.is_none() && self.reach == TokenReach::All)
    }

    /// Is the user, when the credentials may change what is the user's: not with a token that reads.
    pub fn writer(&self) -> Option<&User> {
        self.user()
            .filter(|_| self.scopes.is_none() && self.reach != TokenReach::Read)
    }

    /// Tells whether the credentials are for the registry protocol alone.
    pub const fn is_registry_token(&self) -> bool {
        self.scopes.is_some()
    }
}
