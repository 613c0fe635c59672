//! Where the data is: a folder, a database, a bucket.

use std::path::PathBuf;

use anyhow::Context;
use clap::ValueEnum;
use dockyard_hub::clock::Clock;
use dockyard_hub::db::DatabaseUrl;
use dockyard_hub::store::{Encryption, S3Options};
use dockyard_hub::{HubOptions, Secret};
use serde::Deserialize;

/// Which data is meant.
#[derive(Debug, Default, clap::Args)]
pub struct DataArgs {
    /// Folder of the search index, and unless set otherwise of the database and the blobs [default: ./data]
    #[arg(long, env = "DOCKYARD_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Settings file [default: dockyard.toml, if there is one]
    #[arg(long, env = "DOCKYARD_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub places: Places,
}

/// What is kept elsewhere than in the folder.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Places {
    /// The database; never shown, as it may hold a password.
    #[arg(
        long,
        env = "DOCKYARD_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        help = "Database: postgres://USER:PASSWORD@HOST/NAME, mysql://USER:PASSWORD@HOST/NAME (MariaDB), or \
                sqlite://FILE [default: dockyard.db in the data folder]"
    )]
    pub database_url: Option<Secret<String>>,
    /// Bucket of an S3-compatible store that keeps the blobs, with a prefix if wanted: NAME or NAME/PREFIX
    /// [default: blobs/ in the data folder]
    #[arg(long, env = "DOCKYARD_BUCKET", value_name = "NAME[/PREFIX]")]
    pub bucket: Option<String>,
    /// Address of a store that is not AWS.
    #[arg(
        long,
        env = "DOCKYARD_S3_ENDPOINT",
        value_name = "URL",
        help = "Address of a store that is not AWS, as in http://127.0.0.1:8333"
    )]
    pub s3_endpoint: Option<String>,
    /// Region of the bucket [default: what the AWS environment and profile say, else us-east-1]
    #[arg(long, env = "DOCKYARD_S3_REGION", value_name = "REGION")]
    pub s3_region: Option<String>,
    /// Where the bucket's name stands: in the path, or before the host's name [default: path with
    /// --s3-endpoint, else host]
    #[arg(long, env = "DOCKYARD_S3_ADDRESSING", value_name = "STYLE")]
    pub s3_addressing: Option<Addressing>,
    /// How the store encrypts: AES256, aws:kms, or aws:kms:KEY [default: as the bucket says]
    #[arg(long, env = "DOCKYARD_S3_ENCRYPTION", value_name = "KIND")]
    pub s3_encryption: Option<String>,
    /// Lead clients to the store for blobs, over links that last for 5 minutes: they must be able to reach
    /// it [default: false]
    #[arg(
        long,
        env = "DOCKYARD_S3_REDIRECT",
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub s3_redirect: Option<bool>,
    /// Create the bucket when it does not exist [default: false]
    #[arg(
        long,
        env = "DOCKYARD_S3_CREATE_BUCKET",
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub s3_create_bucket: Option<bool>,
}

/// Where the bucket's name stands in the address of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Addressing {
    Path,
    Host,
}

impl Places {
    /// Takes from the file what is not said here.
    fn or(self, file: Self) -> Self {
        Self {
            database_url: self.database_url.or(file.database_url),
            bucket: self.bucket.or(file.bucket),
            s3_endpoint: self.s3_endpoint.or(file.s3_endpoint),
            s3_region: self.s3_region.or(file.s3_region),
            s3_addressing: self.s3_addressing.or(file.s3_addressing),
            s3_encryption: self.s3_encryption.or(file.s3_encryption),
            s3_redirect: self.s3_redirect.or(file.s3_redirect),
            s3_create_bucket: self.s3_create_bucket.or(file.s3_create_bucket),
        }
    }

    fn database(&self) -> anyhow::Result<Option<DatabaseUrl>> {
        let url = self.database_url.as_ref().map(|url| url.reveal().parse());
        url.transpose().context("--database-url is not right")
    }

    fn bucket(&self) -> anyhow::Result<Option<S3Options>> {
        let Some(bucket) = &self.bucket else {
            anyhow::ensure!(
                self.s3_endpoint.is_none(),
                "--s3-endpoint says where a store is, and no --bucket is named"
            );
            return Ok(None);
        };
        let named = bucket.strip_prefix("s3://").unwrap_or(bucket);
        let (name, prefix) = named.split_once('/').unwrap_or((named, ""));
        anyhow::ensure!(!name.is_empty(), "--bucket names no bucket");
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let encryption = match self.s3_encryption.as_deref() {
            None => None,
            Some("AES256") => Some(Encryption::Aes256),
            Some("aws:kms") => Some(Encryption::Kms(None)),
            Some(other) => {
                let key = other.strip_prefix("aws:kms:");
                let key = key.context("--s3-encryption is AES256, aws:kms or aws:kms:KEY")?;
                Some(Encryption::Kms(Some(key.to_owned())))
            }
        };
        let addressing = self.s3_addressing.unwrap_or(match self.s3_endpoint {
            Some(_) => Addressing::Path,
            None => Addressing::Host,
        });
        Ok(Some(S3Options {
            bucket: name.to_owned(),
            prefix,
            endpoint: self.s3_endpoint.clone(),
            region: self.s3_region.clone(),
            path_style: addressing == Addressing::Path,
            links: self.s3_redirect.unwrap_or_default(),
            create: self.s3_create_bucket.unwrap_or_default(),
            encryption,
        }))
    }
}

/// Puts flags, environment, file and defaults together.
pub(super) fn resolve(
    args: DataArgs,
    file_dir: Option<PathBuf>,
    file: Places,
    clock: Clock,
) -> anyhow::Result<HubOptions> {
    let places = args.places.or(file);
    let data_dir = args.data_dir.or(file_dir).unwrap_or_else(|| "data".into());
    Ok(HubOptions {
        database: places.database()?,
        bucket: places.bucket()?,
        ..HubOptions::embedded(data_dir, clock)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(bucket: &str) -> Places {
        Places {
            bucket: Some(bucket.to_owned()),
            ..Places::default()
        }
    }

    #[test]
    fn a_bucket_has_a_name_and_maybe_a_prefix() {
        let read = |bucket: &str| places(bucket).bucket().map(Option::unwrap);
        let plain = read("images").unwrap();
        assert_eq!((&*plain.bucket, &*plain.prefix), ("images", ""));
        assert!(!plain.path_style);
        let deep = read("s3://images/team/dockyard/").unwrap();
        assert_eq!((&*deep.bucket, &*deep.prefix), ("images", "team/dockyard/"));
        assert!(read("s3:///x").is_err());
        let endpoint = Some("http://127.0.0.1:1".to_owned());
        let beside = Places {
            s3_endpoint: endpoint.clone(),
            ..places("images")
        };
        assert!(beside.bucket().unwrap().unwrap().path_style);
        let alone = Places {
            s3_endpoint: endpoint,
            ..Places::default()
        };
        assert!(alone.bucket().is_err());
    }

    #[test]
    fn a_store_is_told_how_to_encrypt() {
        let read = |kind: &str| {
            let s3_encryption = Some(kind.to_owned());
            let places = Places {
                s3_encryption,
                ..places("images")
            };
            places.bucket().map(|bucket| bucket.unwrap().encryption)
        };
        assert_eq!(read("AES256").unwrap(), Some(Encryption::Aes256));
        assert_eq!(read("aws:kms").unwrap(), Some(Encryption::Kms(None)));
        let key = Some("alias/images".to_owned());
        assert_eq!(
            read("aws:kms:alias/images").unwrap(),
            Some(Encryption::Kms(key))
        );
        assert!(read("rot13").is_err());
    }

    #[test]
    fn flags_go_before_the_file() {
        let file = Places {
            s3_region: Some("eu-central-1".to_owned()),
            ..places("of-the-file")
        };
        let args = DataArgs {
            places: places("of-the-flag"),
            ..DataArgs::default()
        };
        let options = resolve(
            args,
            Some("/var/lib/dockyard".into()),
            file,
            Clock::system(),
        );
        let options = options.unwrap();
        let bucket = options.bucket.unwrap();
        assert_eq!(bucket.bucket, "of-the-flag");
        assert_eq!(bucket.region.as_deref(), Some("eu-central-1"));
        assert_eq!(options.data_dir, PathBuf::from("/var/lib/dockyard"));
    }
}
