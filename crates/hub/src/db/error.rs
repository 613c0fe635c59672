//! What can go wrong in a database, whichever it is.

use sqlx::error::ErrorKind;

use super::{DatabaseUrl, servers};

/// What can go wrong below every service.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("a row with this key exists")]
    Duplicate,
    #[error("a row that this one refers to does not exist")]
    Reference,
    /// Another transaction was faster: the same again may succeed.
    #[error("the database was too busy: {0}")]
    Contended(#[source] sqlx::Error),
    /// The database can't be reached now, or went away meanwhile.
    #[error("the database is not there: {0}")]
    Unavailable(#[source] sqlx::Error),
    #[error("the database failed: {0}")]
    Failed(#[source] sqlx::Error),
    /// Its text names the cause, which is no source: whoever starts the server reads it once.
    #[error("can't use {database}: {cause}. Look at --database-url, and whether that server runs")]
    Unreachable {
        database: String,
        cause: sqlx::Error,
    },
    #[error(
        "{0} is not MariaDB: MySQL itself lacks what the tables need. Use MariaDB 10.5 or later"
    )]
    NotMariaDb(String),
    #[error(
        "the database's schema is newer than this program (it has migration {0}): start the version that made it, \
         or a later one"
    )]
    SchemaNewer(i64),
    #[error("the database's schema can't be used: {0}")]
    Schema(#[source] sqlx::migrate::MigrateError),
    #[error("the database holds \"{0}\", which is not valid there")]
    Corrupt(String),
}

impl DbError {
    /// Names the database that could not be opened.
    pub(crate) fn of(self, database: &DatabaseUrl) -> Self {
        match self {
            Self::Failed(cause) | Self::Unavailable(cause) | Self::Contended(cause) => {
                let database = database.to_string();
                Self::Unreachable { database, cause }
            }
            other => other,
        }
    }

    /// Tells whether the same again may succeed in a moment.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Contended(_) | Self::Unavailable(_))
    }
}

/// Errors that may come from losing a race against another transaction.
pub(crate) trait Contention {
    /// Tells whether the work lost a race, did nothing, and may succeed when it is done again.
    fn is_contended(&self) -> bool;
}

impl Contention for DbError {
    fn is_contended(&self) -> bool {
        matches!(self, Self::Contended(_))
    }
}

/// What each database says when a transaction lost a race: serialization failure, deadlock, lock not available
/// (PostgreSQL); deadlock, lock wait timeout (MariaDB, which has these as numbers); busy (SQLite).
const CONTENDED: [&str; 9] = [
    "40001", "40P01", "55P03", "1213", "1205", "5", "261", "517", "6",
];
/// What each database says when it is stopped or not started yet.
const UNAVAILABLE: [&str; 11] = [
    "57P01", "57P02", "57P03", "53300", "08000", "08003", "08006", "1040", "1053", "1927", "4031",
];

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        let Some(told) = error.as_database_error() else {
            return match error {
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Protocol(_) => Self::Unavailable(error),
                _ => Self::Failed(error),
            };
        };
        let code = code_of(told);
        match told.kind() {
            ErrorKind::UniqueViolation => Self::Duplicate,
            ErrorKind::ForeignKeyViolation => Self::Reference,
            _ if CONTENDED.contains(&code.as_str()) => Self::Contended(error),
            _ if UNAVAILABLE.contains(&code.as_str()) => Self::Unavailable(error),
            _ => Self::Failed(error),
        }
    }
}

/// Returns the error's code in the database's own terms.
fn code_of(told: &dyn sqlx::error::DatabaseError) -> String {
    match servers::error_number(told) {
        Some(number) => number.to_string(),
        None => told.code().unwrap_or_default().into_owned(),
    }
}

impl From<sqlx::migrate::MigrateError> for DbError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::VersionMissing(version) => Self::SchemaNewer(version),
            other => Self::Schema(other),
        }
    }
}
