//! What is done to a server: the requests of a push and of a pull, and many of them at once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sha2::{Digest, Sha256};

use crate::http::{Body, Connection, path_of};
use crate::rate::{self, Asked, WARM_UP};

pub const MIB: usize = 1024 * 1024;
/// Connections that ask at once where requests a second are counted.
const CONNECTIONS: usize = 8;
/// How long requests are counted.
const COUNTED: Duration = Duration::from_secs(3);
const MANIFEST: &str = "content-type: application/vnd.oci.image.manifest.v1+json\r\n";

/// Where requests go, and with which token.
#[derive(Clone)]
pub struct Target {
    pub port: u16,
    pub token: Option<String>,
    pub repository: String,
}

pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

impl Target {
    pub fn connect(&self) -> Result<Connection> {
        Connection::open(self.port, self.token.clone())
    }

    fn start_upload(&self, connection: &mut Connection) -> Result<String> {
        let path = format!("/v2/{}/blobs/uploads/", self.repository);
        let answer = connection.send("POST", &path, "", Body::None)?;
        ensure!(answer.status == 202, "POST {path}: {}", answer.status);
        Ok(path_of(&answer.location).to_owned())
    }

    fn finish(connection: &mut Connection, location: &str, digest: &str, body: Body) -> Result<()> {
        let and = if location.contains('?') { '&' } else { '?' };
        let path = format!("{location}{and}digest={digest}");
        let kind = "content-type: application/octet-stream\r\n";
        let answer = connection.send("PUT", &path, kind, body)?;
        ensure!(answer.status == 201, "PUT {path}: {}", answer.status);
        Ok(())
    }

    /// POST, one PATCH without a length, PUT: docker's way.
    pub fn push_streamed(&self, blob: &[u8], digest: &str) -> Result<()> {
        let mut connection = self.connect()?;
        let location = self.start_upload(&mut connection)?;
        let answer = connection.send("PATCH", &location, "", Body::Streamed(blob))?;
        ensure!(answer.status == 202, "PATCH: {}", answer.status);
        Self::finish(
            &mut connection,
            path_of(&answer.location),
            digest,
            Body::None,
        )
    }

    /// POST, a PATCH for each chunk, PUT.
    pub fn push_chunked(&self, blob: &[u8], digest: &str, chunk_bytes: usize) -> Result<()> {
        let mut connection = self.connect()?;
        let mut location = self.start_upload(&mut connection)?;
        let mut offset = 0;
        for chunk in blob.chunks(chunk_bytes) {
            let range = format!("content-range: {offset}-{}\r\n", offset + chunk.len() - 1);
            let answer = connection.send("PATCH", &location, &range, Body::Whole(chunk))?;
            ensure!(answer.status == 202, "PATCH: {}", answer.status);
            path_of(&answer.location).clone_into(&mut location);
            offset += chunk.len();
        }
        Self::finish(&mut connection, &location, digest, Body::None)
    }

    /// POST, then one PUT with everything.
    pub fn push_whole(&self, blob: &[u8], digest: &str) -> Result<()> {
        let mut connection = self.connect()?;
        let location = self.start_upload(&mut connection)?;
        Self::finish(&mut connection, &location, digest, Body::Whole(blob))
    }

    pub fn pull(&self, digest: &str) -> Result<u64> {
        let mut connection = self.connect()?;
        let path = format!("/v2/{}/blobs/{digest}", self.repository);
        let answer = connection.send("GET", &path, "", Body::None)?;
        ensure!(answer.status == 200, "GET {path}: {}", answer.status);
        Ok(answer.length)
    }

    pub fn put_manifest(
        &self,
        connection: &mut Connection,
        reference: &str,
        manifest: &str,
    ) -> Result<()> {
        let path = format!("/v2/{}/manifests/{reference}", self.repository);
        let answer = connection.send("PUT", &path, MANIFEST, Body::Whole(manifest.as_bytes()))?;
        ensure!(answer.status == 201, "PUT {path}: {}", answer.status);
        Ok(())
    }

    /// Sends one request again and again over several connections; returns requests a second.
    pub fn repeat(&self, method: &'static str, path: &str) -> Result<f64> {
        let accept = "accept: application/vnd.oci.image.manifest.v1+json\r\n\r\n";
        rate::measure(Asked {
            port: self.port,
            request: self.connect()?.head(method, path, accept),
            is_head: method == "HEAD",
            connections: CONNECTIONS,
            counted: COUNTED,
        })
    }

    /// Puts a new manifest under a new tag again and again over several connections; returns puts a second.
    pub fn put_many(&self, run: &str, config: &str, layer: &(String, usize)) -> Result<f64> {
        let (is_over, done, next) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        let put = || -> Result<()> {
            let mut connection = self.connect()?;
            while !is_over.load(Ordering::Relaxed) {
                let tag = format!("{run}-{}", next.fetch_add(1, Ordering::Relaxed));
                let manifest = manifest(config, 2, layer, &tag);
                self.put_manifest(&mut connection, &tag, &manifest)?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(put)).collect();
            std::thread::sleep(WARM_UP);
            let (from, started) = (done.load(Ordering::Relaxed), Instant::now());
            std::thread::sleep(COUNTED);
            let count = done.load(Ordering::Relaxed) - from;
            let secs = started.elapsed().as_secs_f64();
            is_over.store(true, Ordering::Relaxed);
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().expect("workers do not panic"))?;
            Ok(count as f64 / secs)
        })
    }
}

/// Writes an image's manifest; `note` makes it differ from all others.
pub fn manifest(config: &str, config_bytes: usize, layer: &(String, usize), note: &str) -> String {
    let (layer, size) = layer;
    format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\
         \"config\":{{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\
         \"digest\":\"{config}\",\"size\":{config_bytes}}},\
         \"layers\":[{{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\
         \"digest\":\"{layer}\",\"size\":{size}}}],\"annotations\":{{\"note\":\"{note}\"}}}}"
    )
}

/// Runs several of one thing at once and returns the seconds until the last is done.
pub fn at_once(count: usize, work: impl Fn(usize) -> Result<()> + Sync) -> Result<f64> {
    let started = Instant::now();
    std::thread::scope(|scope| {
        let work = &work;
        let workers: Vec<_> = (0..count).map(|i| scope.spawn(move || work(i))).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("workers do not panic"))
    })?;
    Ok(started.elapsed().as_secs_f64())
}
