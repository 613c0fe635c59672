//! What the verifier may find wrong, and how it is told.

use std::fmt;

use dockyard_oci::{Digest, RepositoryName};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The database finds fault with itself.
    Database(String),
    /// A blob's object is gone, too short, or holds other bytes.
    BlobDamaged {
        digest: Digest,
        /// What is wrong, for people.
        what: String,
        /// Some of the repositories that show it.
        repositories: Vec<RepositoryName>,
        /// Whether it is out of service, so that a push of it stores it anew.
        quarantined: bool,
    },
    /// A blob in quarantine that is whole after all, as after a disk that was away for a while.
    BlobWhole { digest: Digest, repaired: bool },
    /// The store can't read a blob; it stays in service, since the next try may succeed.
    BlobUnreadable { digest: Digest, error: String },
    /// The bytes of a manifest are not what its digest stands for.
    ManifestDamaged {
        repository: RepositoryName,
        digest: Digest,
    },
    /// A manifest refers to a blob that is not stored.
    BlobMissing {
        repository: RepositoryName,
        manifest: Digest,
        digest: Digest,
    },
    /// A manifest refers to a blob that is stored, but that its repository does not show.
    BlobHidden {
        repository: RepositoryName,
        manifest: Digest,
        digest: Digest,
        repaired: bool,
    },
    /// The rows that say what a manifest refers to do not say what the manifest says.
    ReferencesWrong {
        repository: RepositoryName,
        manifest: Digest,
        repaired: bool,
    },
}

impl Problem {
    /// Tells whether the problem is gone now.
    pub const fn is_repaired(&self) -> bool {
        match self {
            Self::BlobWhole { repaired, .. }
            | Self::BlobHidden { repaired, .. }
            | Self::ReferencesWrong { repaired, .. } => *repaired,
            Self::Database(_)
            | Self::BlobDamaged { .. }
            | Self::BlobUnreadable { .. }
            | Self::ManifestDamaged { .. }
            | Self::BlobMissing { .. } => false,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(text) => write!(f, "database: {text}"),
            Self::BlobDamaged {
                digest,
                what,
                repositories,
                quarantined,
            } => {
                write!(f, "blob {digest} is damaged: {what}")?;
                for (i, name) in repositories.iter().enumerate() {
                    write!(
                        f,
                        "{}{name}",
                        if i == 0 { "; it belongs to " } else { ", " }
                    )?;
                }
                f.write_str(if *quarantined {
                    "; in quarantine: push one of its images again to put it back"
                } else {
                    "; --repair takes it out of service"
                })
            }
            Self::BlobWhole { digest, repaired } => write!(
                f,
                "blob {digest} is in quarantine, but whole{}",
                outcome(*repaired)
            ),
            Self::BlobUnreadable { digest, error } => {
                write!(
                    f,
                    "blob {digest} can't be read: {error}; it stays in service"
                )
            }
            Self::ManifestDamaged { repository, digest } => write!(
                f,
                "manifest {repository}@{digest} is damaged: push it again to put it back"
            ),
            Self::BlobMissing {
                repository,
                manifest,
                digest,
            } => write!(
                f,
                "manifest {repository}@{manifest} refers to blob {digest}, which is not stored: \
                 push it again to put it back"
            ),
            Self::BlobHidden {
                repository,
                manifest,
                digest,
                repaired,
            } => write!(
                f,
                "manifest {repository}@{manifest} refers to blob {digest}, which {repository} does \
                 not show{}",
                outcome(*repaired)
            ),
            Self::ReferencesWrong {
                repository,
                manifest,
                repaired,
            } => write!(
                f,
                "the references of {repository}@{manifest} are not recorded as it has them{}",
                outcome(*repaired)
            ),
        }
    }
}

const fn outcome(repaired: bool) -> &'static str {
    if repaired {
        " (repaired)"
    } else {
        "; --repair mends it"
    }
}
