//! Where the bucket is, and how to reach it.

/// Where the bucket is, and how to reach it.
#[derive(Debug, Clone, Default)]
pub struct S3Options {
    pub bucket: String,
    /// Put before every key; empty, or with a slash at its end.
    pub prefix: String,
    /// URL of a store that is not AWS.
    pub endpoint: Option<String>,
    /// `None` for what the AWS chain says, or `us-east-1`; with an endpoint, what the environment says.
    pub region: Option<String>,
    /// Puts the bucket's name into the path instead of before the host's name.
    pub path_style: bool,
    /// Redirects clients to the store for blobs: they must be able to reach it.
    pub links: bool,
    /// Creates the bucket when it does not exist.
    pub create: bool,
    /// Encryption at rest; `None` for the store's default.
    pub encryption: Option<Encryption>,
}

/// Encryption of stored objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// With a key of the store.
    Aes256,
    /// With a key of KMS: the named one, or the account's own.
    Kms(Option<String>),
}
