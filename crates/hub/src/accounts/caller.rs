//! Who is asking.

use dockyard_oci::{Action, RepositoryName, Scope, UserName};

use super::TokenReach;
use crate::Id;

/// A user as every request knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: Id,
    pub name: UserName,
    pub is_admin: bool,
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
    pub const fn with_registry_token(user: Option<User>, scopes: Vec<Scope>) -> Self {
        Self {
            user,
            scopes: Some(scopes),
            token_id: None,
            reach: TokenReach::All,
        }
    }

    pub const fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// Is the personal token that was shown.
    pub const fn token_id(&self) -> Option<Id> {
        self.token_id
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

    /// Is the caller with what the database knows now: a registry token says whose it is, but not
    /// whether that user is still there, or an administrator.
    pub(crate) fn confirmed(&self, is_admin: Option<bool>) -> Self {
        let mut caller = self.clone();
        if self.scopes.is_some() {
            caller.user = caller
                .user
                .and_then(|user| is_admin.map(|is_admin| User { is_admin, ..user }));
        }
        caller
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
