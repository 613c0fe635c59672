//! `mydocker push`: an image of the engine's, or a tarball, to the server.

use anyhow::{Result, bail};
use dockyard_oci::{ImageName, Reference};

use super::Session;
use super::images::{image_name, interruptible, latest};
use crate::answers::{Import, ImportedImage};
use crate::args::Push;
use crate::engine::Engine;
use crate::progress::{ByteStream, Progress, Size};
use crate::tarball;
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
    let thinned = thin(
        progress.watch(stream),
        size,
        client.clone(),
        progress.layers(),
    )
    .await?;
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
