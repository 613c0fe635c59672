//! Names of repositories and users.

use std::str::FromStr;

use crate::text::text_type;

/// Longest repository name in bytes, as the reference registry and docker's client limit it.
const REPOSITORY_NAME_MAX: usize = 255;
/// Longest user name in bytes: short enough for a table column and a heading.
const USER_NAME_MAX: usize = 39;

/// The name of a repository: `namespace/name`, two components or more.
///
/// Source: OCI distribution-spec, "Pulling manifests" (the grammar of `<name>`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(Box<str>);

impl RepositoryName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is the first component: the user that the repository belongs to.
    pub fn namespace(&self) -> &str {
        self.0
            .split_once('/')
            .map_or("", |(namespace, _)| namespace)
    }

    /// Is what follows the namespace.
    pub fn rest(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, rest)| rest)
    }
}

impl FromStr for RepositoryName {
    type Err = RepositoryNameError;

    fn from_str(text: &str) -> Result<Self, RepositoryNameError> {
        if text.len() > REPOSITORY_NAME_MAX {
            return Err(RepositoryNameError::TooLong);
        }
        if !text.contains('/') {
            return Err(RepositoryNameError::NoNamespace);
        }
        for component in text.split('/') {
            if !is_component(component) {
                return Err(RepositoryNameError::Component(component.into()));
            }
        }
        Ok(Self(text.into()))
    }
}

text_type!(RepositoryName);

/// Why a text is not a repository name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RepositoryNameError {
    #[error("a repository name has at most 255 characters")]
    TooLong,
    #[error("a repository name needs its owner in front, as in alice/app")]
    NoNamespace,
    #[error(
        "\"{0}\" can't be part of a repository name: use lower-case letters and digits, with single dots, \
         single or double underscores, or dashes between them"
    )]
    Component(String),
}

/// The name of a user, which is also the namespace of that user's repositories.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(Box<str>);

impl UserName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = UserNameError;

    fn from_str(text: &str) -> Result<Self, UserNameError> {
        if text.len() < 2 || text.len() > USER_NAME_MAX {
            return Err(UserNameError::Length);
        }
        if !text.as_bytes()[0].is_ascii_lowercase() {
            return Err(UserNameError::FirstLetter);
        }
        if !is_component(text) {
            return Err(UserNameError::Characters);
        }
        Ok(Self(text.into()))
    }
}

text_type!(UserName);

/// Why a text is not a user name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserNameError {
    #[error("a user name has 2 to 39 characters")]
    Length,
    #[error("a user name starts with a lower-case letter")]
    FirstLetter,
    #[error(
        "a user name holds lower-case letters and digits, with single dots, single or double \
         underscores, or dashes between them"
    )]
    Characters,
}

/// Tells whether a text matches `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_component(text: &str) -> bool {
    let is_word = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    if !is_word(first) || !is_word(last) {
        return false;
    }
    bytes.split(is_word).all(|separator| {
        matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-')
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_the_grammar_and_nothing_else() {
        for good in ["alice/app", "a1/b2/c3", "a.b/c_d", "a__b/c---d", "0/1"] {
            assert!(good.parse::<RepositoryName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "app",
            "alice/",
            "/app",
            "alice//app",
            "Alice/app",
            "alice/a..b",
            "alice/a___b",
            "alice/-a",
            "alice/a-",
            "alice/a._b",
            "alice/é",
            "alice/a b",
            "alice/..",
            "alice/a\0",
        ] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad:?}");
        }
        assert!(
            format!("a/{}", "b".repeat(253))
                .parse::<RepositoryName>()
                .is_ok()
        );
        assert!(
            format!("a/{}", "b".repeat(254))
                .parse::<RepositoryName>()
                .is_err()
        );
    }

    #[test]
    fn splits_a_name_at_the_first_slash() {
        let name: RepositoryName = "alice/tools/app".parse().unwrap();
        assert_eq!((name.namespace(), name.rest()), ("alice", "tools/app"));
    }

    #[test]
    fn user_names_start_with_a_letter() {
        assert!("alice".parse::<UserName>().is_ok());
        assert_eq!(
            "1alice".parse::<UserName>(),
            Err(UserNameError::FirstLetter)
        );
        assert_eq!("a".parse::<UserName>(), Err(UserNameError::Length));
        assert_eq!(
            "al..ice".parse::<UserName>(),
            Err(UserNameError::Characters)
        );
    }

    proptest! {
        #[test]
        fn generated_names_round_trip(
            text in "[a-z0-9]{1,8}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,3}(/[a-z0-9]{1,8}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,3}){1,3}"
        ) {
            let name: RepositoryName = text.parse().unwrap();
            prop_assert_eq!(name.to_string(), text);
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<RepositoryName>();
            let _ = text.parse::<UserName>();
        }
    }
}
