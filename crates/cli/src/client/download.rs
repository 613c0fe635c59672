//! Fetching an image as a tarball: a connection that breaks is opened again where it was.

use std::io;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use dockyard_oci::{Algorithm, Digest, ImageName, Manifest, MediaType, Reference, RepositoryName};
use futures::StreamExt;
use reqwest::header::{ACCEPT, ETAG, IF_RANGE, RANGE};
use reqwest::{Method, Response, StatusCode};
use sha2::{Digest as _, Sha256, Sha512};

use super::{Client, explain_platform};
use crate::failure;
use crate::progress::ByteStream;

/// How long a download may stand still, also before its first byte.
const STALL_TIMEOUT: Duration = Duration::from_mins(2);
/// How often in a row a download that brings nothing is taken up again.
const TRIES: u32 = 5;
/// Pause before the first of these; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);

/// A tarball on its way from the server; the stream fails unless all bytes come.
pub struct Download {
    /// Of the manifest that is inside.
    pub digest: Digest,
    /// Length of the whole tarball.
    pub length: u64,
    /// Names exactly these bytes.
    pub etag: String,
    source: Source,
    response: Option<Response>,
}

/// Which tarball of an image is wanted.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// As in `linux/arm64`, or `all`; the server chooses otherwise.
    pub platform: Option<String>,
    /// For docker before 23: with layers unpacked that it does not know how to.
    pub for_docker20: bool,
}

/// Where a tarball comes from.
#[derive(Clone)]
struct Source {
    client: Client,
    image: ImageName,
    choice: Choice,
}

impl Client {
    /// Starts to fetch an image as a tarball.
    pub async fn download(&self, image: &ImageName, choice: Choice) -> Result<Download> {
        let source = Source {
            client: self.clone(),
            image: image.clone(),
            choice,
        };
        let response = source.open(None).await?;
        let server = &self.server;
        let Some(length) = response.content_length() else {
            bail!(
                "{server} did not say how long the image is, so a cut could not be noticed: is a proxy \
                in between that changes answers?"
            );
        };
        let digest = failure::header(&response, "docker-content-digest");
        let digest = digest.and_then(|digest| digest.parse().ok());
        let digest = digest.ok_or_else(|| {
            anyhow!("{server} did not say the image's digest: is a proxy in between that changes answers?")
        })?;
        if let Some(Reference::Digest(asked)) = &image.reference {
            self.require_named(&image.repository, asked, &digest)
                .await?;
        }
        Ok(Download {
            digest,
            length,
            etag: failure::header(&response, ETAG.as_str()).unwrap_or_default(),
            source,
            response: Some(response),
        })
    }
}

impl Client {
    /// Makes sure that what comes is what was asked for by its digest: the same, or what an index of that digest lists.
    async fn require_named(
        &self,
        repository: &RepositoryName,
        asked: &Digest,
        comes: &Digest,
    ) -> Result<()> {
        if asked == comes {
            return Ok(());
        }
        let path = format!("/v2/{repository}/manifests/{asked}");
        let request = self.call(Method::GET, &path);
        let request = request.header(
            ACCEPT,
            format!("{}, {}", MediaType::OCI_INDEX, MediaType::DOCKER_LIST),
        );
        let mut response = self.send(request).await?;
        let mut index = Vec::new();
        while let Some(piece) = response.chunk().await? {
            index.extend_from_slice(&piece);
            if index.len() > Manifest::MAX_BYTES {
                bail!("{} sent an index that is longer than 4 MiB", self.server);
            }
        }
        let is_it = match asked.algorithm() {
            Algorithm::Sha256 => Digest::from_hash(Algorithm::Sha256, &Sha256::digest(&index))?,
            Algorithm::Sha512 => Digest::from_hash(Algorithm::Sha512, &Sha512::digest(&index))?,
        } == *asked;
        let lists = |index: &Manifest| index.manifests.iter().any(|child| child.digest == *comes);
        if is_it && Manifest::parse(&index, None).is_ok_and(|index| lists(&index)) {
            return Ok(());
        }
        bail!(
            "{} sent image {comes} where {asked} was asked for: it is not taken",
            self.server
        )
    }
}

impl Download {
    /// Streams the bytes from an offset on.
    pub fn from(self, offset: u64) -> ByteStream {
        let reading = Reading {
            source: self.source,
            // The answer that is there begins at the beginning.
            response: self.response.filter(|_| offset == 0),
            etag: self.etag,
            at: offset,
            length: self.length,
            failures: 0,
        };
        let stream = futures::stream::unfold(Some(reading), |reading| async {
            let mut reading = reading?;
            match reading.next().await {
                Ok(None) => None,
                Ok(Some(piece)) => Some((Ok(piece), Some(reading))),
                Err(error) => Some((Err(io::Error::other(error.to_string())), None)),
            }
        });
        stream.boxed()
    }
}

struct Reading {
    source: Source,
    response: Option<Response>,
    etag: String,
    at: u64,
    length: u64,
    /// In a row, without a byte in between.
    failures: u32,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<bytes::Bytes>> {
        while self.at < self.length {
            match self.read().await {
                Ok(piece) => {
                    self.at += piece.len() as u64;
                    self.failures = 0;
                    return Ok(Some(piece));
                }
                Err(Broken::ForGood(error)) => return Err(error),
                Err(Broken::ForNow(error)) if self.failures == TRIES || self.etag.is_empty() => {
                    return Err(error);
                }
                Err(Broken::ForNow(_)) => {
                    self.response = None;
                    tokio::time::sleep(PAUSE * 2u32.pow(self.failures)).await;
                    self.failures += 1;
                }
            }
        }
        Ok(None)
    }

    async fn read(&mut self) -> Result<bytes::Bytes, Broken> {
        let server = self.source.client.server.clone();
        if self.response.is_none() {
            self.response = Some(self.reopen().await?);
        }
        let response = self.response.as_mut().expect("it was opened just now");
        match tokio::time::timeout(STALL_TIMEOUT, response.chunk()).await {
            Ok(Ok(Some(piece))) => Ok(piece),
            Ok(Ok(None)) => Err(Broken::ForNow(anyhow!(
                "{server} sent {} of {} bytes: the download was cut, try again",
                self.at,
                self.length
            ))),
            Ok(Err(error)) => Err(Broken::ForNow(failure::connection(&server, &error))),
            Err(_) => Err(Broken::ForNow(anyhow!(
                "{server} sent nothing for {} seconds: the download stands still, try again",
                STALL_TIMEOUT.as_secs()
            ))),
        }
    }

    async fn reopen(&self) -> Result<Response, Broken> {
        let opened = self.source.open(Some((self.at, &self.etag))).await;
        let response = opened.map_err(|error| {
            let is_refusal = error.is::<failure::Refusal>();
            let broken = if is_refusal {
                Broken::ForGood
            } else {
                Broken::ForNow
            };
            broken(error)
        })?;
        if response.status() == StatusCode::PARTIAL_CONTENT {
            return Ok(response);
        }
        Err(Broken::ForGood(anyhow!(
            "{} changed while it was pulled: pull it again",
            self.source.image
        )))
    }
}

enum Broken {
    ForNow(anyhow::Error),
    ForGood(anyhow::Error),
}

impl Source {
    /// Asks for the tarball, or for what of it begins at an offset as long as it is the same.
    async fn open(&self, rest: Option<(u64, &str)>) -> Result<Response> {
        let client = &self.client;
        let mut request = client.image_request(Method::GET, &self.image);
        if let Some(platform) = &self.choice.platform {
            request = request.query(&[("platform", platform)]);
        }
        if self.choice.for_docker20 {
            request = request.query(&[("compat", "docker20")]);
        }
        if let Some((offset, etag)) = rest {
            request = request.header(RANGE, format!("bytes={offset}-"));
            request = request.header(IF_RANGE, etag);
        }
        let sent = tokio::time::timeout(STALL_TIMEOUT, client.send(request));
        sent.await
            .unwrap_or_else(|_| {
                Err(anyhow!(
                    "{} does not answer: try again later",
                    client.server
                ))
            })
            .map_err(|error| explain_platform(error, &self.image))
            .map_err(|error| client.explain_missing(error, &self.image.repository))
    }
}
