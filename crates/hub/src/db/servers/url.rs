//! Addresses of database servers.

use std::fmt;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::db::DatabaseUrlError;

/// The address of a PostgreSQL or MariaDB server. It never shows its password.
#[derive(Clone)]
pub enum ServerUrl {
    Postgres(Box<PgConnectOptions>),
    MariaDb(Box<MySqlConnectOptions>),
}

impl ServerUrl {
    pub(crate) fn postgres(url: &str) -> Result<Self, DatabaseUrlError> {
        let options = url.parse::<PgConnectOptions>().map_err(bad)?;
        Ok(Self::Postgres(Box::new(options)))
    }

    /// Parses the address of a MariaDB server.
    ///
    /// Errors: `NoName` without a database's name.
    pub(crate) fn mariadb(url: &str) -> Result<Self, DatabaseUrlError> {
        let options = url.parse::<MySqlConnectOptions>().map_err(bad)?;
        if options.get_database().is_none_or(str::is_empty) {
            return Err(DatabaseUrlError::NoName);
        }
        Ok(Self::MariaDb(Box::new(options)))
    }
}

fn bad(error: sqlx::Error) -> DatabaseUrlError {
    DatabaseUrlError::Bad(error.to_string())
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, host, port, name) = match self {
            Self::Postgres(at) => (
                "PostgreSQL",
                at.get_host(),
                at.get_port(),
                at.get_database(),
            ),
            Self::MariaDb(at) => ("MariaDB", at.get_host(), at.get_port(), at.get_database()),
        };
        let name = name.unwrap_or("of the user's name");
        write!(f, "{kind} at {host}:{port}, database {name}")
    }
}

#[cfg(test)]
mod tests {
    use crate::db::{DatabaseUrl, DatabaseUrlError};

    #[test]
    fn two_kinds_are_known_and_no_password_is_shown() {
        let read = |url: &str| url.parse::<DatabaseUrl>();
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
        assert_eq!(read("mysql://u@h").err(), Some(DatabaseUrlError::NoName));
        assert!(matches!(
            read("postgres://h:port/"),
            Err(DatabaseUrlError::Bad(_))
        ));
    }
}
