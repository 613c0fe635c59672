//! `mydocker pull`: an image of the server's into the engine, or to a file.

use std::path::Path;

use anyhow::{Result, bail};
use dockyard_oci::{Digest, ImageName, Reference};
use futures::StreamExt;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Session;
use super::images::{image_name, interruptible, latest};
use crate::args::{Compat, Pull};
use crate::client::Choice;
use crate::config;
use crate::engine::Engine;
use crate::output::Output;
use crate::part::PartFile;
use crate::progress::{Cut, Progress, Screen, Size};
use crate::tarball::Target;
use crate::verify::Check;

pub async fn pull(session: &Session, args: Pull) -> Result<()> {
    let mut image = image_name(session, &args.image)?;
    image.reference.get_or_insert(latest());
    if args.platform.as_deref() == Some("all") && args.output.is_none() {
        bail!("an engine takes the image for one machine: add --output FILE for all of them");
    }
    let choice = Choice {
        platform: args.platform,
        for_docker20: args.compat == Some(Compat::Docker20),
    };
    match &args.output {
        Some(path) => interruptible(to_file(session, &image, choice, path)).await,
        None => interruptible(to_engine(session, &image, choice)).await,
    }
}

async fn to_file(session: &Session, image: &ImageName, choice: Choice, path: &Path) -> Result<()> {
    let mut target = Target::open(path)?;
    let screen = match target {
        Target::Stdout(_) if session.output == Output::Text => Screen::Stderr,
        _ => session.output.screen(),
    };
    let wanted = Wanted {
        session,
        image,
        choice,
        screen,
    };
    let digest = match wanted.receive(&mut target).await? {
        Received::Right(digest) => digest,
        Received::Wrong(error) => {
            if let Target::File(part) = target {
                part.discard();
                bail!("{error}; nothing of it was kept");
            }
            bail!("{error}: use nothing of what was written");
        }
    };
    target.finish().await?;
    if path == Path::new("-") {
        screen.say(&format!("Pulled {image} {digest} to standard output"));
    } else {
        let line = format!("Pulled {image} {digest} to {}", path.display());
        report(session, image, &digest, line);
    }
    Ok(())
}

/// Pulls into the engine: into a file first, so that nothing is loaded that was not checked, and what was received
/// before a break is there for the next attempt.
async fn to_engine(session: &Session, image: &ImageName, mut choice: Choice) -> Result<()> {
    let engine = Engine::connect().await?;
    let about = engine.about().await;
    // What the server gives out by itself, which also takes the only one that there is.
    let own = about.platform.filter(|own| own != "linux/amd64");
    choice.platform = choice.platform.or(own);
    choice.for_docker20 |= about.knows_no_zstd;
    let wanted = Wanted {
        session,
        image,
        choice,
        screen: session.output.screen(),
    };
    let mut target = Target::File(PartFile::in_cache(&config::cache_folder())?);
    let received = wanted.receive(&mut target).await?;
    let Target::File(mut part) = target else {
        bail!("the cache is no folder of files");
    };
    let digest = match received {
        Received::Right(digest) => digest,
        Received::Wrong(error) => {
            part.discard();
            bail!("{error}; nothing of it was loaded");
        }
    };
    load(session, &engine, image, &mut part).await?;
    part.discard();
    report(session, image, &digest, format!("Pulled {image} {digest}"));
    Ok(())
}

async fn load(
    session: &Session,
    engine: &Engine,
    image: &ImageName,
    part: &mut PartFile,
) -> Result<()> {
    let repository = image.repository.as_str();
    let tag = match &image.reference {
        Some(Reference::Tag(tag)) => Some(tag.to_string()),
        _ => None,
    };
    let before = match &tag {
        Some(tag) => Some(engine.localhost_name(repository, tag).await),
        None => None,
    };
    let cut = Cut::default();
    let loaded = engine.load(cut.watch(part.whole().await?)).await;
    if let Some(sentence) = cut.sentence() {
        bail!("{sentence}");
    }
    let loaded = loaded?;
    if let (Some(tag), Some(before)) = (&tag, before) {
        engine.name(&loaded, repository, tag, before).await?;
    }
    if tag.is_none() {
        let id = loaded.join(", ");
        session.output.say(&format!(
            "The engine has it as {id}; `docker tag` gives it a name"
        ));
    }
    Ok(())
}

/// What is to be pulled, and for whom.
struct Wanted<'a> {
    session: &'a Session,
    image: &'a ImageName,
    choice: Choice,
    screen: Screen,
}

/// What came.
enum Received {
    Right(Digest),
    /// Not what was asked for: the sentence says why.
    Wrong(anyhow::Error),
}

impl Wanted<'_> {
    /// Receives what is not there yet, and checks all of it.
    async fn receive(&self, target: &mut Target) -> Result<Received> {
        let Self {
            session,
            image,
            choice,
            screen,
        } = self;
        let client = session.client().await?;
        let download = client.download(image, choice.clone()).await?;
        let (digest, length) = (download.digest.clone(), download.length);
        let label = format!("Pulling {image} from {}", session.server);
        let progress = Progress::start(*screen, &label, Size::Exactly(length));
        let check = Check::start(digest.clone(), progress.layers());
        let id = hex::encode(Sha256::digest(format!(
            "{} {}",
            session.server, download.etag
        )));
        let there = target.begin(&id, length)?;
        if let Target::File(part) = &*target
            && there > 0
        {
            progress.skip(there);
            let mut stream = part.there().await?;
            while let Some(piece) = stream.next().await {
                check.see(piece?).await;
            }
        }
        let mut stream = progress.watch(download.from(there));
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(piece) => {
                    target.write(&piece).await?;
                    check.see(piece).await;
                }
                Err(cut) => bail!("{cut}{}", kept(target)),
            }
        }
        if let Err(error) = check.finish().await {
            return Ok(Received::Wrong(error));
        }
        progress.finish("Received");
        Ok(Received::Right(digest))
    }
}

/// Says that an attempt was not for nothing.
fn kept(target: &Target) -> &'static str {
    match target {
        Target::File(part) if part.keeps() => "; what came so far is kept for that",
        _ => "",
    }
}

/// Prints what was pulled.
fn report(session: &Session, image: &ImageName, digest: &Digest, line: String) {
    let value = json!({ "image": image.to_string(), "digest": digest });
    session.output.print(&value, [digest.to_string()], [line]);
}
