//! The schema of each database, step by step: `migrations/<database>/`, compiled into the program.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// A step: its number, its description, its SQL.
type Step = (i64, &'static str, &'static str);

/// Lists the steps of a database, each as `number "description" "file"`.
macro_rules! steps {
    ($folder:literal: $($number:literal $description:literal $file:literal),* $(,)?) => {
        &[$((
            $number,
            $description,
            include_str!(concat!("../../../../migrations/", $folder, "/", $file)),
        )),*]
    };
}

const SQLITE: &[Step] = steps!("sqlite":
    1 "first light" "0001_first_light.sql",
    2 "several nodes" "0002_several_nodes.sql",
    3 "credentials" "0003_credentials.sql",
    4 "pushes" "0004_pushes.sql",
);
#[cfg(feature = "servers")]
const POSTGRES: &[Step] = steps!("postgres":
    1 "first light" "0001_first_light.sql",
    2 "several nodes" "0002_several_nodes.sql",
    3 "credentials" "0003_credentials.sql",
    4 "pushes" "0004_pushes.sql",
);
#[cfg(feature = "servers")]
const MARIADB: &[Step] = steps!("mariadb":
    1 "first light" "0001_first_light.sql",
    2 "several nodes" "0002_several_nodes.sql",
    3 "credentials" "0003_credentials.sql",
    4 "pushes" "0004_pushes.sql",
);

pub(super) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

#[cfg(feature = "servers")]
pub(super) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

#[cfg(feature = "servers")]
pub(super) fn mariadb() -> Migrator {
    migrator(MARIADB)
}

fn migrator(steps: &[Step]) -> Migrator {
    let migrations = steps.iter().map(|&(number, description, sql)| {
        Migration::new(
            number,
            Cow::Borrowed(description),
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the steps with the files of a folder, named `<number>_<description>.sql`.
    fn assert_complete(folder: &str, steps: &[Step]) {
        let folder = format!("{}/../../migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed = steps.iter().map(|(number, description, _)| {
            format!("{number:04}_{}.sql", description.replace(' ', "_"))
        });
        assert_eq!(files, listed.collect::<Vec<_>>());
    }

    #[test]
    fn every_file_is_a_step() {
        assert_complete("sqlite", SQLITE);
        #[cfg(feature = "servers")]
        assert_complete("postgres", POSTGRES);
        #[cfg(feature = "servers")]
        assert_complete("mariadb", MARIADB);
    }

    /// Databases of earlier versions hold these checksums: a step that was released never changes.
    #[test]
    fn released_steps_stay_as_they_are() {
        let migrator = sqlite();
        let checksums: Vec<_> = migrator
            .iter()
            .map(|step| hex::encode(&step.checksum[..8]))
            .collect();
        assert_eq!(
            checksums,
            [
                "0d766af0d7e3c470",
                "cfed70ed889b8b0f",
                "78cb5a936821082f",
                "20a5f5b45a94a0f5"
            ]
        );
    }
}
