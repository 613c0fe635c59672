//! Which database and store the suite runs on: `DOCKYARD_TEST_ON` is `sqlite` (with a folder, the default), `postgres`
//! or `mariadb` (with a folder), or `s3` (PostgreSQL with a bucket). The servers are those of `scripts/servers.sh`.

use std::path::Path;

use dockyard_hub::HubOptions;
use dockyard_hub::accounts::PasswordCost;
use dockyard_hub::clock::Clock;
use dockyard_hub::db::{DatabaseUrl, ServerUrl};
use dockyard_hub::store::{BlobStore, FsStore, S3Options, S3Store};
use futures::StreamExt;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

/// Where all tests put their objects, each below a prefix of its own.
pub const BUCKET: &str = "dockyard";

/// Hashes of passwords that take no time: hundreds are made in a run of the suite.
const CHEAP: PasswordCost = PasswordCost {
    memory_kib: 64,
    passes: 1,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    Sqlite,
    Postgres,
    MariaDb,
    S3,
}

/// Is what the suite runs on.
pub fn on() -> On {
    match std::env::var("DOCKYARD_TEST_ON").as_deref() {
        Ok("postgres") => On::Postgres,
        Ok("mariadb") => On::MariaDb,
        Ok("s3") => On::S3,
        Ok("sqlite") | Err(_) => On::Sqlite,
        Ok(other) => panic!("DOCKYARD_TEST_ON={other}: sqlite, postgres, mariadb or s3"),
    }
}

/// Reads what `scripts/servers.sh env` prints.
pub fn server(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: eval \"$(scripts/servers.sh env)\""))
}

/// Is the name of a folder's own database and prefix.
fn name_of(folder: &Path) -> String {
    let name = folder.file_name().unwrap().to_str().unwrap();
    format!("t_{}", hex::encode(name.trim_start_matches('.')))
}

fn database_url(folder: &Path) -> Option<String> {
    let name = name_of(folder);
    match on() {
        On::Sqlite => None,
        On::Postgres | On::S3 => Some(format!("{}/{name}", server("DOCKYARD_TEST_POSTGRES"))),
        On::MariaDb => Some(format!("{}/{name}", server("DOCKYARD_TEST_MARIADB"))),
    }
}

/// Is where a server on a folder keeps its data; its database is made when it is missing.
pub async fn options(folder: &Path, clock: Clock) -> HubOptions {
    let url = database_url(folder);
    if let Some(url) = &url {
        make_database(url, &name_of(folder)).await;
    }
    let bucket = (on() == On::S3).then(|| bucket(&name_of(folder)));
    HubOptions {
        database: url.map(|url| url.parse().unwrap()),
        bucket,
        passwords: CHEAP,
        ..HubOptions::embedded(folder.to_owned(), clock)
    }
}

/// Is the bucket of the tests, with a prefix.
pub fn bucket(prefix: &str) -> S3Options {
    S3Options {
        bucket: BUCKET.to_owned(),
        prefix: format!("{prefix}/"),
        endpoint: Some(server("DOCKYARD_TEST_S3")),
        path_style: true,
        ..S3Options::default()
    }
}

/// Is the environment of a program that works on a folder's data.
pub fn environment(folder: &Path) -> Vec<(&'static str, String)> {
    let mut environment = Vec::new();
    if let Some(url) = database_url(folder) {
        environment.push(("DOCKYARD_DATABASE_URL", url));
    }
    if on() == On::S3 {
        let bucket = format!("{BUCKET}/{}", name_of(folder));
        environment.push(("DOCKYARD_BUCKET", bucket));
        environment.push(("DOCKYARD_S3_ENDPOINT", server("DOCKYARD_TEST_S3")));
    }
    environment
}

/// Opens the store of a server once more.
pub async fn store(options: &HubOptions) -> Box<dyn BlobStore> {
    match &options.bucket {
        Some(bucket) => Box::new(S3Store::open(bucket.clone()).await.unwrap()),
        None => Box::new(FsStore::open(&options.data_dir.join("blobs")).unwrap()),
    }
}

/// Counts the objects in the store of a server on a folder.
pub async fn objects(folder: &Path) -> usize {
    let options = options(folder, Clock::system()).await;
    store(&options).await.list().count().await
}

async fn make_database(url: &str, name: &str) {
    let sql = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    // One that is there already is fine: the server will tell what else is wrong.
    if url.starts_with("postgres") {
        let at: PgConnectOptions = url.parse().unwrap();
        let mut server = at.database("postgres").connect().await.unwrap();
        let _ = sqlx::query(sql).execute(&mut server).await;
        server.close().await.unwrap();
    } else {
        let at: MySqlConnectOptions = url.parse().unwrap();
        let mut server = at.database("mysql").connect().await.unwrap();
        let _ = sqlx::query(sql).execute(&mut server).await;
        server.close().await.unwrap();
    }
}

/// Runs SQL that each database understands.
pub async fn change_database(options: &HubOptions, sql: &'static str) {
    let embedded = || DatabaseUrl::Sqlite(options.data_dir.join("dockyard.db"));
    match options.database.clone().unwrap_or_else(embedded) {
        DatabaseUrl::Sqlite(file) => {
            let at = SqliteConnectOptions::new().filename(file);
            let mut database = at.connect().await.unwrap();
            sqlx::raw_sql(sql).execute(&mut database).await.unwrap();
            database.close().await.unwrap();
        }
        DatabaseUrl::Server(ServerUrl::Postgres(at)) => {
            let mut database = at.connect().await.unwrap();
            sqlx::raw_sql(sql).execute(&mut database).await.unwrap();
            database.close().await.unwrap();
        }
        DatabaseUrl::Server(ServerUrl::MariaDb(at)) => {
            let mut database = at.connect().await.unwrap();
            sqlx::raw_sql(sql).execute(&mut database).await.unwrap();
            database.close().await.unwrap();
        }
    }
}
