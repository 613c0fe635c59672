//! `mydocker`: signs in to a Dockyard and moves images between it, the local engine and tarballs.
//!
//! This file owns the exit codes: 0, 1 with one line on stderr, 2 for wrong usage (from clap).

mod address;
mod answers;
mod args;
mod client;
mod commands;
mod config;
mod engine;
mod failure;
mod images_of;
mod output;
mod part;
mod password;
mod progress;
mod proxy;
mod tarball;
mod text;
mod thin;
mod verify;

use std::path::Path;
use std::process::exit;

use clap::Parser;

use crate::args::Arguments;
use crate::commands::docker;

fn main() {
    let program = std::env::args_os().next().unwrap_or_default();
    if Path::new(&program).file_stem() == Some(docker::PROGRAM.as_ref()) {
        answer_docker();
    }
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the runtime starts with the threads of any process");
    let outcome = runtime.block_on(commands::run(arguments));
    // Leaves at once: a blocked read of stdin would otherwise hold the runtime's end.
    match outcome {
        Ok(()) => exit(0),
        Err(error) => {
            eprintln!("mydocker: {}", text::one_line(&error.to_string()));
            exit(1);
        }
    }
}

/// Ends as docker expects of a credential helper: what is wrong goes to standard output.
fn answer_docker() -> ! {
    match docker::answer(std::env::args().nth(1).as_deref()) {
        Ok(()) => exit(0),
        Err(error) => {
            println!("{}", text::one_line(&error.to_string()));
            exit(1);
        }
    }
}
