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
    /// Whether the bucket stands in the path and not before the host's name.
    pub path_style: bool,
    /// Whether clients fetch blobs from the store itself, which they must be able to reach.
    pub links: bool,
    /// Whether a bucket that does not exist is created.
    pub create: bool,
    /// How the store encrypts; `None` for its own default.
    pub encryption: Option<Encryption>,
}

/// How a store encrypts what it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// With a key of the store.
    Aes256,
    /// With a key of KMS: the named one, or the account's own.
    Kms(Option<String>),
}
