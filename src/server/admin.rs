//! `dockyard admin`: looking after the data from the command line.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Instant;

use dockyard_hub::Caretaker;
use dockyard_hub::images::{Collected, Mode, Problem, Repair, Verified};

use super::config::{
    AdminCommand, AdminSettings, DataArgs, GcArgs, KeepArgs, LogFormat, VerifyArgs,
};
use super::serve::start_log;

/// Runs a command; 1 is the exit code when something is wrong with the data.
pub async fn run(command: AdminCommand) -> anyhow::Result<ExitCode> {
    match command {
        AdminCommand::Gc(args) => gc(args).await,
        AdminCommand::Verify(args) => verify(args).await,
    }
}

async fn open(data: DataArgs, keep: &KeepArgs) -> anyhow::Result<(Caretaker, AdminSettings)> {
    let settings = AdminSettings::resolve(data, keep)?;
    Ok((Caretaker::open(settings.data.clone()).await?, settings))
}

async fn gc(args: GcArgs) -> anyhow::Result<ExitCode> {
    start_log(LogFormat::Text);
    let (caretaker, settings) = open(args.data, &args.keep).await?;
    let mode = if args.dry_run {
        Mode::DryRun
    } else {
        Mode::Collect
    };
    let started = Instant::now();
    let collected = caretaker
        .collector
        .collect(settings.collector, mode)
        .await?;
    print_collected(mode, &collected, started.elapsed().as_secs_f64());
    caretaker.close().await;
    Ok(match collected.failures {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn print_collected(mode: Mode, collected: &Collected, secs: f64) {
    let Collected {
        manifests,
        links,
        blobs,
        uploads,
        orphans,
        freed_bytes,
        waiting,
        failures,
    } = collected;
    let (verb, freed) = match mode {
        Mode::Collect => ("deleted", "freed"),
        Mode::DryRun => ("would delete", "would free"),
    };
    println!("{verb} {manifests} manifests that nothing refers to");
    println!("{verb} {links} links from repositories to blobs that they no longer use");
    println!("{verb} {blobs} blobs that no repository uses");
    println!("{verb} {uploads} uploads that were given up");
    println!("{verb} {orphans} objects that nothing stands behind");
    println!("{freed} {freed_bytes} bytes in {secs:.1} s");
    if *waiting > 0 {
        println!("{waiting} more are unreferenced, but not yet for long enough");
    }
    if *failures > 0 {
        println!(
            "{failures} could not be handled, for the reasons above: the next pass tries again"
        );
    }
}

async fn verify(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let (caretaker, _) = open(args.data, &KeepArgs::default()).await?;
    let repair = if args.repair { Repair::Yes } else { Repair::No };
    let started = Instant::now();
    if std::io::stderr().is_terminal() {
        eprintln!("reading everything that is stored; problems are told as they are found");
    }
    let mut tell = |problem: &Problem| println!("{problem}");
    let verified = caretaker.verifier.verify(repair, &mut tell).await?;
    caretaker.close().await;
    let Verified {
        blobs,
        bytes,
        manifests,
        problems,
        repaired,
    } = verified;
    let secs = started.elapsed().as_secs_f64();
    println!("checked {blobs} blobs ({bytes} bytes) and {manifests} manifests in {secs:.1} s");
    let left = problems - repaired;
    match (problems, left) {
        (0, _) => println!("everything is as it should be"),
        (_, 0) => println!("{problems} problems found, all repaired"),
        _ => println!("{problems} problems found, {repaired} repaired, {left} left"),
    }
    Ok(if left == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
