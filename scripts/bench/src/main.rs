//! Measures Dockyard beside Debian's docker-registry, in turns, and its tarballs beside pigz, and writes tables of
//! ratios.
//!
//!   bench --dockyard PROGRAM --folder DIR --out FILE.md [--rounds N] [--small]
//!   bench --soak SECS --dockyard PROGRAM --folder DIR --out FILE.md     honest clients beside hostile ones
//!
//! Tokens are on for Dockyard, and off for docker-registry, which has none of its own. Both write to
//! the same disk; what they acknowledge is durable (docker-registry syncs each file since 2.8).

mod http;
mod load;
mod populate;
mod rate;
mod report;
mod rows;
mod server;
mod soak;
mod tarballs;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use report::Report;
use rows::Bench;

struct Options {
    dockyard: PathBuf,
    folder: PathBuf,
    out: PathBuf,
    rounds: usize,
    /// Sizes for trying the program out.
    small: bool,
    /// Seconds of each half of a soak test, which is then all that is run.
    soak: Option<u64>,
}

fn options() -> Result<Options> {
    let mut options = Options {
        dockyard: PathBuf::new(),
        folder: PathBuf::new(),
        out: PathBuf::new(),
        rounds: 3,
        small: false,
        soak: None,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--dockyard" => options.dockyard = std::fs::canonicalize(value()?)?,
            "--folder" => options.folder = value()?.into(),
            "--out" => options.out = value()?.into(),
            "--rounds" => options.rounds = value()?.parse()?,
            "--soak" => options.soak = Some(value()?.parse()?),
            "--small" => options.small = true,
            other => bail!("unknown argument {other}"),
        }
    }
    Ok(options)
}

fn main() -> Result<()> {
    let options = options()?;
    if let Some(secs) = options.soak {
        let extent = soak::Extent {
            hostile: 200,
            honest: 20,
            secs,
        };
        let text = soak::run(&options.dockyard, &options.folder, extent)?;
        print!("{text}");
        std::fs::write(&options.out, text)?;
        return Ok(());
    }
    let mut bench = Bench::start(&options.dockyard, &options.folder, options.small)?;
    let mut report = Report::beside("docker-registry");
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        bench.round(round, &mut report)?;
    }
    bench.lists(&mut report)?;
    bench.memory(&mut report);
    drop(bench);
    rows::starts(
        &options.dockyard,
        &options.folder,
        options.rounds,
        &mut report,
    )?;
    let mut tarballs = Report::beside("the other");
    tarballs::measure(
        &options.dockyard,
        &options.folder,
        options.rounds,
        options.small,
        &mut tarballs,
    )?;
    let text = report::document(&report, &tarballs, options.rounds);
    print!("{text}");
    std::fs::write(&options.out, text)?;
    Ok(())
}
