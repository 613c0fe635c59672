//! Tarballs of images: importing plain and compressed layers, and exporting.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::http::{Body, Connection};
use crate::load::{self, MIB, Target, digest};
use crate::report::{Better, Measure, Report, Side};
use crate::rows::{USER, sign_up, token};
use crate::server::{Kind, Server};

const PLAIN: Measure = (
    "import a plain layer of 1 GiB, beside `pigz -1 -p 2`",
    "MB/s",
    Better::More,
);
const PACKED: Measure = (
    "import the same compressed, beside a push of that blob",
    "MB/s",
    Better::More,
);
const AGAIN: Measure = (
    "import it again, beside a push of that blob",
    "MB/s",
    Better::More,
);
const EXPORT: Measure = (
    "export it, beside a pull of that blob",
    "MB/s",
    Better::More,
);
const MEMORY: Measure = ("memory, the most under all of this", "MiB", Better::Less);

/// Of `bench:` and the password, as Basic credentials.
const BASIC: &str = "authorization: Basic YmVuY2g6YSBsb25nIGJlbmNoIHBhc3N3b3Jk\r\n";

/// Measures on a server of its own.
pub fn measure(
    program: &Path,
    folder: &Path,
    rounds: usize,
    is_small: bool,
    report: &mut Report,
) -> Result<()> {
    let server = Server::start(Kind::Dockyard, program, &folder.join("tarballs"))?;
    sign_up(server.port)?;
    let mut layer = layer(if is_small { 128 * MIB } else { 1024 * MIB })?;
    let door = Door::open(server.port)?;
    for round in 0..rounds {
        // New to the server in each round.
        layer[512..520].copy_from_slice(&round.to_le_bytes());
        let packed = plain(&door, &layer, folder, round, report)?;
        compressed(&door, &packed, &digest(&layer), round, report)?;
    }
    report.add(MEMORY, Side::Dockyard, server.memory_mib("VmHWM")?);
    Ok(())
}

/// Where tarballs and blobs go, with a token for each.
struct Door {
    port: u16,
    personal: String,
}

impl Door {
    fn open(port: u16) -> Result<Self> {
        let kind = format!("content-type: application/json\r\n{BASIC}");
        let body = b"{\"name\":\"bench\"}";
        let mut connection = Connection::open(port, None)?;
        let answer =
            connection.send_for_text("POST", "/api/v1/tokens", &kind, Body::Whole(body))?;
        let (_, rest) = answer.split_once("\"token\":\"").context("no token")?;
        let personal = rest.split('"').next().unwrap_or_default().to_owned();
        Ok(Self { port, personal })
    }

    fn target(&self, name: &str) -> Result<Target> {
        let repository = format!("{USER}/{name}");
        Ok(Target {
            port: self.port,
            token: Some(token(self.port, &repository)?),
            repository,
        })
    }

    fn import(&self, name: &str, tarball: &[u8]) -> Result<f64> {
        let mut connection = Connection::open(self.port, Some(self.personal.clone()))?;
        let path = format!("/api/v1/images/{USER}/{name}");
        let kind = "content-type: application/x-tar\r\n";
        let started = Instant::now();
        let answer = connection.send("PUT", &path, kind, Body::Whole(tarball))?;
        ensure!(answer.status == 201, "PUT {path}: {}", answer.status);
        Ok(rate(tarball.len() as u64, started))
    }

    fn export(&self, name: &str) -> Result<f64> {
        let mut connection = Connection::open(self.port, Some(self.personal.clone()))?;
        let path = format!("/api/v1/images/{USER}/{name}");
        let started = Instant::now();
        let answer = connection.send("GET", &path, "", Body::None)?;
        ensure!(answer.status == 200, "GET {path}: {}", answer.status);
        Ok(rate(answer.length, started))
    }
}

fn rate(bytes: u64, started: Instant) -> f64 {
    bytes as f64 / 1e6 / started.elapsed().as_secs_f64()
}

/// Lets the disk come to rest: what was written before must not count.
fn settle() -> Result<()> {
    Command::new("sync").status().context("can't start sync")?;
    std::thread::sleep(std::time::Duration::from_secs(1));
    Ok(())
}

/// Imports a plain layer and has pigz compress it; returns what pigz made of it.
fn plain(
    door: &Door,
    layer: &[u8],
    folder: &Path,
    round: usize,
    report: &mut Report,
) -> Result<Vec<u8>> {
    let tarball = saved(layer, &digest(layer));
    settle()?;
    report.add(
        PLAIN,
        Side::Dockyard,
        door.import(&format!("plain:r{round}"), &tarball)?,
    );
    drop(tarball);

    let (from, to) = (folder.join("layer.tar"), folder.join("layer.tar.gz"));
    std::fs::write(&from, layer)?;
    settle()?;
    let started = Instant::now();
    let status = Command::new("pigz")
        .args(["-1", "-p", "2", "-c"])
        .stdin(Stdio::from(File::open(&from)?))
        .stdout(Stdio::from(File::create(&to)?))
        .status()
        .context("can't start pigz")?;
    ensure!(status.success(), "pigz failed");
    report.add(PLAIN, Side::Other, rate(layer.len() as u64, started));
    let packed = std::fs::read(&to)?;
    std::fs::remove_file(from)?;
    std::fs::remove_file(to)?;
    Ok(packed)
}

/// Pushes a compressed layer as a blob, imports it in a tarball, again, and takes it out. Each push and import is of
/// bytes that the server has not seen: a byte of the gzip header, which says when it was made, differs.
fn compressed(
    door: &Door,
    packed: &[u8],
    diff_id: &str,
    round: usize,
    report: &mut Report,
) -> Result<()> {
    let mut packed = packed.to_vec();
    let mut renewed = |n: usize| -> (Vec<u8>, String) {
        packed[4..8].copy_from_slice(
            &u32::try_from(round * 2 + n + 1)
                .unwrap_or_default()
                .to_le_bytes(),
        );
        (packed.clone(), digest(&packed))
    };
    let target = door.target("packed")?;
    let tag = format!("packed:r{round}");
    // The one that comes first finds the disk less busy: they take turns.
    let (mut pushed, mut name, mut tarball) = (0.0, String::new(), Vec::new());
    for n in 0..2 {
        let (blob, digest) = renewed(n);
        if n == round % 2 {
            settle()?;
            let started = Instant::now();
            target.push_streamed(&blob, &digest)?;
            pushed = rate(blob.len() as u64, started);
        } else {
            tarball = layout(&blob, &digest, diff_id);
            name = digest;
            drop(blob);
            settle()?;
            report.add(PACKED, Side::Dockyard, door.import(&tag, &tarball)?);
        }
    }
    report.add(PACKED, Side::Other, pushed);
    report.add(AGAIN, Side::Dockyard, door.import(&tag, &tarball)?);
    report.add(AGAIN, Side::Other, pushed);

    let started = Instant::now();
    let pulled = target.pull(&name)?;
    report.add(EXPORT, Side::Other, rate(pulled, started));
    report.add(EXPORT, Side::Dockyard, door.export(&tag)?);
    Ok(())
}

/// A tar of one file, that consists of the machine's programs and libraries, one after the other.
fn layer(bytes: usize) -> Result<Vec<u8>> {
    let mut content = Vec::with_capacity(bytes);
    let mut folders = vec![PathBuf::from("/usr/lib"), PathBuf::from("/usr/bin")];
    while let Some(folder) = folders.pop() {
        let mut entries = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file()
                && let Ok(file) = File::open(entry.path())
            {
                let left = (bytes - content.len()) as u64;
                file.take(left).read_to_end(&mut content)?;
            }
        }
    }
    ensure!(
        content.len() == bytes,
        "there are not enough files on this machine"
    );
    let mut tar = Vec::with_capacity(bytes + 4096);
    append(&mut tar, "data", &content);
    tar.extend([0; 1024]);
    Ok(tar)
}

/// What tools write of an image with one layer that they keep compressed: an OCI layout.
fn layout(layer: &[u8], name: &str, diff_id: &str) -> Vec<u8> {
    let config = config(diff_id);
    let manifest = load::manifest(
        &digest(config.as_bytes()),
        config.len(),
        &(name.to_owned(), layer.len()),
        "bench",
    );
    let index = format!(
        "{{\"schemaVersion\":2,\"manifests\":[{{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\
         \"digest\":\"{}\",\"size\":{}}}]}}",
        digest(manifest.as_bytes()),
        manifest.len()
    );
    let place = |digest: &str| format!("blobs/{}", digest.replace(':', "/"));
    let mut tar = Vec::with_capacity(layer.len() + 8192);
    append(&mut tar, "index.json", index.as_bytes());
    append(
        &mut tar,
        &place(&digest(manifest.as_bytes())),
        manifest.as_bytes(),
    );
    append(
        &mut tar,
        &place(&digest(config.as_bytes())),
        config.as_bytes(),
    );
    append(&mut tar, &place(name), layer);
    tar.extend([0; 1024]);
    tar
}

fn config(diff_id: &str) -> String {
    format!(
        "{{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"{diff_id}\"]}}}}"
    )
}

/// What `docker save` writes of an image with one layer.
fn saved(layer: &[u8], diff_id: &str) -> Vec<u8> {
    let config = config(diff_id);
    let manifest = "[{\"Config\":\"config.json\",\"RepoTags\":null,\"Layers\":[\"layer.tar\"]}]";
    let mut tar = Vec::with_capacity(layer.len() + 8192);
    append(&mut tar, "config.json", config.as_bytes());
    append(&mut tar, "layer.tar", layer);
    append(&mut tar, "manifest.json", manifest.as_bytes());
    tar.extend([0; 1024]);
    tar
}

/// Adds a file to a tar. Source: POSIX, "ustar Interchange Format".
fn append(tar: &mut Vec<u8>, name: &str, content: &[u8]) {
    let mut header = [0_u8; 512];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    put(148, "        0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend(header);
    tar.extend(content);
    tar.resize(tar.len().next_multiple_of(512), 0);
}
