//! Makes the folder of the pages' assets from the compiled browser half, the style sheets and `public/`.
//!
//! Everything lies flat in the output folder under hashed names, with a compressed copy beside each
//! file that shrinks, and `manifest.json` from plain names to hashed ones. When no input changed
//! since the last run, nothing is done.

mod css;
mod glue;
mod inputs;
mod site;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::inputs::Inputs;
use crate::site::{Compression, Site};

const USAGE: &str = "\
usage: front --wasm FILE --style DIR --public DIR --out DIR [--no-compression]

  --wasm FILE          the browser half as the compiler left it
  --style DIR          main.css and the sheets that it imports
  --public DIR         files to serve as they are
  --out DIR            the folder to make; what else lies in it is removed
  --no-compression     leaves the compressed copies out (quicker, for development)
";

/// What the command line asks for.
struct Options {
    wasm: PathBuf,
    style: PathBuf,
    public: PathBuf,
    out: PathBuf,
    compression: Compression,
}

fn main() -> ExitCode {
    let options = match parse(lexopt::Parser::from_env()) {
        Ok(options) => options,
        Err(error) => {
            eprint!("front: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("front: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut arguments: lexopt::Parser) -> Result<Options, lexopt::Error> {
    use lexopt::prelude::{Long, ValueExt};

    let (mut wasm, mut style, mut public, mut out) = (None, None, None, None);
    let mut compression = Compression::Best;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("wasm") => wasm = Some(arguments.value()?.parse()?),
            Long("style") => style = Some(arguments.value()?.parse()?),
            Long("public") => public = Some(arguments.value()?.parse()?),
            Long("out") => out = Some(arguments.value()?.parse()?),
            Long("no-compression") => compression = Compression::None,
            other => return Err(other.unexpected()),
        }
    }
    Ok(Options {
        wasm: wasm.ok_or("--wasm is missing")?,
        style: style.ok_or("--style is missing")?,
        public: public.ok_or("--public is missing")?,
        out: out.ok_or("--out is missing")?,
        compression,
    })
}

fn run(options: &Options) -> Result<()> {
    let inputs = Inputs::read(options)?;
    if inputs.made_before(&options.out) {
        return Ok(());
    }
    let mut site = Site::new(&options.out, options.compression)?;
    for (name, data) in &inputs.public {
        site.add(name, data)?;
    }
    let sheet = css::inline(&inputs.style)?;
    let sheet = css::rewrite_urls(&sheet, |name| site.hashed(name).map(str::to_owned))?;
    site.add("main.css", sheet.as_bytes())?;

    let glue = glue::make(&options.wasm, &options.out)
        .with_context(|| format!("cannot make the glue of {}", options.wasm.display()))?;
    let wasm_name = site.add("dockyard.wasm", &glue.wasm)?;
    site.add("dockyard.js", glue.javascript_for(&wasm_name).as_bytes())?;

    let summary = site.finish()?;
    inputs.remember(&options.out)?;
    eprintln!("front: {summary}");
    Ok(())
}
