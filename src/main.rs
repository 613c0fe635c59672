//! The server's command line: `dockyard serve`, `dockyard admin`.

use std::process::ExitCode;

use clap::Parser;
use dockyard::server::{self, config::Cli};

/// Gives memory back after a burst: with the system's allocator, many requests at once left some hundred
/// megabytes behind.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
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
