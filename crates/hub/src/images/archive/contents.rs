//! What was found in a tarball, by name: small documents as they are, layers as stored blobs.

use std::collections::HashMap;

use bytes::Bytes;
use dockyard_oci::Digest;
use dockyard_oci::tar::Entry;

use super::ImportError;
use super::pack::Form;

/// Most entries of a tarball, folders included, and most bytes of their names; real ones have some hundreds.
const ENTRIES_MAX: usize = 20_000;
const NAME_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most layers that are stored; an image has at most 127.
const LAYERS_MAX: usize = 2000;
/// Most bytes of documents that are held at once: many times what real tarballs have.
const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most links followed from one name to the next.
const LINKS_MAX: usize = 8;

/// A layer that is stored.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// Of the blob.
    pub digest: Digest,
    pub size_bytes: u64,
    /// Of the uncompressed layer, computed here; not known of one that came compressed, under its digest.
    pub diff_id: Option<Digest>,
    /// How it stood in the tarball.
    pub form: Form,
    /// Whether the caller could read it before.
    pub reused: bool,
}

impl Layer {
    /// Is the digest of the layer as it stood in the tarball.
    pub(super) const fn original(&self) -> &Digest {
        match (self.form, &self.diff_id) {
            (Form::Plain, Some(diff_id)) => diff_id,
            _ => &self.digest,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum File {
    Document(Bytes),
    Layer(Layer),
}

/// The files and links of a tarball.
#[derive(Debug, Default)]
pub(super) struct Contents {
    files: HashMap<String, File>,
    links: HashMap<String, String>,
    document_bytes: usize,
    entries: usize,
    name_bytes: usize,
    layers: usize,
}

impl Contents {
    /// Counts an entry of the tarball, whatever it is.
    pub(super) fn count(&mut self, entry: &Entry) -> Result<(), ImportError> {
        self.entries += 1;
        self.name_bytes += entry.name.len() + entry.target.len();
        if self.entries > ENTRIES_MAX {
            return Err(ImportError::Bounds("it has too many entries"));
        }
        if self.name_bytes > NAME_BYTES_MAX {
            return Err(ImportError::Bounds("its names are too long together"));
        }
        Ok(())
    }

    /// Keeps a file under its name.
    ///
    /// Errors: the name is taken, or there is too much.
    pub(super) fn insert(&mut self, name: String, file: File) -> Result<(), ImportError> {
        if let File::Document(bytes) = &file {
            self.document_bytes += bytes.len();
            if self.document_bytes > DOCUMENT_BYTES_MAX {
                return Err(ImportError::Bounds("its documents are too large together"));
            }
        }
        if let File::Layer(_) = &file {
            self.layers += 1;
            if self.layers > LAYERS_MAX {
                return Err(ImportError::Bounds("it has too many layers"));
            }
        }
        self.require_free(&name)?;
        self.files.insert(name, file);
        Ok(())
    }

    /// Keeps a link from one name to another.
    pub(super) fn link(&mut self, name: String, target: String) -> Result<(), ImportError> {
        self.require_free(&name)?;
        self.links.insert(name, target);
        Ok(())
    }

    fn require_free(&self, name: &str) -> Result<(), ImportError> {
        if self.files.contains_key(name) || self.links.contains_key(name) {
            let reason = "its name stands in the tarball twice";
            return Err(ImportError::Entry {
                entry: name.to_owned(),
                reason,
            });
        }
        Ok(())
    }

    /// Finds a file by name, through links.
    ///
    /// Errors: `Missing`, with the name at the end of the links.
    pub(super) fn find(&self, name: &str) -> Result<&File, ImportError> {
        let mut at = name;
        for _ in 0..LINKS_MAX {
            if let Some(file) = self.files.get(at) {
                return Ok(file);
            }
            match self.links.get(at) {
                Some(target) => at = target,
                None => break,
            }
        }
        Err(ImportError::Missing(at.to_owned()))
    }

    /// Finds a document by name.
    pub(super) fn document(&self, name: &str) -> Result<&Bytes, ImportError> {
        match self.find(name)? {
            File::Document(bytes) => Ok(bytes),
            File::Layer(_) => Err(ImportError::Document {
                file: name.to_owned(),
                reason: "it is not a JSON document of at most 4 MiB".to_owned(),
            }),
        }
    }

    /// Finds a layer by name.
    pub(super) fn layer(&self, name: &str) -> Result<&Layer, ImportError> {
        match self.find(name)? {
            File::Layer(layer) => Ok(layer),
            File::Document(_) => Err(ImportError::Document {
                file: name.to_owned(),
                reason: "it is not a layer".to_owned(),
            }),
        }
    }
}

/// Resolves a name of a tarball to its plain form, `a/b`.
///
/// Errors: absolute names, and names that climb out of the tarball.
pub(super) fn plain_name(name: &str) -> Result<String, &'static str> {
    resolve("", name)
}

/// Resolves the target of a link that stands at `name`.
pub(super) fn link_target(name: &str, target: &str) -> Result<String, &'static str> {
    resolve(
        name.rsplit_once('/').map_or("", |(folder, _)| folder),
        target,
    )
}

fn resolve(folder: &str, name: &str) -> Result<String, &'static str> {
    if name.starts_with('/') {
        return Err("its name or target is absolute");
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or("its name or target leaves the tarball")?;
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        Err("it has no name")
    } else {
        Ok(parts.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_the_tarball() {
        assert_eq!(plain_name("./a//b/"), Ok("a/b".to_owned()));
        assert_eq!(plain_name("a/../b"), Ok("b".to_owned()));
        assert_eq!(
            link_target("x/layer.tar", "../y/layer.tar"),
            Ok("y/layer.tar".to_owned())
        );
        for bad in ["/etc/passwd", "..", "../a", "a/../../b", "", "./"] {
            assert!(plain_name(bad).is_err(), "{bad}");
        }
        assert!(link_target("layer.tar", "../y").is_err());
    }

    #[test]
    fn links_in_a_circle_lead_nowhere() {
        let mut contents = Contents::default();
        contents.link("a".to_owned(), "b".to_owned()).unwrap();
        contents.link("b".to_owned(), "a".to_owned()).unwrap();
        assert!(matches!(contents.find("a"), Err(ImportError::Missing(_))));
        assert!(contents.link("a".to_owned(), "c".to_owned()).is_err());
    }
}
