//! Images: pushing and pulling them.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use dockyard_oci::{ImageName, Reference, Tag};
use serde_json::json;

use super::Session;
use crate::answers::{Import, ImportedImage};
use crate::args::{Pull, Push};
use crate::client::Download;
use crate::engine::Engine;
use crate::output::Output;
use crate::progress::{ByteStream, Cut, Progress, Screen, Size};
use crate::tarball::{self, Target};
use crate::text;
use crate::thin::{Thinned, thin};

pub async fn push(session: &Session, args: Push) -> Result<()> {
    let mut image = image_name(session, &args.image)?;
    if let Some(Reference::Digest(_)) = image.reference {
        bail!(
            "{image} names a digest, which follows from the content: push to a tag, as in \
            alice/app:v1"
        );
    }
    let file = match &args.file {
        Some(path) => Some(tarball::read(path).await?),
        None => None,
    };
    let (client, _) = session.signed_in().await?;
    let (stream, size) = if let Some(file) = file {
        file
    } else {
        image.reference.get_or_insert(latest());
        from_engine(session, &image).await?
    };
    let label = format!("Pushing {image} to {}", session.server);
    let progress = Progress::start(session.output.screen(), &label, size);
    let thinned = thin(progress.watch(stream), size, client.clone()).await?;
    let Thinned {
        stream,
        size,
        left_out,
    } = thinned;
    let import = interruptible(client.upload(&image, stream, size)).await?;
    progress.finish_push(left_out.bytes());
    report(session, &import);
    Ok(())
}

pub async fn pull(session: &Session, args: Pull) -> Result<()> {
    let mut image = image_name(session, &args.image)?;
    image.reference.get_or_insert(latest());
    let platform = args.platform.as_deref();
    if platform == Some("all") && args.output.is_none() {
        bail!("an engine takes the image for one machine: add --output FILE for all of them");
    }
    match &args.output {
        Some(path) => interruptible(to_file(session, &image, platform, path)).await,
        None => interruptible(to_engine(session, &image, platform)).await,
    }
}

/// Opens the stream of an image in the engine, under the first name that it is known by.
async fn from_engine(session: &Session, image: &ImageName) -> Result<(ByteStream, Size)> {
    let engine = Engine::connect().await?;
    let names = [
        image.to_string(),
        format!("{}/{image}", session.server.authority()),
        format!("localhost/{image}"),
    ];
    let found = engine.find(&names).await?;
    let size = found.size_bytes.map_or(Size::Unknown, Size::About);
    Ok((engine.export(&found.name), size))
}

async fn to_file(
    session: &Session,
    image: &ImageName,
    platform: Option<&str>,
    path: &Path,
) -> Result<()> {
    let mut target = Target::open(path)?;
    let screen = match target {
        Target::Stdout(_) if session.output == Output::Text => Screen::Stderr,
        _ => session.output.screen(),
    };
    let client = session.client().await?;
    let download = client.download(image, platform).await?;
    let digest = download.digest.clone();
    let (progress, stream) = start(session, image, screen, download);
    if let Err(cut) = target.fill(stream).await? {
        bail!("{cut}");
    }
    target.finish().await?;
    progress.finish("Received");
    if path == Path::new("-") {
        screen.say(&format!("Pulled {image} {digest} to standard output"));
    } else {
        let line = format!("Pulled {image} {digest} to {}", path.display());
        report_pull(session, image, &digest, line);
    }
    Ok(())
}

async fn to_engine(session: &Session, image: &ImageName, platform: Option<&str>) -> Result<()> {
    let engine = Engine::connect().await?;
    let client = session.client().await?;
    let repository = image.repository.as_str();
    // What the server gives out by itself, which also takes the only one that there is.
    let own = engine.platform().await.filter(|own| own != "linux/amd64");
    let platform = platform.or(own.as_deref());
    let tag = match &image.reference {
        Some(Reference::Tag(tag)) => Some(tag.to_string()),
        _ => None,
    };
    let download = client.download(image, platform).await?;
    let (digest, length) = (download.digest.clone(), download.length);
    let before = match &tag {
        Some(tag) => Some(engine.localhost_name(repository, tag).await),
        None => None,
    };
    let (progress, stream) = start(session, image, session.output.screen(), download);
    let cut = Cut::default();
    let loaded = engine.load(cut.watch(stream)).await;
    if let Some(sentence) = cut.sentence() {
        bail!("{sentence}");
    }
    let loaded = loaded?;
    if progress.bytes() != length {
        bail!(
            "the engine read only {} of {length} bytes of {image}: pull it again",
            progress.bytes()
        );
    }
    if let (Some(tag), Some(before)) = (&tag, before) {
        engine.name(&loaded, repository, tag, before).await?;
    }
    progress.finish("Received");
    report_pull(session, image, &digest, format!("Pulled {image} {digest}"));
    if tag.is_none() {
        let id = loaded.join(", ");
        session.output.say(&format!(
            "The engine has it as {id}; `docker tag` gives it a name"
        ));
    }
    Ok(())
}

fn start(
    session: &Session,
    image: &ImageName,
    screen: Screen,
    download: Download,
) -> (Progress, ByteStream) {
    let label = format!("Pulling {image} from {}", session.server);
    let progress = Progress::start(screen, &label, Size::Exactly(download.length));
    let stream = progress.watch(download.stream);
    (progress, stream)
}

fn report(session: &Session, import: &Import) {
    let line = |image: &ImportedImage| {
        let name = match &image.tag {
            Some(tag) => format!("{}:{tag}", image.repository),
            None => image.repository.clone(),
        };
        let layers = text::counted(image.layers, "layer");
        let reused = match image.layers_reused {
            0 => String::new(),
            reused if reused == image.layers => ", already there".to_owned(),
            reused => format!(", {reused} of them already there"),
        };
        text::one_line(&format!(
            "Pushed {name} {} ({layers}{reused})",
            image.digest
        ))
    };
    let digests = import
        .images
        .iter()
        .map(|image| text::one_line(&image.digest));
    let lines = import.images.iter().map(line);
    session.output.print(&import.images, digests, lines);
}

/// Prints what was pulled.
fn report_pull(session: &Session, image: &ImageName, digest: &str, line: String) {
    let value = json!({ "image": image.to_string(), "digest": digest });
    session.output.print(&value, [digest.to_owned()], [line]);
}

fn image_name(session: &Session, name: &str) -> Result<ImageName> {
    let image = session.without_host(name)?;
    image.parse().map_err(|error| anyhow!("{image}: {error}"))
}

fn latest() -> Reference {
    Reference::Tag("latest".parse::<Tag>().expect("latest is a tag"))
}

/// Ends the work on a signal, so that unfinished files and bars are cleared away.
async fn interruptible<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        () = told_to_stop() => bail!("interrupted: nothing was finished, run it again"),
    }
}

/// Waits for Ctrl-C or, from a script or a system that shuts down, SIGTERM.
#[cfg(unix)]
async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => (),
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
