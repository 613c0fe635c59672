//! The rows of the table.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::http::{Body, Connection};
use crate::load::{MIB, Target, at_once, digest};
use crate::populate;
use crate::report::{Better, Measure, Report};
use crate::server::{Kind, Server};

pub const USER: &str = "bench";
const PASSWORD: &str = "a long bench password";

const PUSH: Measure = ("push 1 GiB, streamed", "MB/s", Better::More);
const PUSH_CPU: Measure = ("CPU of the server, 1 GiB pushed", "s", Better::Less);
const PUSH_CHUNKS: Measure = ("push 1 GiB in 64 MiB chunks", "MB/s", Better::More);
const PULL: Measure = ("pull 1 GiB", "MB/s", Better::More);
const PULL_CPU: Measure = ("CPU of the server, 1 GiB pulled", "s", Better::Less);
const PULL_FOUR: Measure = ("pull 1 GiB, four at once", "MB/s", Better::More);
const WHOLE: Measure = ("push 16 x 64 MiB whole, 8 at once", "MB/s", Better::More);
const PUT: Measure = ("manifest PUT, 8 at once", "1/s", Better::More);
const GET: Measure = ("manifest GET by tag, 8 at once", "1/s", Better::More);
const GET_DIGEST: Measure = ("manifest GET by digest, 8 at once", "1/s", Better::More);
const HEAD: Measure = ("manifest HEAD by tag, 8 at once", "1/s", Better::More);
const TAGS: Measure = ("100 tags of 10,000", "ms", Better::Less);
const TAGS_MANY: Measure = ("100 tags of 1,000,000", "ms", Better::Less);
const CATALOG: Measure = ("100 of 10,000 repositories", "ms", Better::Less);
const IDLE: Measure = ("memory after the start", "MiB", Better::Less);
const LOADED: Measure = ("memory, the most under all of this", "MiB", Better::Less);
const START: Measure = ("start to the first 200", "ms", Better::Less);

/// One server under load.
struct Side {
    server: Server,
    folder: PathBuf,
    idle_mib: f64,
}

/// Both servers, and what they are loaded with.
pub struct Bench {
    program: PathBuf,
    sides: Vec<Side>,
    blob: Vec<u8>,
    is_small: bool,
}

impl Bench {
    pub fn start(program: &Path, folder: &Path, is_small: bool) -> Result<Self> {
        let mut sides = Vec::new();
        for kind in Kind::BOTH {
            let folder = folder.join(kind.name());
            let server = Server::start(kind, program, &folder)?;
            std::thread::sleep(std::time::Duration::from_secs(1));
            let idle_mib = server.memory_mib("VmRSS")?;
            if kind == Kind::Dockyard {
                sign_up(server.port)?;
            }
            sides.push(Side {
                server,
                folder,
                idle_mib,
            });
        }
        let mut blob = vec![0; if is_small { 128 * MIB } else { 1024 * MIB }];
        fill(&mut blob);
        Ok(Self {
            program: program.to_owned(),
            sides,
            blob,
            is_small,
        })
    }

    /// Measures everything once on each server, the one after the other.
    pub fn round(&mut self, round: usize, report: &mut Report) -> Result<()> {
        for i in 0..self.sides.len() {
            // Each blob is new to its server: what it has already costs nothing.
            let number = (round * 16 + i) as u64;
            let part = self.blob.len() / 16;
            for blob in self.blob.chunks_exact_mut(part) {
                blob[..8].copy_from_slice(&number.to_le_bytes());
            }
            self.transfers(i, report)?;
            self.say_memory(i, "transfers")?;
            self.many_blobs(i, report)?;
            self.say_memory(i, "many blobs")?;
            self.manifests(i, round, report)?;
            self.say_memory(i, "manifests")?;
        }
        Ok(())
    }

    fn say_memory(&self, i: usize, after: &str) -> Result<()> {
        let server = &self.sides[i].server;
        let (now, most) = (server.memory_mib("VmRSS")?, server.memory_mib("VmHWM")?);
        eprintln!(
            "  {:<16} after {after}: {now:.0} MiB, at most {most:.0}",
            server.kind.name()
        );
        Ok(())
    }

    fn transfers(&mut self, i: usize, report: &mut Report) -> Result<()> {
        let side = self.sides[i].server.kind.side();
        let bytes = self.blob.len();
        let rate = |secs: f64| bytes as f64 / 1e6 / secs;
        let target = self.target(i, "transfers")?;
        let server = &self.sides[i].server;
        let first = digest(&self.blob);
        let (cpu, started) = (server.cpu_secs()?, Instant::now());
        target.push_streamed(&self.blob, &first)?;
        report.add(PUSH, side, rate(started.elapsed().as_secs_f64()));
        let per_gib = (1024 * MIB) as f64 / bytes as f64;
        report.add(PUSH_CPU, side, (server.cpu_secs()? - cpu) * per_gib);

        let (cpu, started) = (server.cpu_secs()?, Instant::now());
        ensure!(
            target.pull(&first)? == bytes as u64,
            "a pull of another length"
        );
        report.add(PULL, side, rate(started.elapsed().as_secs_f64()));
        report.add(PULL_CPU, side, (server.cpu_secs()? - cpu) * per_gib);
        let secs = at_once(4, |_| target.pull(&first).map(|_| ()))?;
        report.add(PULL_FOUR, side, 4.0 * rate(secs));

        self.blob[8] ^= 0xff;
        let second = digest(&self.blob);
        let started = Instant::now();
        target.push_chunked(&self.blob, &second, 64 * MIB)?;
        report.add(PUSH_CHUNKS, side, rate(started.elapsed().as_secs_f64()));
        Ok(())
    }

    fn many_blobs(&mut self, i: usize, report: &mut Report) -> Result<()> {
        let target = self.target(i, "many")?;
        let part = self.blob.len() / 16;
        let blobs: Vec<(&[u8], String)> = self.blob.chunks(part).map(|b| (b, digest(b))).collect();
        let next = std::sync::atomic::AtomicUsize::new(0);
        let secs = at_once(8, |_| {
            loop {
                let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some((blob, digest)) = blobs.get(n) else {
                    return Ok(());
                };
                target.push_whole(blob, digest)?;
            }
        })?;
        let side = self.sides[i].server.kind.side();
        report.add(WHOLE, side, self.blob.len() as f64 / 1e6 / secs);
        Ok(())
    }

    fn manifests(&self, i: usize, round: usize, report: &mut Report) -> Result<()> {
        let side = self.sides[i].server.kind.side();
        let target = self.target(i, "manifests")?;
        let (config, layer) = (digest(b"{}"), &self.blob[..1000]);
        target.push_whole(b"{}", &config)?;
        target.push_whole(layer, &digest(layer))?;
        let layer = (digest(layer), layer.len());
        let run = format!("r{round}");
        report.add(PUT, side, target.put_many(&run, &config, &layer)?);
        let manifest = crate::load::manifest(&config, 2, &layer, "read");
        target.put_manifest(&mut target.connect()?, "read", &manifest)?;
        let path = format!("/v2/{}/manifests/", target.repository);
        let (by_tag, by_digest) = (
            format!("{path}read"),
            format!("{path}{}", digest(manifest.as_bytes())),
        );
        report.add(GET, side, target.repeat("GET", &by_tag)?);
        report.add(GET_DIGEST, side, target.repeat("GET", &by_digest)?);
        report.add(HEAD, side, target.repeat("HEAD", &by_tag)?);
        Ok(())
    }

    /// Measures lists, on folders that were filled while the servers were down.
    pub fn lists(&mut self, report: &mut Report) -> Result<()> {
        let many = if self.is_small { 20_000 } else { 1_000_000 };
        let lists = [("few", 10_000), ("lots", many)];
        for i in 0..self.sides.len() {
            let side = &self.sides[i];
            let kind = side.server.kind;
            let most = side.server.memory_mib("VmHWM")?;
            report.add(LOADED, kind.side(), most);
            let folder = side.folder.clone();
            let program = self.program.clone();
            self.sides[i].server.stop();
            match kind {
                Kind::Dockyard => populate::dockyard(&folder, USER, &lists)?,
                Kind::DockerRegistry => populate::docker_registry(&folder, USER, &lists)?,
            }
            self.sides[i].server = Server::start(kind, &program, &folder)?;
            for (row, repository) in [(TAGS, "few"), (TAGS_MANY, "lots")] {
                let target = self.target(i, repository)?;
                let path = format!("/v2/{}/tags/list?n=100", target.repository);
                for _ in 0..3 {
                    report.add(row, kind.side(), time_ms(&target, &path)?);
                }
            }
            let target = self.target(i, "few")?;
            for _ in 0..3 {
                report.add(
                    CATALOG,
                    kind.side(),
                    time_ms(&target, "/v2/_catalog?n=100")?,
                );
            }
        }
        Ok(())
    }

    pub fn memory(&self, report: &mut Report) {
        for side in &self.sides {
            report.add(IDLE, side.server.kind.side(), side.idle_mib);
        }
    }

    fn target(&self, i: usize, repository: &str) -> Result<Target> {
        let server = &self.sides[i].server;
        let repository = format!("{USER}/{repository}");
        let token = match server.kind {
            Kind::Dockyard => Some(token(server.port, &repository)?),
            Kind::DockerRegistry => None,
        };
        Ok(Target {
            port: server.port,
            token,
            repository,
        })
    }
}

fn time_ms(target: &Target, path: &str) -> Result<f64> {
    let mut connection = target.connect()?;
    let started = Instant::now();
    let answer = connection.send("GET", path, "", Body::None)?;
    ensure!(answer.status == 200, "GET {path}: {}", answer.status);
    Ok(started.elapsed().as_secs_f64() * 1000.0)
}

/// Measures starts on empty folders.
pub fn starts(program: &Path, folder: &Path, rounds: usize, report: &mut Report) -> Result<()> {
    for round in 0..rounds {
        for kind in Kind::BOTH {
            let folder = folder.join(format!("start-{}-{round}", kind.name()));
            let server = Server::start(kind, program, &folder)?;
            report.add(
                START,
                kind.side(),
                server.first_answer.as_secs_f64() * 1000.0,
            );
        }
    }
    Ok(())
}

/// Fills with bytes that no file system compresses: a xorshift generator.
fn fill(bytes: &mut [u8]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for word in bytes.chunks_exact_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        word.copy_from_slice(&state.to_le_bytes());
    }
}

pub fn sign_up(port: u16) -> Result<()> {
    let body = format!("{{\"username\":\"{USER}\",\"password\":\"{PASSWORD}\"}}");
    let kind = "content-type: application/json\r\n";
    let body = Body::Whole(body.as_bytes());
    let answer = Connection::open(port, None)?.send("POST", "/api/v1/users", kind, body)?;
    ensure!(answer.status == 201, "signing up: {}", answer.status);
    Ok(())
}

/// Trades the password for a registry token, as docker does.
pub fn token(port: u16, repository: &str) -> Result<String> {
    let body = format!(
        "grant_type=password&username={USER}&password={}&service=bench&client_id=bench\
         &scope=repository:{repository}:pull,push%20registry:catalog:*",
        PASSWORD.replace(' ', "+")
    );
    let kind = "content-type: application/x-www-form-urlencoded\r\n";
    let mut connection = Connection::open(port, None)?;
    let text = connection.send_for_text("POST", "/token", kind, Body::Whole(body.as_bytes()))?;
    let (_, rest) = text.split_once("\"token\":\"").context("no token")?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}
