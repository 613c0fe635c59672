//! `dockyard admin`: looking after the data from the command line.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use dockyard_hub::Caretaker;
use dockyard_hub::backup::{self, DamagedBlob, Progress, Told};
use dockyard_hub::images::{Collected, Mode, Problem, Repair, Verified};
use dockyard_oci::UserName;

use super::config::{
    AdminCommand, AdminSettings, BackupArgs, DataArgs, GcArgs, KeepArgs, LogFormat, RestoreArgs,
    RotateKeysArgs, VerifyArgs,
};
use super::serve::start_log;

/// How often is shown how far it is.
const SHOWN_EVERY: Duration = Duration::from_millis(200);

/// Runs a command; 1 is the exit code when something is wrong with the data.
pub async fn run(command: AdminCommand) -> anyhow::Result<ExitCode> {
    match command {
        AdminCommand::Gc(args) => gc(args).await,
        AdminCommand::Verify(args) => verify(args).await,
        AdminCommand::Backup(args) => Box::pin(back_up(args)).await,
        AdminCommand::Restore(args) => restore(args).await,
        AdminCommand::RotateKeys(args) => rotate_keys(args).await,
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
    let collected = caretaker.collector.collect_now(settings.collector, mode);
    let collected = collected.await?.context(
        "a backup is being made: try again when it is done (of one that was killed, five minutes later)",
    )?;
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

async fn rotate_keys(args: RotateKeysArgs) -> anyhow::Result<ExitCode> {
    start_log(LogFormat::Text);
    let (caretaker, _) = open(args.data, &KeepArgs::default()).await?;
    let rotated = caretaker.rotate_keys().await;
    caretaker.close().await;
    rotated?;
    println!(
        "made new keys: running servers take them up within 30 seconds, and clients log in again by themselves"
    );
    println!(
        "links to make the first administrator are worthless now: the next start prints another"
    );
    Ok(ExitCode::SUCCESS)
}

async fn back_up(args: BackupArgs) -> anyhow::Result<ExitCode> {
    start_log(LogFormat::Text);
    let (caretaker, _) = open(args.data, &KeepArgs::default()).await?;
    let mut show = Show::new();
    let mut tell = |told: Told<'_>| show.tell(&told);
    let done = caretaker.back_up(&args.to, &mut tell).await;
    caretaker.close().await;
    show.end();
    Ok(summed_up(&done?, "the backup in", &args.to, show.since))
}

async fn restore(args: RestoreArgs) -> anyhow::Result<ExitCode> {
    start_log(LogFormat::Text);
    let settings = AdminSettings::resolve(args.data, &KeepArgs::default())?;
    let folder = settings.data.data_dir.clone();
    let mut show = Show::new();
    let done = backup::restore(settings.data, &args.from, &mut |told| show.tell(&told)).await;
    show.end();
    Ok(summed_up(&done?, "restored to", &folder, show.since))
}

fn summed_up(done: &Progress, what: &str, folder: &Path, since: Instant) -> ExitCode {
    let Progress {
        of_blobs,
        copied,
        copied_bytes,
        damaged,
        ..
    } = done;
    let secs = since.elapsed().as_secs_f64();
    println!(
        "{what} {}: {of_blobs} blobs, of which {copied} were copied ({copied_bytes} bytes), in {secs:.1} s",
        folder.display()
    );
    if *damaged == 0 {
        return ExitCode::SUCCESS;
    }
    println!(
        "{damaged} blobs are not whole and were left out: a push of their images puts them back"
    );
    ExitCode::FAILURE
}

/// Shows how far it is, to whoever looks.
struct Show {
    since: Instant,
    shown: Instant,
    is_terminal: bool,
}

impl Show {
    fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self {
            since: Instant::now(),
            shown: Instant::now(),
            is_terminal,
        }
    }

    fn tell(&mut self, told: &Told<'_>) {
        match told {
            Told::Waiting => {
                if self.is_terminal {
                    eprint!("\rwaiting for the collector, or another backup\x1b[K");
                }
            }
            Told::Progress(progress) => {
                if self.is_terminal && self.shown.elapsed() >= SHOWN_EVERY {
                    self.shown = Instant::now();
                    let Progress {
                        blobs, of_blobs, ..
                    } = progress;
                    let copied = progress.copied_bytes / 1_000_000;
                    eprint!("\r{blobs} of {of_blobs} blobs, {copied} MB copied\x1b[K");
                }
            }
            Told::Administrators([]) => println!("nobody is an administrator in this backup"),
            Told::Administrators(names) => {
                let names: Vec<&str> = names.iter().map(UserName::as_str).collect();
                println!("administrators in this backup: {}", names.join(", "));
            }
            Told::Damaged(DamagedBlob { digest, what }) => {
                self.end();
                println!("blob {digest} is not whole: {what}");
            }
        }
    }

    /// Takes the line away that says how far it is.
    fn end(&self) {
        if self.is_terminal {
            eprint!("\r\x1b[K");
        }
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
