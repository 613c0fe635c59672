//! Files and folders for their owner alone: they hold images, hashes of passwords, and keys.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use tracing::warn;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Makes a folder with those above it, unless it is there.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(folder)
}

/// Makes a folder of Dockyard's own, or takes the rights of others away from one that is there.
pub(crate) fn claim_folder(folder: &Path) -> io::Result<()> {
    make_folder(folder)?;
    let is_private = !has(folder, Mode::RWXG | Mode::RWXO)?;
    if is_private {
        return Ok(());
    }
    if let Err(error) = fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE)) {
        let folder = folder.display();
        warn!(%folder, %error, "others on this machine may look into the data folder, and their rights can't be taken away");
    }
    Ok(())
}

/// Says how files are made: readable by their owner.
pub(crate) fn file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(FILE_MODE);
    options
}

/// Makes an empty file, unless it is there.
pub(crate) fn make_file(file: &Path) -> io::Result<()> {
    match file_options().create_new(true).open(file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Opens a plain file to read it. Links are not followed, and nothing else that lies there is waited for.
pub(crate) fn open_plain(file: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let other = || io::Error::new(io::ErrorKind::NotFound, "not a plain file");
    let mut options = OpenOptions::new();
    let opened = options.read(true).custom_flags(flags).open(file);
    let opened = opened.map_err(|error| match error.raw_os_error() {
        Some(code) if code == Errno::LOOP.raw_os_error() => other(),
        _ => error,
    })?;
    if opened.metadata()?.is_file() {
        return Ok(opened);
    }
    Err(other())
}

/// Tells whether others than its owner may write to a folder.
pub(crate) fn is_open_to_others(folder: &Path) -> bool {
    has(folder, Mode::WGRP | Mode::WOTH).unwrap_or(false)
}

/// Tells whether a folder gives any of some rights.
fn has(folder: &Path, rights: Mode) -> io::Result<bool> {
    let mode = Mode::from_raw_mode(fs::metadata(folder)?.mode());
    Ok(mode.intersects(rights))
}
