//! Which database, and how to reach it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::servers::ServerUrl;

/// The address of a database: `sqlite://data/dockyard.db`, `postgres://user:password@host/name` or
/// `mysql://user:password@host/name`. It never shows its password.
#[derive(Clone)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    Server(ServerUrl),
}

impl DatabaseUrl {
    /// Is the file of the embedded database, if it is that.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(file) => Some(file),
            Self::Server(_) => None,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(url: &str) -> Result<Self, DatabaseUrlError> {
        match url.split_once("://") {
            Some(("sqlite", "")) => Err(DatabaseUrlError::NoFile),
            Some(("sqlite", file)) => Ok(Self::Sqlite(file.into())),
            Some(("postgres" | "postgresql", _)) => ServerUrl::postgres(url).map(Self::Server),
            Some(("mysql" | "mariadb", _)) => ServerUrl::mariadb(url).map(Self::Server),
            _ => Err(DatabaseUrlError::Scheme),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(f, "the database {}", file.display()),
            Self::Server(at) => at.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is no address of a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    #[error("a database URL begins with sqlite://, postgres:// or mysql://")]
    Scheme,
    #[error("a sqlite:// URL names a file, as in sqlite://data/dockyard.db")]
    NoFile,
    #[error("a mysql:// URL names a database, as in mysql://user:password@host/dockyard")]
    NoName,
    #[error(
        "this build has no PostgreSQL and no MariaDB, so that it compiles sooner: use the program that `make build` makes"
    )]
    NotBuiltIn,
    #[error("the database URL can't be read: {0}")]
    Bad(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_and_other_schemes_are_refused() {
        let read = |url: &str| url.parse::<DatabaseUrl>();
        let file = read("sqlite:///var/lib/dockyard/dockyard.db").unwrap();
        assert_eq!(
            file.file(),
            Some(Path::new("/var/lib/dockyard/dockyard.db"))
        );
        assert_eq!(read("oracle://x").err(), Some(DatabaseUrlError::Scheme));
        assert_eq!(read("dockyard.db").err(), Some(DatabaseUrlError::Scheme));
        assert_eq!(read("sqlite://").err(), Some(DatabaseUrlError::NoFile));
    }

    #[cfg(not(feature = "servers"))]
    #[test]
    fn a_build_without_servers_says_so() {
        for url in ["postgres://db/dockyard", "mysql://db/dockyard"] {
            let read = url.parse::<DatabaseUrl>();
            assert_eq!(read.err(), Some(DatabaseUrlError::NotBuiltIn));
        }
    }
}
