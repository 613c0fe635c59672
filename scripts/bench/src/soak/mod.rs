//! Soak test: measures the latency of honest clients and the memory of the server, first without and then with hostile
//! clients.

mod honest;
mod hostile;
mod wire;

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;

use self::honest::Seen;
use self::wire::Place;
use crate::http::{Body, Connection};
use crate::server::{Kind, Server};

const PASSWORD: &str = "correct horse battery";
/// Bytes of the blob that hostile clients do not read.
const BLOB_BYTES: usize = 3 * 1024 * 1024;

/// The number of clients of each kind, and the duration of each phase.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    pub hostile: usize,
    pub honest: usize,
    pub secs: u64,
}

/// The tokens, digests and bodies that the clients send.
#[derive(Debug)]
struct Target {
    honest_token: String,
    honest_basic: String,
    hostile_token: String,
    small_blob: String,
    large_blob: String,
    tar_start: Vec<u8>,
    tar_bomb: Vec<u8>,
    manifest: Vec<u8>,
}

/// Runs both phases on a server of its own and returns the report.
pub fn run(dockyard: &Path, folder: &Path, extent: Extent) -> Result<String> {
    let server = Server::start(Kind::Dockyard, dockyard, &folder.join("soak"))?;
    let target = Arc::new(prepare(&server)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let phase = |hostile| {
        let extent = Extent { hostile, ..extent };
        runtime.block_on(play(server.port, Arc::clone(&target), extent))
    };
    eprintln!("{} honest clients alone", extent.honest);
    let alone = phase(0);
    let before = server.memory_mib("VmHWM")?;
    eprintln!("beside {} hostile ones", extent.hostile);
    let beside = phase(extent.hostile);
    let peak = server.memory_mib("VmHWM")?;
    std::thread::sleep(Duration::from_secs(30));
    let after = server.memory_mib("VmRSS")?;
    let mut report = table(&alone, &beside, extent);
    writeln!(
        report,
        "\nMemory at its most: {before:.0} MiB without, {peak:.0} MiB with; {after:.0} MiB half a minute later."
    )?;
    Ok(report)
}

/// Lets clients work for a while, and returns what the honest ones saw.
async fn play(port: u16, target: Arc<Target>, extent: Extent) -> Seen {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut clients = JoinSet::new();
    let at = |network: u8, number: usize| {
        let host = u8::try_from(number % 250 + 1).unwrap_or(1);
        let from = Ipv4Addr::new(127, 0, network, host);
        Place { from, port }
    };
    for number in 0..extent.honest {
        clients.spawn(honest::run(
            at(1, number),
            Arc::clone(&target),
            number,
            Arc::clone(&seen),
        ));
    }
    for number in 0..extent.hostile {
        // Ten networks for all of them.
        clients.spawn(hostile::run(
            at(2, number % 10),
            Arc::clone(&target),
            number,
        ));
    }
    tokio::time::sleep(Duration::from_secs(extent.secs)).await;
    clients.shutdown().await;
    std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner))
}

fn table(alone: &Seen, beside: &Seen, extent: Extent) -> String {
    let mut text = String::new();
    let Extent {
        hostile,
        honest,
        secs,
    } = extent;
    let _ = writeln!(
        text,
        "{honest} honest clients for {secs} s alone, and for {secs} s beside {hostile} hostile ones:\n"
    );
    text += "| what | requests | median ms | p99 ms | requests beside | median ms | p99 ms | p99 ratio |\n";
    text += "|---|---|---|---|---|---|---|---|\n";
    for (what, millis) in &alone.millis {
        let others = beside.millis.get(what).map_or(&[][..], Vec::as_slice);
        let (median, p99) = (quantile(millis, 0.5), quantile(millis, 0.99));
        let (beside_median, beside_p99) = (quantile(others, 0.5), quantile(others, 0.99));
        let _ = writeln!(
            text,
            "| {what} | {} | {median:.1} | {p99:.1} | {} | {beside_median:.1} | {beside_p99:.1} | {:.1} |",
            millis.len(),
            others.len(),
            beside_p99 / p99,
        );
    }
    for (seen, when) in [(alone, "alone"), (beside, "beside")] {
        let failed: Vec<String> = seen
            .failed
            .iter()
            .map(|(what, count)| format!("{what} ({count})"))
            .collect();
        let failed = if failed.is_empty() {
            "nothing".to_owned()
        } else {
            failed.join(", ")
        };
        let _ = writeln!(text, "\nFailed {when}: {failed}.");
    }
    let _ = writeln!(
        text,
        "\nHostile clients, as many of each: {}.",
        hostile::KINDS.join("; ")
    );
    text
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let at = (sorted.len() as f64 * share) as usize;
    sorted
        .get(at.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
}

/// Makes the accounts, their tokens and an image.
fn prepare(server: &Server) -> Result<Target> {
    let mut tokens = Vec::new();
    for user in ["honest", "hostile"] {
        tokens.push(account(server, user)?);
    }
    let mut connection = Connection::open(server.port, Some(tokens[0].clone()))?;
    let config =
        br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let mut push = |bytes: &[u8]| -> Result<String> {
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
        let path = format!("/v2/honest/app/blobs/uploads/?digest={digest}");
        let answer = connection.send("POST", &path, "", Body::Whole(bytes))?;
        ensure!(answer.status == 201, "a blob is answered {}", answer.status);
        Ok(digest)
    };
    let pattern = |length: usize, step: usize| -> Vec<u8> {
        let byte = |i| u8::try_from(i * step / 7 % 251).unwrap_or_default();
        (0..length).map(byte).collect()
    };
    let (small, large) = (pattern(64 * 1024, 3), pattern(BLOB_BYTES, 5));
    let (config_digest, small_blob, large_blob) = (push(config)?, push(&small)?, push(&large)?);
    let layer = |digest: &str, size: usize| {
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{digest}","size":{size}}}"#
        )
    };
    let manifest = |layers: &str| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_digest}","size":{}}},"layers":[{layers}]}}"#,
            config.len()
        )
    };
    let image = manifest(
        &[
            layer(&small_blob, small.len()),
            layer(&large_blob, large.len()),
        ]
        .join(","),
    );
    let kind = "content-type: application/vnd.oci.image.manifest.v1+json\r\n";
    let put = connection.send(
        "PUT",
        "/v2/honest/app/manifests/v1",
        kind,
        Body::Whole(image.as_bytes()),
    )?;
    ensure!(put.status == 201, "the image is answered {}", put.status);
    let many: Vec<String> = (0..1000).map(|_| layer(&small_blob, small.len())).collect();
    let mut hostile = Connection::open(server.port, Some(tokens[1].clone()))?;
    for n in 0..8 {
        let body = format!(r#"{{"name":"hostile/r{n}"}}"#);
        let json = "content-type: application/json\r\n";
        hostile.send(
            "POST",
            "/api/v1/repositories",
            json,
            Body::Whole(body.as_bytes()),
        )?;
    }
    let (name, password) = honest::credentials();
    Ok(Target {
        honest_basic: base64(format!("{name}:{password}").as_bytes()),
        honest_token: tokens.remove(0),
        hostile_token: tokens.remove(0),
        small_blob,
        large_blob,
        tar_start: tar_header(b'0', "manifest.json", 100_000),
        tar_bomb: tar_header(b'L', "././@LongLink", 512 * 1024 * 1024),
        manifest: manifest(&many.join(",")).into_bytes(),
    })
}

fn account(server: &Server, user: &str) -> Result<String> {
    let mut connection = Connection::open(server.port, None)?;
    let json = "content-type: application/json\r\n";
    let body = format!(r#"{{"username":"{user}","password":"{PASSWORD}"}}"#);
    let made = connection.send("POST", "/api/v1/users", json, Body::Whole(body.as_bytes()))?;
    ensure!(made.status == 201, "an account is answered {}", made.status);
    let basic = base64(format!("{user}:{PASSWORD}").as_bytes());
    let headers = format!("{json}authorization: Basic {basic}\r\n");
    let text = connection.send_for_text(
        "POST",
        "/api/v1/tokens",
        &headers,
        Body::Whole(br#"{"name":"soak"}"#),
    )?;
    let token = text
        .split("\"token\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    Ok(token.context("no token")?.to_owned())
}

/// Source: POSIX, ustar interchange format.
fn tar_header(kind: u8, name: &str, size: u64) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    header[148..156].fill(b' ');
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, i| {
            bits << 8 | u32::from(group.get(i).copied().unwrap_or(0))
        });
        for i in 0..4 {
            let is_there = i <= group.len();
            let letter = LETTERS[(bits >> (18 - 6 * i) & 63) as usize];
            text.push(if is_there { letter.into() } else { '=' });
        }
    }
    text
}
