//! Why a tarball was refused.

use dockyard_oci::{Digest, ManifestError, Tag};

use crate::admission::Busy;
use crate::images::ImageError;

/// Why a tarball was refused. Says which entry and what to do, for the person who sent it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("this is not a tarball: send what `docker save` writes")]
    NotATarball,
    #[error("the file is compressed with {0}, which is not read: use gzip, zstd, xz or bzip2")]
    Compression(&'static str),
    #[error(
        "the layer \"{entry}\" is compressed with {compression}, which is not read: use gzip, zstd, xz or bzip2"
    )]
    LayerCompression {
        entry: String,
        compression: &'static str,
    },
    #[error("the tarball ends too early{}: send it again", within(.entry.as_deref()))]
    Truncated { entry: Option<String> },
    #[error("the tarball stopped coming{}: send it again", within(.entry.as_deref()))]
    Stalled { entry: Option<String> },
    #[error("the tarball is damaged{}: {reason}", within(.entry.as_deref()))]
    Damaged {
        entry: Option<String>,
        reason: String,
    },
    #[error(
        "the tarball holds no image: neither manifest.json nor index.json is in it (it was perhaps \
         made by `docker export`, where `docker save` is needed)"
    )]
    NoImage,
    #[error(
        "the tarball was made by docker before 1.10, which names its images in another way: load it into a newer \
         docker, and save it again"
    )]
    TooOld,
    #[error("the entry \"{entry}\" is refused: {reason}")]
    Entry { entry: String, reason: &'static str },
    #[error("the tarball is refused: {0}")]
    Bounds(&'static str),
    #[error("\"{file}\" can't be read: {reason}")]
    Document { file: String, reason: String },
    #[error("the tarball names \"{0}\", which is not in it")]
    Missing(String),
    #[error("\"{entry}\" does not hold what its name says: it hashes to {actual}")]
    WrongDigest { entry: String, actual: Digest },
    #[error("\"{entry}\" is layer {actual}, where the image's configuration has {expected}")]
    WrongLayer {
        entry: String,
        expected: Digest,
        actual: Digest,
    },
    #[error("the configuration lists {expected} layers, and the tarball {actual}")]
    LayerCount { expected: usize, actual: usize },
    #[error(
        "the tarball holds several images ({}): choose one of them, or leave the tag out to store all under their own \
         tags",
        listed(.0)
    )]
    SeveralImages(Vec<String>),
    #[error("two images of the tarball ({}) have the tag {tag}: choose one of them", listed(.names))]
    TagTwice { tag: Tag, names: Vec<String> },
    #[error("the tarball holds no image \"{wanted}\": it holds {}", listed(.names))]
    NoSuchImage { wanted: String, names: Vec<String> },
    #[error("the tarball names no tag for its image: give one")]
    NoTag,
    #[error(
        "layer {0} was removed before the end of the tarball came, as nothing referred to it yet: send \
         the tarball again"
    )]
    LayerGone(Digest),
    #[error("the tarball's manifest is refused: {0}")]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Image(#[from] ImageError),
}

fn within(entry: Option<&str>) -> String {
    entry
        .map(|entry| format!(" in \"{entry}\""))
        .unwrap_or_default()
}

fn listed(names: &[String]) -> String {
    names.join(", ")
}

impl ImportError {
    /// Tells whether something is wrong with a file of the tarball, and not with the server or the whole import.
    pub(super) const fn is_of_content(&self) -> bool {
        matches!(
            self,
            Self::Document { .. }
                | Self::Missing(_)
                | Self::WrongDigest { .. }
                | Self::Manifest(_)
                | Self::Image(
                    ImageError::ManifestInvalid(_)
                        | ImageError::ManifestBlobSize { .. }
                        | ImageError::ManifestBlobUnknown { .. }
                        | ImageError::DigestMismatch { .. }
                )
        )
    }

    /// Lists the images of the tarball, where one of them must be chosen.
    pub fn choices(&self) -> &[String] {
        match self {
            Self::SeveralImages(names)
            | Self::TagTwice { names, .. }
            | Self::NoSuchImage { names, .. } => names,
            _ => &[],
        }
    }

    /// Reads a failed read of the tarball: cut short, or damaged.
    pub(super) fn reading(error: &std::io::Error, entry: Option<&str>) -> Self {
        let entry = entry.map(ToOwned::to_owned);
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof
            | std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::BrokenPipe => Self::Truncated { entry },
            std::io::ErrorKind::TimedOut => Self::Stalled { entry },
            _ => Self::Damaged {
                entry,
                reason: error.to_string(),
            },
        }
    }
}

/// Why an image could not be written as a tarball.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Image(#[from] ImageError),
}
