//! Contents of a tarball by name: small documents in memory, everything else as stored blobs.

use std::collections::HashMap;

use bytes::Bytes;
use dockyard_oci::Digest;
use dockyard_oci::tar::Entry;

use super::ImportError;
use super::pack::Form;

/// Most entries of a tarball, folders included, and most bytes of their names; real ones have some hundreds.
const ENTRIES_MAX: usize = 20_000;
const NAME_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most files that are stored as they come; an image has at most 127 layers.
pub(super) const STORED_MAX: usize = 2000;
/// Most bytes of documents that are held at once: many times what real tarballs have. What is beyond is stored.
const HELD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most links followed from one name to the next.
const LINKS_MAX: usize = 8;

/// A file of the tarball that was stored as a blob.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// Of the blob.
    pub digest: Digest,
    pub size_bytes: u64,
    /// Of the uncompressed layer, computed here; not known of one that came compressed, under its digest.
    pub diff_id: Option<Digest>,
    /// How it stood in the tarball.
    pub form: Form,
    /// True if the blob has the same bytes as the file; otherwise Dockyard compressed the file's content.
    pub is_as_it_stood: bool,
    /// Whether the caller could read it before.
    pub reused: bool,
}

impl Layer {
    /// Digest of the file as it stood in the tarball; `None` of one that was compressed in another way.
    pub(super) const fn original(&self) -> Option<&Digest> {
        match (self.is_as_it_stood, self.form) {
            (true, _) => Some(&self.digest),
            (false, Form::Plain) => self.diff_id.as_ref(),
            (false, _) => None,
        }
    }
}

/// A file of the tarball. Only a manifest says what a file is: how it is kept is no more than a guess at what will be done
/// with it.
#[derive(Debug, Clone)]
pub(super) enum File {
    /// Small, and like a document.
    Held(Bytes),
    Stored(Layer),
}

/// The files and links of a tarball.
#[derive(Debug, Default)]
pub(super) struct Contents {
    files: HashMap<String, File>,
    links: HashMap<String, String>,
    held_bytes: usize,
    entries: usize,
    name_bytes: usize,
    stored: usize,
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

    /// Tells whether so many bytes more of documents may be held.
    pub(super) const fn can_hold(&self, bytes: usize) -> bool {
        self.held_bytes + bytes <= HELD_BYTES_MAX
    }

    /// Keeps a file under its name.
    ///
    /// Errors: the name is taken by something else, or there is too much.
    pub(super) fn insert(&mut self, name: String, file: File) -> Result<(), ImportError> {
        match &file {
            File::Held(bytes) => self.held_bytes += bytes.len(),
            File::Stored(_) => {
                self.stored += 1;
                if self.stored > STORED_MAX {
                    return Err(ImportError::Bounds("it has too many layers"));
                }
            }
        }
        let is_same = match (self.files.get(&name), &file) {
            (None, _) => !self.links.contains_key(&name),
            (Some(File::Held(before)), File::Held(now)) => before == now,
            (Some(File::Stored(before)), File::Stored(now)) => before.digest == now.digest,
            (Some(_), _) => false,
        };
        if !is_same {
            return Err(twice(&name));
        }
        self.files.insert(name, file);
        Ok(())
    }

    /// Keeps a link from one name to another.
    ///
    /// Errors: the name is taken by something else.
    pub(super) fn link(&mut self, name: String, target: String) -> Result<(), ImportError> {
        let is_same = self.links.get(&name).is_none_or(|before| *before == target);
        if !is_same || self.files.contains_key(&name) {
            return Err(twice(&name));
        }
        self.links.insert(name, target);
        Ok(())
    }

    /// Tells whether the tarball is one of docker's before 1.10.
    pub(super) fn is_of_old_docker(&self) -> bool {
        self.files.contains_key("repositories")
    }

    /// Finds a file by name, through links.
    ///
    /// Errors: `Missing`, with the name at the end of the links.
    pub(super) fn find(&self, name: &str) -> Result<&File, ImportError> {
        let place = self.place(name);
        let file = self.files.get(place);
        file.ok_or_else(|| ImportError::Missing(place.to_owned()))
    }

    /// Follows links to the name at their end.
    pub(super) fn place<'a>(&'a self, name: &'a str) -> &'a str {
        let mut at = name;
        for _ in 0..LINKS_MAX {
            match self.links.get(at) {
                Some(target) => at = target,
                None => break,
            }
        }
        at
    }
}

fn twice(name: &str) -> ImportError {
    ImportError::Entry {
        entry: name.to_owned(),
        reason: "its name stands in the tarball twice, with different content",
    }
}

/// Resolves a name of a tarball to its plain form, `a/b`; an absolute one begins at the tarball's root.
///
/// `None` for what leaves the tarball, or names nothing.
pub(super) fn plain_name(name: &str) -> Option<String> {
    resolve("", name)
}

/// Resolves the target of a symbolic link that stands at `name`.
pub(super) fn link_target(name: &str, target: &str) -> Option<String> {
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    resolve(if target.starts_with('/') { "" } else { folder }, target)
}

fn resolve(folder: &str, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_the_tarball() {
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(plain_name("./a//b/"), some("a/b"));
        assert_eq!(plain_name("/a/../b"), some("b"));
        assert_eq!(
            link_target("x/layer.tar", "../y/layer.tar"),
            some("y/layer.tar")
        );
        assert_eq!(link_target("x/layer.tar", "/y"), some("y"));
        for bad in ["..", "../a", "a/../../b", "", "./", "/"] {
            assert_eq!(plain_name(bad), None, "{bad}");
        }
        assert_eq!(link_target("layer.tar", "../y"), None);
    }

    #[test]
    fn links_in_a_circle_lead_nowhere() {
        let mut contents = Contents::default();
        contents.link("a".to_owned(), "b".to_owned()).unwrap();
        contents.link("b".to_owned(), "a".to_owned()).unwrap();
        assert!(matches!(contents.find("a"), Err(ImportError::Missing(_))));
        assert!(contents.link("a".to_owned(), "b".to_owned()).is_ok());
        assert!(contents.link("a".to_owned(), "c".to_owned()).is_err());
    }

    #[test]
    fn a_name_has_one_content() {
        let mut contents = Contents::default();
        let held = |text: &'static str| File::Held(Bytes::from_static(text.as_bytes()));
        contents.insert("a".to_owned(), held("x")).unwrap();
        assert!(contents.insert("a".to_owned(), held("x")).is_ok());
        assert!(contents.insert("a".to_owned(), held("y")).is_err());
        assert!(contents.link("a".to_owned(), "b".to_owned()).is_err());
    }
}
