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

/// What a token is asked for, or carries.
///
/// Source: distribution, "Token scope documentation".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// `repository:<name>:<action>[,<action>…]`.
    Repository {
        name: RepositoryName,
        /// Sorted, each once.
        actions: Vec<Action>,
    },
    /// `registry:catalog:*` and `registry:catalog:search`: lists of what the user may see.
    Catalog,
}

impl Scope {
    /// Parses one scope; `None` for scopes that this registry does not know, which grant nothing.
    ///
    /// `*` stands for every action, as clients that delete ask for it.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(actions) = text.strip_prefix("registry:catalog:") {
            let lists = actions.split(',').any(|a| matches!(a, "*" | "search"));
            return lists.then_some(Self::Catalog);
        }
        let (kind, rest) = text.split_once(':')?;
        // A class, as in `repository(plugin)`, changes nothing about what is asked for.
        let class = kind.strip_prefix("repository")?;
        if !(class.is_empty() || class.starts_with('(') && class.ends_with(')')) {
            return None;
        }
        let (name, actions) = rest.rsplit_once(':')?;
        Some(Self::Repository {
            name: name.parse().ok()?,
            actions: parse_actions(actions),
        })
    }

    /// Tells whether a scope reaches as far as an action on a repository.
    pub fn allows(&self, repository: &RepositoryName, action: Action) -> bool {
        match self {
            Self::Repository { name, actions } => name == repository && actions.contains(&action),
            Self::Catalog => false,
        }
    }
}

fn parse_actions(text: &str) -> Vec<Action> {
    let mut actions = Vec::new();
    for action in text.split(',') {
        match action {
            "pull" => actions.push(Action::Pull),
            "push" => actions.push(Action::Push),
            "delete" => actions.push(Action::Delete),
            "*" => actions.extend([Action::Pull, Action::Push, Action::Delete]),
            _ => {}
        }
    }
    actions.sort_unstable();
    actions.dedup();
    actions
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Repository { name, actions } = self else {
            return f.write_str("registry:catalog:*");
        };
        write!(f, "repository:{name}:")?;
        for (i, action) in actions.iter().enumerate() {
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
        assert_eq!(Scope::parse("registry:catalog:*"), Some(Scope::Catalog));
        assert_eq!(
            Scope::parse("registry:catalog:search"),
            Some(Scope::Catalog)
        );
        assert_eq!(Scope::parse("registry:catalog:x"), None);
        assert_eq!(
            Scope::parse("repository(plugin):alice/app:pull"),
            Scope::parse("repository:alice/app:pull")
        );
        assert_eq!(Scope::parse("repositoryx:alice/app:pull"), None);
        assert_eq!(Scope::parse("repository:alice:pull"), None);
        let nothing = Scope::parse("repository:alice/app:admin").unwrap();
        assert_eq!(nothing.to_string(), "repository:alice/app:");
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
