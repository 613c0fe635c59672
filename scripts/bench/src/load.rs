//! What is done to a server: the requests of a push and of a pull, and many of them at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sha2::{Digest, Sha256};

use crate::http::{Body, Connection, path_of};

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
        let path = path.to_owned();
        self.count(move |connection, _| {
            let request = connection.head(
                method,
                &path,
                "accept: application/vnd.oci.image.manifest.v1+json\r\n",
            ) + "\r\n";
            Ok(Box::new(move |connection: &mut Connection| {
                let answer = connection.repeat(request.as_bytes(), method == "HEAD")?;
                ensure!(answer.status == 200, "{method}: {}", answer.status);
                Ok(())
            }))
        })
    }

    /// Puts a new manifest under a new tag again and again; returns puts a second.
    pub fn put_many(&self, run: &str, config: &str, layer: &(String, usize)) -> Result<f64> {
        let (target, run, config, layer) = (
            self.clone(),
            run.to_owned(),
            config.to_owned(),
            layer.clone(),
        );
        let next = Arc::new(AtomicU64::new(0));
        self.count(move |_, _| {
            let (target, run, config, layer, next) = (
                target.clone(),
                run.clone(),
                config.clone(),
                layer.clone(),
                next.clone(),
            );
            Ok(Box::new(move |connection: &mut Connection| {
                let tag = format!("{run}-{}", next.fetch_add(1, Ordering::Relaxed));
                let manifest = manifest(&config, 2, &layer, &tag);
                target.put_manifest(connection, &tag, &manifest)
            }))
        })
    }

    /// Lets each connection do its step over and over for `COUNTED`.
    fn count<F>(&self, prepare: F) -> Result<f64>
    where
        F: Fn(&Connection, usize) -> Result<Step>,
    {
        let is_over = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicU64::new(0));
        let mut workers = Vec::new();
        for i in 0..CONNECTIONS {
            let mut connection = self.connect()?;
            let mut step = prepare(&connection, i)?;
            let (is_over, done) = (is_over.clone(), done.clone());
            workers.push(std::thread::spawn(move || -> Result<()> {
                while !is_over.load(Ordering::Relaxed) {
                    step(&mut connection)?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            }));
        }
        // The first half second warms caches up.
        std::thread::sleep(Duration::from_millis(500));
        let (from, started) = (done.load(Ordering::Relaxed), Instant::now());
        std::thread::sleep(COUNTED);
        let count = done.load(Ordering::Relaxed) - from;
        let secs = started.elapsed().as_secs_f64();
        is_over.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().expect("workers do not panic")?;
        }
        Ok(count as f64 / secs)
    }
}

type Step = Box<dyn FnMut(&mut Connection) -> Result<()> + Send>;

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
