//! What pushing and pulling have in common.

use anyhow::{Result, anyhow, bail};
use dockyard_oci::{ImageName, Reference, Tag};

use super::Session;
use crate::progress::take_back_ctrl_c;

/// Reads the name of an image, with or without the server's.
pub fn image_name(session: &Session, name: &str) -> Result<ImageName> {
    let image = session.without_host(name)?;
    image.parse().map_err(|error| anyhow!("{image}: {error}"))
}

/// Is the tag that is meant when none is said.
pub fn latest() -> Reference {
    Reference::Tag("latest".parse::<Tag>().expect("latest is a tag"))
}

/// Ends the work on a signal, so that unfinished files and bars are cleared away.
pub async fn interruptible<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        () = told_to_stop() => bail!("interrupted: run it again, and what is there already is not sent twice"),
    }
}

/// Waits for Ctrl-C or, from a script or a system that shuts down, SIGTERM.
#[cfg(unix)]
async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => take_back_ctrl_c(),
                _ = terminate.recv() => (),
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

#[cfg(not(unix))]
async fn told_to_stop() {
    drop(tokio::signal::ctrl_c().await);
}
