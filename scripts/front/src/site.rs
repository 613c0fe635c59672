//! The folder that is served: hashed names, compressed copies, the manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// From plain names to hashed ones.
const MANIFEST: &str = "manifest.json";

/// Hexadecimal digits of the content's SHA-256 in a name: 48 bits tell a few dozen files apart.
const HASH_DIGITS: usize = 12;

/// A compressed copy must save at least this share of the file, in percent, to be worth having.
const WORTHWHILE_PERCENT: usize = 5;

/// Whether compressed copies are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As small as Brotli and gzip can.
    Best,
    /// Not at all.
    None,
}

/// A folder of assets in the making.
pub struct Site {
    out: PathBuf,
    compression: Compression,
    names: BTreeMap<String, String>,
    /// Every file that belongs into the folder.
    files: BTreeSet<String>,
    summary: Vec<String>,
}

impl Site {
    /// Opens the folder, which may hold an older edition.
    pub fn new(out: &Path, compression: Compression) -> Result<Self> {
        fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
        Ok(Self {
            out: out.to_owned(),
            compression,
            names: BTreeMap::new(),
            files: BTreeSet::new(),
            summary: Vec::new(),
        })
    }

    /// Stores a file, with its compressed copies, and returns its hashed name.
    pub fn add(&mut self, name: &str, data: &[u8]) -> Result<String> {
        let hashed = hashed_name(name, data);
        if self.names.insert(name.to_owned(), hashed.clone()).is_some() {
            bail!("two files are called {name}");
        }
        self.write(&hashed, data)?;
        if self.compression == Compression::Best {
            let brotli = self.write_compressed(&format!("{hashed}.br"), data, brotli)?;
            self.write_compressed(&format!("{hashed}.gz"), data, gzip)?;
            if let Some(size) = brotli {
                self.summary
                    .push(format!("{name} {} kB", size.div_ceil(1000)));
            }
        }
        Ok(hashed)
    }

    /// Is the hashed name of a file that was added.
    pub fn hashed(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(String::as_str)
    }

    /// Writes the manifest, removes what does not belong, and returns a line for people.
    pub fn finish(mut self) -> Result<String> {
        let manifest = serde_json::to_vec_pretty(&self.names)?;
        self.write(MANIFEST, &manifest)?;
        for entry in fs::read_dir(&self.out)? {
            let entry = entry?;
            if !self
                .files
                .contains(entry.file_name().to_string_lossy().as_ref())
            {
                fs::remove_file(entry.path())
                    .with_context(|| format!("cannot remove {}", entry.path().display()))?;
            }
        }
        Ok(format!(
            "{} files; {}",
            self.names.len(),
            self.summary.join(", ")
        ))
    }

    /// Writes a file unless it is there already: compilers look at its time.
    fn write(&mut self, name: &str, data: &[u8]) -> Result<()> {
        let path = self.out.join(name);
        self.files.insert(name.to_owned());
        if fs::read(&path).is_ok_and(|old| old == data) {
            return Ok(());
        }
        // Half a file is never found under a name that counts.
        let unfinished = self.out.join(format!("{name}.new"));
        fs::write(&unfinished, data)
            .and_then(|()| fs::rename(&unfinished, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes a compressed copy when it is worthwhile, and returns its size in bytes.
    fn write_compressed(
        &mut self,
        name: &str,
        data: &[u8],
        compress: fn(&[u8]) -> Result<Vec<u8>>,
    ) -> Result<Option<usize>> {
        // The name says what is in it, so a copy of an earlier run is as good as a new one.
        if let Ok(known) = fs::metadata(self.out.join(name)) {
            self.files.insert(name.to_owned());
            return Ok(Some(usize::try_from(known.len())?));
        }
        let compressed = compress(data)?;
        if compressed.len() * 100 > data.len() * (100 - WORTHWHILE_PERCENT) {
            return Ok(None);
        }
        self.write(name, &compressed)?;
        Ok(Some(compressed.len()))
    }
}

/// Whether the folder has a manifest and every file named in it.
pub fn is_whole(out: &Path) -> bool {
    let Ok(manifest) = fs::read(out.join(MANIFEST)) else {
        return false;
    };
    serde_json::from_slice::<BTreeMap<String, String>>(&manifest)
        .is_ok_and(|names| names.values().all(|name| out.join(name).is_file()))
}

/// Is `main.css` with a piece of its content's hash in it: `main-0123456789ab.css`.
fn hashed_name(name: &str, data: &[u8]) -> String {
    let hash = &hex(&Sha256::digest(data))[..HASH_DIGITS];
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}-{hash}.{extension}"),
        None => format!("{name}-{hash}"),
    }
}

/// Is the bytes in lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn gzip(data: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(data)?;
    Ok(encoder.finish()?)
}

fn brotli(data: &[u8]) -> Result<Vec<u8>> {
    /// Bytes that are compressed at a time.
    const BUFFER_BYTES: usize = 1 << 16;
    /// The best that Brotli offers.
    const QUALITY: u32 = 11;
    /// A window of 4 MiB, the widest that every browser takes, in powers of two.
    const WINDOW: u32 = 22;
    let mut out = Vec::new();
    brotli::CompressorReader::new(data, BUFFER_BYTES, QUALITY, WINDOW).read_to_end(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn puts_a_piece_of_the_hash_before_the_extension() {
        assert_eq!(hashed_name("main.css", b""), "main-e3b0c44298fc.css");
        assert_eq!(hashed_name("a.b.js", b"x"), "a.b-2d711642b726.js");
        assert_eq!(hashed_name("LICENSE", b""), "LICENSE-e3b0c44298fc");
    }

    #[test]
    fn compresses_only_what_shrinks() {
        let folder = tempfile::tempdir().unwrap();
        let mut site = Site::new(folder.path(), Compression::Best).unwrap();
        let text = site.add("a.css", &b"a { top: 0 }\n".repeat(50)).unwrap();
        let random = site.add("b.woff2", &Sha256::digest(b"x")).unwrap();
        site.finish().unwrap();
        let mut expected = vec![
            text.clone(),
            format!("{text}.br"),
            format!("{text}.gz"),
            random,
            MANIFEST.to_owned(),
        ];
        expected.sort();
        assert_eq!(names_in(folder.path()), expected);
        assert!(is_whole(folder.path()));
    }

    #[test]
    fn compressed_copies_unpack_to_the_file() {
        let data = b"to and fro ".repeat(500);
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&gzip(&data).unwrap()[..])
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, data);
        unpacked.clear();
        let packed = brotli(&data).unwrap();
        brotli::Decompressor::new(&packed[..], 4096)
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, data);
    }

    #[test]
    fn removes_the_files_of_an_older_edition() {
        let folder = tempfile::tempdir().unwrap();
        for content in ["old", "new"] {
            let mut site = Site::new(folder.path(), Compression::None).unwrap();
            site.add("a.txt", content.as_bytes()).unwrap();
            site.finish().unwrap();
        }
        let expected = [hashed_name("a.txt", b"new"), MANIFEST.to_owned()];
        assert_eq!(names_in(folder.path()), expected);
    }

    #[test]
    fn notices_that_a_file_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_whole(folder.path()));
        let mut site = Site::new(folder.path(), Compression::None).unwrap();
        let name = site.add("a.txt", b"a").unwrap();
        site.finish().unwrap();
        fs::remove_file(folder.path().join(name)).unwrap();
        assert!(!is_whole(folder.path()));
    }
}
