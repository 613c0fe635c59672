//! The WebAssembly module as browsers load it, and the JavaScript that loads it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use crate::site::hex;

/// A module and its loader.
pub struct Glue {
    pub wasm: Vec<u8>,
    javascript: String,
}

impl Glue {
    /// Is the loader, with the module's address beside it set to `wasm_name`.
    pub fn javascript_for(&self, wasm_name: &str) -> String {
        self.javascript.replace("dockyard_bg.wasm", wasm_name)
    }
}

/// Runs wasm-bindgen in a folder beside `out`, which keeps its output: the same module is not processed again, so that a
/// change of a style sheet takes no time.
///
/// wasm-opt is left out: it makes the module smaller but its compressed form, which is what travels,
/// larger.
pub fn make(wasm: &Path, out: &Path) -> Result<Glue> {
    let work = out.with_extension("glue");
    let stamp = work.join("made-from");
    let fingerprint = fingerprint(wasm)?;
    if fs::read_to_string(&stamp).ok().as_ref() != Some(&fingerprint) {
        remove_folder(&work)?;
        bind(wasm, &work)?;
        fs::write(&stamp, &fingerprint)?;
    }
    let made = work.join("dockyard_bg.wasm");
    Ok(Glue {
        wasm: fs::read(&made).with_context(|| format!("cannot read {}", made.display()))?,
        javascript: fs::read_to_string(work.join("dockyard.js"))?,
    })
}

/// Hashes what the output depends on: the module, and this program.
fn fingerprint(wasm: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for path in [&std::env::current_exe()?, wasm] {
        let data = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        hash.update(Sha256::digest(data));
    }
    Ok(hex(&hash.finalize()))
}

fn bind(wasm: &Path, work: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(wasm)
        .out_name("dockyard")
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(work)?;
    if work.join("snippets").exists() {
        bail!(
            "a dependency brings JavaScript files of its own, and the assets have no room for them"
        );
    }
    Ok(())
}

fn remove_folder(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}
