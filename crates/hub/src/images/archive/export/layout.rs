//! The parts of a tarball, and the documents in it.

use bytes::Bytes;
use dockyard_oci::{Digest, Manifest, MediaType, Reference};
use serde_json::json;
use tokio_tar::{EntryType, Header};

use super::Exporter;
use crate::images::archive::documents::{ToSave, blob_name};
use crate::images::{Blob, StoredManifest};

/// Size in bytes of a tar header, and what every file is filled up to.
const BLOCK: u64 = 512;
/// Says that a folder is an OCI layout. Source: OCI image-spec, "oci-layout file".
pub(super) const OCI_LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// Longest name in bytes that a header holds.
const NAME_MAX: usize = 100;
/// Bytes of zeros that end a tar.
const END: u64 = 2 * BLOCK;
/// As many zeros as ever follow a file.
pub(super) static ZEROS: [u8; 3 * 512] = [0; 3 * 512];

/// A manifest that is read when its turn comes.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub digest: Digest,
    pub media_type: MediaType,
    /// In bytes.
    pub length: u64,
}

impl Document {
    pub(super) fn of(stored: &StoredManifest) -> Self {
        Self {
            digest: stored.digest.clone(),
            media_type: stored.media_type.clone(),
            length: stored.bytes.len() as u64,
        }
    }
}

#[derive(Debug)]
pub(super) enum Content {
    Bytes(Bytes),
    Document {
        digest: Digest,
        /// In bytes.
        length: u64,
    },
    Blob(Blob),
    /// A zstd layer, as what is inside.
    Unpacked {
        blob: Blob,
        /// In bytes.
        length: u64,
    },
}

impl Content {
    fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Blob(blob) => blob.size_bytes,
            Self::Document { length, .. } | Self::Unpacked { length, .. } => *length,
        }
    }
}

/// A file of a tarball.
#[derive(Debug)]
pub(super) struct TarFile {
    name: String,
    pub content: Content,
    /// Bytes that follow the content: to the end of its block, or of the tar.
    zeros: u64,
}

/// The parts of a file in a tarball, in order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Header,
    Content,
    Zeros,
}

impl TarFile {
    fn new(name: String, content: Content) -> Self {
        let zeros = (BLOCK - content.length() % BLOCK) % BLOCK;
        Self {
            name,
            content,
            zeros,
        }
    }

    /// Lists the parts with their lengths in bytes.
    pub(super) fn parts(&self) -> [(Part, u64); 3] {
        [
            (Part::Header, self.header_bytes()),
            (Part::Content, self.content.length()),
            (Part::Zeros, self.zeros),
        ]
    }

    /// Returns the length of all parts in bytes.
    pub(super) fn span(&self) -> u64 {
        self.parts().iter().map(|(_, length)| length).sum()
    }

    const fn header_bytes(&self) -> u64 {
        if self.name.len() <= NAME_MAX {
            BLOCK
        } else {
            3 * BLOCK
        }
    }

    /// Writes the header; a name that does not fit stands in an extended one before it.
    ///
    /// Source: POSIX.1-2017, `pax`, "pax Extended Header".
    pub(super) fn header(&self) -> Bytes {
        let length = self.content.length();
        if self.name.len() <= NAME_MAX {
            return Bytes::copy_from_slice(
                header(&self.name, EntryType::Regular, length).as_bytes(),
            );
        }
        let mut record = String::new();
        // The length counts its own digits.
        let mut record_bytes = " path=\n".len() + self.name.len();
        while record.len() != record_bytes {
            record_bytes = record_bytes.max(record.len());
            record = format!("{record_bytes} path={}\n", self.name);
        }
        let extended = header("pax", EntryType::XHeader, record.len() as u64);
        let mut bytes = extended.as_bytes().to_vec();
        bytes.extend_from_slice(record.as_bytes());
        bytes.resize(ZEROS[..2 * 512].len(), 0);
        let short = &self.name[..NAME_MAX];
        bytes.extend_from_slice(header(short, EntryType::Regular, length).as_bytes());
        bytes.into()
    }
}

fn header(name: &str, kind: EntryType, length: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_path(name).expect("the name is short");
    header.set_entry_type(kind);
    header.set_size(length);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    header
}

/// The files of a tarball, in order.
#[derive(Default)]
pub(super) struct Layout {
    files: Vec<TarFile>,
}

impl Layout {
    /// Adds a small file.
    pub(super) fn file(&mut self, name: &str, bytes: &[u8]) {
        let content = Content::Bytes(Bytes::copy_from_slice(bytes));
        self.add(name.to_owned(), content);
    }

    /// Adds a manifest at the place of its digest.
    pub(super) fn document(&mut self, document: Document) {
        let Document { digest, length, .. } = document;
        self.add(blob_name(&digest), Content::Document { digest, length });
    }

    /// Adds a blob at the place of its digest.
    pub(super) fn blob(&mut self, blob: Blob) {
        self.add(blob_name(&blob.digest), Content::Blob(blob));
    }

    /// Adds a file.
    pub(super) fn add(&mut self, name: String, content: Content) {
        self.files.push(TarFile::new(name, content));
    }

    /// Ends the tar, which has a file at least.
    pub(super) fn finish(mut self) -> Vec<TarFile> {
        if let Some(last) = self.files.last_mut() {
            last.zeros += END;
        }
        self.files
    }
}

impl Exporter<'_> {
    /// Writes the list of an OCI layout: the image with its name, and what is attached to it without one.
    pub(super) fn index_json(&self, document: &Document, referrers: &[Document]) -> Vec<u8> {
        let describe = |document: &Document| {
            json!({
                "mediaType": document.media_type,
                "digest": document.digest,
                "size": document.length,
            })
        };
        let mut descriptor = describe(document);
        if let Reference::Tag(tag) = self.reference {
            descriptor["annotations"] = json!({
                "io.containerd.image.name": format!("docker.io/{}:{tag}", self.grant.repository()),
                "org.opencontainers.image.ref.name": tag,
            });
        }
        let mut manifests = vec![descriptor];
        manifests.extend(referrers.iter().map(describe));
        json!({ "schemaVersion": 2, "manifests": manifests })
            .to_string()
            .into_bytes()
    }

    /// Is the `manifest.json` of an image whose blobs stand at the places of their digests.
    pub(super) fn manifest_json(&self, manifest: &Manifest) -> Vec<u8> {
        let config = manifest.config.as_ref().map(|c| blob_name(&c.digest));
        let layers = manifest.layers.iter().map(|layer| blob_name(&layer.digest));
        self.saved(config.unwrap_or_default(), layers.collect())
    }

    /// Is the `manifest.json` of an image by the names of its files.
    pub(super) fn saved(&self, config: String, layers: Vec<String>) -> Vec<u8> {
        let repo_tags = match self.reference {
            Reference::Tag(tag) => Some(vec![format!("{}:{tag}", self.grant.repository())]),
            Reference::Digest(_) => None,
        };
        let saved = ToSave {
            config,
            repo_tags,
            layers,
        };
        serde_json::to_vec(&[saved]).expect("names are plain strings")
    }
}
