//! Points at which a test may kill the process: before and after each step that must not be torn.
//!
//! Only builds with debug assertions have them. `DOCKYARD_FAULT=<name>` arms one.

/// A place between two steps of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    UploadStarted,
    ChunkWritten,
    ChunkRecorded,
    BlobDurable,
    BlobRecording,
    BlobRecorded,
    MountRecording,
    MountRecorded,
    ManifestRecording,
    ManifestRecorded,
    TagDeleting,
    TagDeleted,
    ManifestDeleting,
    ManifestDeleted,
    RepositoryDeleting,
    RepositoryDeleted,
    CollectUploadRow,
    CollectUploadObject,
    CollectManifest,
    CollectedManifest,
    CollectLink,
    CollectedLink,
    CollectBlobRow,
    CollectBlobObject,
    CollectOrphan,
}

impl Fault {
    /// Every point there is, with the name that arms it.
    pub const ALL: [(Self, &str); 25] = [
        (Self::UploadStarted, "upload-started"),
        (Self::ChunkWritten, "chunk-written"),
        (Self::ChunkRecorded, "chunk-recorded"),
        (Self::BlobDurable, "blob-durable"),
        (Self::BlobRecording, "blob-recording"),
        (Self::BlobRecorded, "blob-recorded"),
        (Self::MountRecording, "mount-recording"),
        (Self::MountRecorded, "mount-recorded"),
        (Self::ManifestRecording, "manifest-recording"),
        (Self::ManifestRecorded, "manifest-recorded"),
        (Self::TagDeleting, "tag-deleting"),
        (Self::TagDeleted, "tag-deleted"),
        (Self::ManifestDeleting, "manifest-deleting"),
        (Self::ManifestDeleted, "manifest-deleted"),
        (Self::RepositoryDeleting, "repository-deleting"),
        (Self::RepositoryDeleted, "repository-deleted"),
        (Self::CollectUploadRow, "collect-upload-row"),
        (Self::CollectUploadObject, "collect-upload-object"),
        (Self::CollectManifest, "collect-manifest"),
        (Self::CollectedManifest, "collected-manifest"),
        (Self::CollectLink, "collect-link"),
        (Self::CollectedLink, "collected-link"),
        (Self::CollectBlobRow, "collect-blob-row"),
        (Self::CollectBlobObject, "collect-blob-object"),
        (Self::CollectOrphan, "collect-orphan"),
    ];

    /// Kills the process as `kill -9` does, when the environment arms this point.
    #[cfg(debug_assertions)]
    pub(crate) fn reach(self) {
        use std::sync::LazyLock;
        static ARMED: LazyLock<Option<Fault>> = LazyLock::new(|| {
            let wanted = std::env::var("DOCKYARD_FAULT").ok()?;
            let found = Fault::ALL.iter().find(|(_, name)| *name == wanted);
            found.map(|(fault, _)| *fault)
        });
        if *ARMED == Some(self) {
            let id = std::process::id().to_string();
            let _ = std::process::Command::new("kill")
                .args(["-9", &id])
                .status();
            std::process::abort();
        }
    }

    /// Does nothing in a release.
    #[cfg(not(debug_assertions))]
    pub(crate) const fn reach(self) {}
}
