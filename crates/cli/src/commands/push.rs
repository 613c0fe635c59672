//! `mydocker push`: an image of the engine's, or a tarball, to the server.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dockyard_oci::{ImageName, Reference, UserName};

use super::Session;
use super::images::{image_name, interruptible, latest};
use crate::answers::{Import, ImportedImage};
use crate::args::Push;
use crate::client::{Client, Lost, Target};
use crate::engine::Engine;
use crate::images_of::{self, Placed};
use crate::progress::{ByteStream, Progress, Size};
use crate::tarball;
use crate::text;
use crate::thin::{Thinned, thin};

/// How often in a row an image is sent anew to a server that was restarted meanwhile.
const TRIES: u32 = 3;

pub async fn push(session: &Session, args: Push) -> Result<()> {
    let Push {
        image,
        file,
        chosen,
        into,
    } = args;
    if let (Some(namespace), Some(path)) = (into, &file) {
        return push_each(session, &namespace, path).await;
    }
    let name = image.context("name the image, as in alice/app:v1")?;
    let mut image = image_name(session, &name)?;
    if let (Some(Reference::Digest(_)), None) = (&image.reference, &file) {
        bail!(
            "{image} names a digest, which follows from the content: push to a tag, as in \
            alice/app:v1"
        );
    }
    let source = if let Some(path) = file {
        Source::File(path)
    } else {
        image.reference.get_or_insert(latest());
        Source::Engine(Engine::connect().await?)
    };
    let (client, _) = session.signed_in().await?;
    let target = Target { image, chosen };
    let import = send_until_there(session, &client, &target, &source).await?;
    report(session, &import);
    Ok(())
}

/// Stores each image of a tarball in a repository of its own.
async fn push_each(session: &Session, namespace: &UserName, path: &Path) -> Result<()> {
    let placed = images_of::place_all(path, namespace).await?;
    let (client, _) = session.signed_in().await?;
    let source = Source::File(path.to_owned());
    let mut all = Import::default();
    for Placed { name, to } in placed {
        let target = Target {
            image: to,
            chosen: Some(name),
        };
        let import = send_until_there(session, &client, &target, &source).await?;
        all.images.extend(import.images);
        all.left_out.extend(import.left_out);
    }
    report(session, &all);
    Ok(())
}

async fn send_until_there(
    session: &Session,
    client: &Client,
    target: &Target,
    source: &Source,
) -> Result<Import> {
    let mut failures = 0;
    loop {
        match send(session, client, target, source).await {
            Err(error) if error.is::<Lost>() && source.opens_again() && failures < TRIES => {
                failures += 1;
                session.output.screen().say(&format!(
                    "{} was restarted: sending what it does not have yet",
                    session.server
                ));
            }
            sent => return sent,
        }
    }
}

async fn send(
    session: &Session,
    client: &Client,
    target: &Target,
    source: &Source,
) -> Result<Import> {
    let image = &target.image;
    let (stream, size) = source.open(session, image).await?;
    let label = format!("Pushing {image} to {}", session.server);
    let progress = Progress::start(session.output.screen(), &label, size);
    let sending = progress.sending();
    let Thinned { stream, size } = thin(stream, size, client.clone(), sending.clone()).await?;
    let import = interruptible(client.upload(target, stream, size, &sending)).await?;
    progress.finish_push(&sending);
    Ok(import)
}

/// Where an image is pushed from.
enum Source {
    /// A tarball; `-` is standard input.
    File(PathBuf),
    Engine(Engine),
}

impl Source {
    async fn open(&self, session: &Session, image: &ImageName) -> Result<(ByteStream, Size)> {
        match self {
            Self::File(path) => tarball::read(path).await,
            Self::Engine(engine) => from_engine(engine, session, image).await,
        }
    }

    /// Tells whether it can be read from its beginning once more.
    fn opens_again(&self) -> bool {
        match self {
            Self::File(path) => path.is_file(),
            Self::Engine(_) => true,
        }
    }
}

/// Opens the stream of an image in the engine, under the first name that it is known by.
async fn from_engine(
    engine: &Engine,
    session: &Session,
    image: &ImageName,
) -> Result<(ByteStream, Size)> {
    let names = [
        image.to_string(),
        format!("{}/{image}", session.server.authority()),
        format!("localhost/{image}"),
    ];
    let found = engine.find(&names).await?;
    let size = found.size_bytes.map_or(Size::Unknown, Size::About);
    Ok((engine.export(&found.name), size))
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
    for line in &import.left_out {
        let line = text::one_line(line);
        session.output.screen().say(&format!("Left out {line}"));
    }
    if !import.attached.is_empty() {
        let count = import.attached.len() as u64;
        let what = text::counted(count, "attached artifact");
        session.output.screen().say(&format!("With {what}"));
    }
    let lines = import.images.iter().map(line);
    session.output.print(&import.images, digests, lines);
}
