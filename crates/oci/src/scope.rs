//! Scopes of the token service.

use std::fmt;

use crate::RepositoryName;

/// What a scope asks to do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    Pull,
    Push,
    Delete,
}

impl Action {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
        }
    }
}

/// One repository scope: `repository:<name>:<action>[,<action>…]`.
///
/// Source: distribution, "Token scope documentation".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub repository: RepositoryName,
    pub actions: Vec<Action>,
}

impl Scope {
    /// Parses one scope; `None` for scopes that this registry does not know, which grant nothing.
    ///
    /// `*` stands for every action, as clients that delete ask for it.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("repository:")?;
        let (name, actions) = rest.rsplit_once(':')?;
        let repository = name.parse().ok()?;
        let mut parsed = Vec::new();
        for action in actions.split(',') {
            match action {
                "pull" => parsed.push(Action::Pull),
                "push" => parsed.push(Action::Push),
                "delete" => parsed.push(Action::Delete),
                "*" => parsed.extend([Action::Pull, Action::Push, Action::Delete]),
                _ => {}
            }
        }
        parsed.sort_unstable();
        parsed.dedup();
        Some(Self {
            repository,
            actions: parsed,
        })
    }

    pub fn allows(&self, repository: &RepositoryName, action: Action) -> bool {
        self.repository == *repository && self.actions.contains(&action)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "repository:{}:", self.repository)?;
        for (i, action) in self.actions.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { "," }, action.as_str())?;
        }
        Ok(())
    }
}

/// Parses a space-separated list of scopes and leaves out those that are not known.
pub fn parse_scopes(text: &str) -> Vec<Scope> {
    text.split(' ').filter_map(Scope::parse).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parses_what_clients_send() {
        let scope = Scope::parse("repository:alice/app:push,pull").unwrap();
        assert_eq!(scope.to_string(), "repository:alice/app:pull,push");
        assert_eq!(
            parse_scopes("repository:a1/b:pull repository:c1/d:*").len(),
            2
        );
        assert_eq!(Scope::parse("registry:catalog:*"), None);
        assert_eq!(Scope::parse("repository:alice:pull"), None);
        assert!(
            Scope::parse("repository:alice/app:admin")
                .unwrap()
                .actions
                .is_empty()
        );
    }

    proptest! {
        #[test]
        fn never_panics_and_round_trips(text in ".*", name in "[a-z]{1,5}/[a-z]{1,5}") {
            let _ = Scope::parse(&text);
            let scope = Scope::parse(&format!("repository:{name}:pull,delete")).unwrap();
            prop_assert_eq!(Scope::parse(&scope.to_string()), Some(scope));
        }
    }
}
