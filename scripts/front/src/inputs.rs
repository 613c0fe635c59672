//! What the assets are made of, and whether it changed since they were made.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::Options;
use crate::site::{self, hex};

/// Everything the assets depend on.
pub struct Inputs {
    /// Name and text of each style sheet.
    pub style: BTreeMap<String, String>,
    /// Name and content of each file to serve as it is.
    pub public: BTreeMap<String, Vec<u8>>,
    fingerprint: String,
}

impl Inputs {
    /// Reads the folders named by `options`. Hidden files are not part of them.
    pub fn read(options: &Options) -> Result<Self> {
        let style = read_folder(&options.style)?;
        let public = read_folder(&options.public)?;
        let mut hash = Sha256::new();
        // A new version of this program may make something else of the same inputs.
        for path in [&std::env::current_exe()?, &options.wasm] {
            hash.update(Sha256::digest(read(path)?));
        }
        hash.update(format!("{:?}", options.compression));
        for (name, data) in style.iter().chain(&public) {
            hash.update(format!("\n{name} {}", data.len()));
            hash.update(data);
        }
        let style = style
            .into_iter()
            .map(|(name, data)| Ok((name, String::from_utf8(data)?)));
        Ok(Self {
            style: style
                .collect::<Result<_>>()
                .context("a style sheet is not UTF-8")?,
            public,
            fingerprint: hex(&hash.finalize()),
        })
    }

    /// Whether `out` was made from the same inputs and is still whole.
    pub fn made_before(&self, out: &Path) -> bool {
        let remembered = fs::read_to_string(stamp(out)).unwrap_or_default();
        remembered == self.fingerprint && site::is_whole(out)
    }

    /// Records that `out` was made from these inputs.
    pub fn remember(&self, out: &Path) -> Result<()> {
        fs::write(stamp(out), &self.fingerprint).context("cannot write the stamp")
    }
}

/// The stamp lies beside the folder: whatever is in the folder is served.
fn stamp(out: &Path) -> PathBuf {
    out.with_extension("stamp")
}

fn read_folder(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && entry.file_type()?.is_file() {
            files.insert(name, read(&entry.path())?);
        }
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
