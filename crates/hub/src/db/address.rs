//! Which database, and how to reach it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;

/// The address of a database: `sqlite://data/dockyard.db`, `postgres://user:password@host/name` or
/// `mysql://user:password@host/name`. It never shows its password.
#[derive(Clone)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
    MariaDb(Box<MySqlConnectOptions>),
}

impl DatabaseUrl {
    /// Is the file of the embedded database, if it is that.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(file) => Some(file),
            Self::Postgres(_) | Self::MariaDb(_) => None,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(url: &str) -> Result<Self, DatabaseUrlError> {
        let bad = |error: sqlx::Error| DatabaseUrlError::Bad(error.to_string());
        match url.split_once("://") {
            Some(("sqlite", "")) => Err(DatabaseUrlError::NoFile),
            Some(("sqlite", file)) => Ok(Self::Sqlite(file.into())),
            Some(("postgres" | "postgresql", _)) => {
                let options = url.parse::<PgConnectOptions>().map_err(bad)?;
                Ok(Self::Postgres(Box::new(options)))
            }
            Some(("mysql" | "mariadb", _)) => {
                let options = url.parse::<MySqlConnectOptions>().map_err(bad)?;
                if options.get_database().is_none_or(str::is_empty) {
                    return Err(DatabaseUrlError::NoName);
                }
                Ok(Self::MariaDb(Box::new(options)))
            }
            _ => Err(DatabaseUrlError::Scheme),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |name: Option<&str>| name.unwrap_or("of the user's name").to_owned();
        match self {
            Self::Sqlite(file) => write!(f, "the database {}", file.display()),
            Self::Postgres(at) => write!(
                f,
                "PostgreSQL at {}:{}, database {}",
                at.get_host(),
                at.get_port(),
                name(at.get_database())
            ),
            Self::MariaDb(at) => write!(
                f,
                "MariaDB at {}:{}, database {}",
                at.get_host(),
                at.get_port(),
                name(at.get_database())
            ),
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
    #[error("the database URL can't be read: {0}")]
    Bad(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_kinds_are_known_and_no_password_is_shown() {
        let read = |url: &str| url.parse::<DatabaseUrl>();
        let file = read("sqlite:///var/lib/dockyard/dockyard.db").unwrap();
        assert_eq!(
            file.file(),
            Some(Path::new("/var/lib/dockyard/dockyard.db"))
        );
        for url in [
            "postgres://dockyard:geheim@db.internal:5433/registry",
            "mysql://dockyard:geheim@db.internal:5433/registry",
        ] {
            let url = read(url).unwrap();
            assert_eq!(url.file(), None);
            let shown = format!("{url} {url:?}");
            assert!(
                shown.contains("at db.internal:5433, database registry"),
                "{shown}"
            );
            assert!(!shown.contains("geheim"), "{shown}");
        }
        assert_eq!(read("oracle://x").err(), Some(DatabaseUrlError::Scheme));
        assert_eq!(read("dockyard.db").err(), Some(DatabaseUrlError::Scheme));
        assert_eq!(read("sqlite://").err(), Some(DatabaseUrlError::NoFile));
        assert_eq!(read("mysql://u@h").err(), Some(DatabaseUrlError::NoName));
        assert!(matches!(
            read("postgres://h:port/"),
            Err(DatabaseUrlError::Bad(_))
        ));
    }
}
