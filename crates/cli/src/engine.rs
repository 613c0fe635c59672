//! The local engine, docker or podman, behind its docker-compatible socket.

mod place;

use std::env;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::query_parameters::{ImportImageOptions, RemoveImageOptions, TagImageOptions};
use futures::{StreamExt, TryStreamExt};

use crate::config;
use crate::failure;
use crate::progress::ByteStream;
use crate::text;
use place::Place;

/// How long a short question to the engine may take, in seconds.
const ASK_SECS: u64 = 30;
/// How long the engine may prepare or load an image before its first word: docker packs a large
/// image for minutes before it sends the first byte. A day stands for "as long as it takes".
const TRANSFER_SECS: u64 = 24 * 60 * 60;
/// The name under which engines keep images that carry no host of their own.
const DEFAULT_HOST: &str = "docker.io";

/// The first docker that unpacks zstd when it loads an image.
const DOCKER_WITH_ZSTD: u32 = 23;

/// What an engine says of itself.
#[derive(Debug, Default)]
pub struct About {
    /// What it runs images of, such as `linux/amd64`.
    pub platform: Option<String>,
    pub knows_no_zstd: bool,
}

/// A running engine.
pub struct Engine {
    docker: Docker,
    place: String,
}

/// An image that the engine has.
pub struct Found {
    pub name: String,
    pub size_bytes: Option<u64>,
}

impl Engine {
    /// Finds the engine: the one that is named, as docker's own command line would, else the first socket that answers.
    pub async fn connect() -> Result<Self> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(place) = Place::named(set, config::docker_folder().as_deref())? {
            return Self::at(&place).await;
        }
        let places = Place::usual(set("XDG_RUNTIME_DIR").as_deref());
        let mut trouble = None;
        for place in places
            .iter()
            .filter(|place| Path::new(place.path()).exists())
        {
            match Self::at(place).await {
                Ok(engine) => return Ok(engine),
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        Err(trouble.unwrap_or_else(|| {
            let tried: Vec<_> = places.iter().map(Place::path).collect();
            anyhow!(
                "no docker or podman answers here (looked at {}): start it, set DOCKER_HOST, or \
                use a tarball (push --file, pull --output)",
                tried.join(", ")
            )
        }))
    }

    async fn at(place: &Place) -> Result<Self> {
        let host = &place.host;
        let docker = place
            .connect()?
            .map_err(|error| unreachable(host, &error))?;
        let pinged = docker.ping().await;
        pinged.map_err(|error| unreachable(host, &error))?;
        Ok(Self {
            docker,
            place: host.clone(),
        })
    }

    /// Finds the first of several names that the engine has an image for.
    pub async fn find(&self, names: &[String]) -> Result<Found> {
        for name in names {
            match self.docker.inspect_image(name).await {
                Ok(image) => {
                    return Ok(Found {
                        name: name.clone(),
                        size_bytes: image.size.and_then(|bytes| u64::try_from(bytes).ok()),
                    });
                }
                Err(error) if is_status(&error, 404) => {}
                Err(error) => return Err(self.trouble(&error)),
            }
        }
        let wanted = names.first().map_or("", String::as_str);
        bail!(
            "the engine at {} has no image {wanted}: see `docker images`, then name yours with \
            `docker tag IMAGE {wanted}`",
            self.place
        )
    }

    /// Asks the engine about itself; nothing is known of one that does not say.
    pub async fn about(&self) -> About {
        let Ok(version) = self.docker.version().await else {
            return About::default();
        };
        let parts = version.components.unwrap_or_default();
        // Podman answers like docker, with a version of its own.
        let is_docker = parts.iter().all(|part| part.name != "Podman Engine");
        let number = version.version.unwrap_or_default();
        About {
            platform: version
                .os
                .zip(version.arch)
                .map(|(os, arch)| format!("{os}/{arch}")),
            knows_no_zstd: is_docker && major(&number).is_some_and(|it| it < DOCKER_WITH_ZSTD),
        }
    }

    /// Streams an image out of the engine as a tarball.
    pub fn export(&self, name: &str) -> ByteStream {
        let place = self.place.clone();
        let stream = self.patient().export_image(name);
        let stream = stream.map_err(move |error| {
            std::io::Error::other(format!(
                "the engine at {place} stopped sending the image: {}",
                reason(&error)
            ))
        });
        stream.boxed()
    }

    /// Streams a tarball into the engine and tells what it became: names, or ids when nameless.
    ///
    /// Engines answer 200 before they know how it ends, so only a "Loaded image" in the answer,
    /// read to its end, counts as success.
    pub async fn load(&self, tarball: ByteStream) -> Result<Vec<String>> {
        let options = ImportImageOptions::default();
        let docker = self.patient();
        let mut answer = Box::pin(docker.import_image_stream(options, tarball, None));
        let mut loaded = Vec::new();
        let mut last = String::new();
        while let Some(line) = answer.next().await {
            let line = line.map_err(|error| {
                anyhow!(
                    "the engine at {} did not load the image: {}",
                    self.place,
                    reason(&error)
                )
            })?;
            last = line.stream.or(line.status).unwrap_or(last);
            loaded.extend(loaded_names(&last));
        }
        if loaded.is_empty() {
            bail!(
                "the engine at {} loaded no image: {}",
                self.place,
                if last.is_empty() {
                    "it did not say why"
                } else {
                    last.trim()
                }
            );
        }
        loaded.dedup();
        Ok(loaded)
    }

    /// Makes sure that a loaded image is listed under its plain name, `alice/app` and `v1`.
    ///
    /// Podman keeps a nameless host as `localhost/`; docker's commands find and list the image as
    /// `alice/app:v1` only under `docker.io/`. The `localhost/` name stays where it was before.
    pub async fn name(
        &self,
        loaded: &[String],
        repository: &str,
        tag: &str,
        localhost: LocalhostName,
    ) -> Result<()> {
        let plain = format!("{repository}:{tag}");
        let full = format!("{DEFAULT_HOST}/{plain}");
        if loaded.iter().any(|name| *name == plain || *name == full) {
            return Ok(());
        }
        let ends_so = |name: &&String| name.ends_with(&format!("/{plain}"));
        let Some(source) = loaded.iter().find(ends_so).or(loaded.first()) else {
            return Ok(());
        };
        let options = TagImageOptions {
            repo: Some(format!("{DEFAULT_HOST}/{repository}")),
            tag: Some(tag.to_owned()),
        };
        let tagged = self.docker.tag_image(source, Some(options)).await;
        tagged.map_err(|error| self.trouble(&error))?;
        if *source == format!("localhost/{plain}") && localhost == LocalhostName::IsNew {
            let options = RemoveImageOptions {
                noprune: true,
                ..Default::default()
            };
            let removed = self.docker.remove_image(source, Some(options), None).await;
            removed.map_err(|error| self.trouble(&error))?;
        }
        Ok(())
    }

    /// Tells whether podman already has an image under its own form of the name.
    pub async fn localhost_name(&self, repository: &str, tag: &str) -> LocalhostName {
        let name = format!("localhost/{repository}:{tag}");
        let found = self.docker.inspect_image(&name).await;
        let tags = found.ok().and_then(|image| image.repo_tags);
        if tags.is_some_and(|tags| tags.contains(&name)) {
            LocalhostName::WasThere
        } else {
            LocalhostName::IsNew
        }
    }

    fn patient(&self) -> Docker {
        let docker = self.docker.clone();
        docker.with_timeout(Duration::from_secs(TRANSFER_SECS))
    }

    fn trouble(&self, error: &DockerError) -> anyhow::Error {
        anyhow!("the engine at {} refused: {}", self.place, reason(error))
    }
}

/// Whether `localhost/alice/app:v1` was a name in podman before a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalhostName {
    WasThere,
    IsNew,
}

/// Is the first number of a version such as `20.10.24+dfsg1`.
fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

/// Takes the names out of `Loaded image: a:1`, `Loaded image(s): a:1,b:2`,
/// `Loaded image ID: sha256:..`.
fn loaded_names(line: &str) -> Vec<String> {
    let Some(rest) = line.trim().strip_prefix("Loaded image") else {
        return Vec::new();
    };
    let Some((_, names)) = rest.split_once(": ") else {
        return Vec::new();
    };
    let names = names.split(',').map(|name| name.trim().to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

fn is_status(error: &DockerError, status: u16) -> bool {
    use DockerError::DockerResponseServerError as Answer;
    matches!(error, Answer { status_code, .. } if *status_code == status)
}

/// Takes the words that the engine itself said out of an error, or the innermost cause.
fn reason(error: &DockerError) -> String {
    match error {
        DockerError::DockerResponseServerError { message, .. } if !message.is_empty() => {
            text::shorten(message, 300)
        }
        DockerError::DockerStreamError { error } => text::shorten(error, 300),
        DockerError::RequestTimeoutError => "it does not answer".to_owned(),
        other => text::shorten(&innermost(other), 300),
    }
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = failure::inner(cause) {
        cause = next;
    }
    cause.to_string()
}

fn unreachable(host: &str, error: &DockerError) -> anyhow::Error {
    let why = match error {
        DockerError::SocketNotFoundError(_) => "the socket is not there".to_owned(),
        other => reason(other),
    };
    let advice = if why.contains("ermission denied") {
        "join the group that owns the socket (docker), or run as root"
    } else {
        "start docker or podman, set DOCKER_HOST, or use a tarball (push --file, pull --output)"
    };
    anyhow!("no engine answers at {host} ({why}): {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn understands_what_docker_and_podman_say() {
        for (line, names) in [
            ("Loaded image: alice/app:v1\n", vec!["alice/app:v1"]),
            (
                "Loaded image(s): localhost/a/b:1,localhost/a/c:2",
                vec!["localhost/a/b:1", "localhost/a/c:2"],
            ),
            ("Loaded image ID: sha256:00\n", vec!["sha256:00"]),
            ("Loading layer", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(loaded_names(line), names, "{line}");
        }
    }

    #[test]
    fn reads_the_first_number_of_a_version() {
        assert_eq!(major("20.10.24+dfsg1"), Some(20));
        assert_eq!(major("26.1.5"), Some(26));
        assert_eq!(major("library-import"), None);
    }

    #[tokio::test]
    async fn an_engine_that_is_not_there_is_a_sentence() {
        for (host, words) in [
            ("unix:///nowhere/docker.sock", "the socket is not there"),
            (
                "tcp://127.0.0.1:1",
                "no engine answers at tcp://127.0.0.1:1",
            ),
            (
                "ssh://me@host",
                "docker save IMAGE | mydocker push --file - IMAGE",
            ),
            ("fd://", "only knows unix:// and tcp://"),
        ] {
            let place = Place::named(
                |name| (name == "DOCKER_HOST").then(|| host.to_owned()),
                None,
            );
            let Err(error) = Engine::at(&place.unwrap().unwrap()).await else {
                panic!("{host} answered");
            };
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
