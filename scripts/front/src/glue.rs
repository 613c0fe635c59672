//! The WebAssembly module as browsers load it, and the JavaScript that loads it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

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

/// Runs wasm-bindgen. Works in a folder beside `out`.
///
/// wasm-opt is left out: it makes the module smaller but its compressed form, which is what travels,
/// larger.
pub fn make(wasm: &Path, out: &Path) -> Result<Glue> {
    let work = out.with_extension("work");
    remove_folder(&work)?;
    let keep_names = wasm.components().any(|part| part.as_os_str() == "debug");
    Bindgen::new()
        .input_path(wasm)
        .out_name("dockyard")
        .web(true)?
        .typescript(false)
        .remove_name_section(!keep_names)
        .remove_producers_section(true)
        .generate(&work)?;
    if work.join("snippets").exists() {
        bail!(
            "a dependency brings JavaScript files of its own, and the assets have no room for them"
        );
    }
    let made = work.join("dockyard_bg.wasm");
    let glue = Glue {
        wasm: fs::read(&made).with_context(|| format!("cannot read {}", made.display()))?,
        javascript: fs::read_to_string(work.join("dockyard.js"))?,
    };
    remove_folder(&work)?;
    Ok(glue)
}

fn remove_folder(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}
