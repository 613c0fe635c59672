//! References to manifests, alone and behind a repository's name.

use std::fmt;
use std::str::FromStr;

use crate::{Digest, DigestError, RepositoryName, RepositoryNameError, Tag, TagError};

/// What names a manifest inside a repository: a tag or a digest.
///
/// Source: OCI distribution-spec, "Pulling manifests".
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    Tag(Tag),
    Digest(Digest),
}

impl FromStr for Reference {
    type Err = ImageNameError;

    /// Parses a digest when there is a colon, since no tag can hold one, and a tag otherwise.
    fn from_str(text: &str) -> Result<Self, ImageNameError> {
        if text.contains(':') {
            Ok(Self::Digest(text.parse()?))
        } else {
            Ok(Self::Tag(text.parse()?))
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A repository, and perhaps a tag or a digest in it: `alice/app`, `alice/app:v1`,
/// `alice/app@sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageName {
    pub repository: RepositoryName,
    pub reference: Option<Reference>,
}

impl FromStr for ImageName {
    type Err = ImageNameError;

    fn from_str(text: &str) -> Result<Self, ImageNameError> {
        if let Some((repository, digest)) = text.split_once('@') {
            let reference = Some(Reference::Digest(digest.parse()?));
            return Ok(Self {
                repository: repository.parse()?,
                reference,
            });
        }
        if let Some((repository, tag)) = text.split_once(':') {
            let reference = Some(Reference::Tag(tag.parse()?));
            return Ok(Self {
                repository: repository.parse()?,
                reference,
            });
        }
        Ok(Self {
            repository: text.parse()?,
            reference: None,
        })
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reference {
            None => self.repository.fmt(f),
            Some(Reference::Tag(tag)) => write!(f, "{}:{tag}", self.repository),
            Some(Reference::Digest(digest)) => write!(f, "{}@{digest}", self.repository),
        }
    }
}

/// Why a text is not the name of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageNameError {
    #[error(transparent)]
    Repository(#[from] RepositoryNameError),
    #[error(transparent)]
    Tag(#[from] TagError),
    #[error(transparent)]
    Digest(#[from] DigestError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parses_the_three_forms() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for text in ["alice/app", "alice/app:v1", &format!("alice/app@{digest}")] {
            assert_eq!(text.parse::<ImageName>().unwrap().to_string(), text);
        }
        for bad in [
            "alice",
            "alice/app:",
            "alice/app@",
            "alice/app@sha256:0",
            "127.0.0.1:3000/a/b:c",
        ] {
            assert!(bad.parse::<ImageName>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<ImageName>();
            let _ = text.parse::<Reference>();
        }
    }
}
