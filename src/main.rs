//! The server's command line: `dockyard serve`, `dockyard admin`.

use std::process::ExitCode;

use clap::Parser;
use dockyard::server::{self, config::Cli};
use rustix::fs::Mode;

/// Gives memory back after a burst: with the system's allocator, many requests at once left some hundred
/// megabytes behind.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // Whatever is made is for its owner alone: data, backups, and what a library writes beside them.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::from(error)),
    };
    match runtime.block_on(server::run(cli)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("dockyard: {error:#}");
    ExitCode::FAILURE
}
