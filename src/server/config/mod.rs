//! Settings: flags, then the environment, then `dockyard.toml`, then defaults.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use dockyard_hub::clock::Clock;
use dockyard_hub::images::CollectorOptions;
use dockyard_hub::{HubOptions, Secret};
use ipnet::IpNet;
use serde::Deserialize;

use super::http::unsent::UNSENT;
use super::tls::TlsFiles;

mod args;
mod data;
mod times;

use data::{Addressing, Places};
use times::Keep;
#[cfg(debug_assertions)]
use times::TimeShift;

pub use args::{
    AdminCommand, BackupArgs, Cli, Command, GcArgs, HealthArgs, KeepArgs, LogFormat, RestoreArgs,
    RotateKeysArgs, ServeArgs, SignUp, VerifyArgs,
};
pub use data::DataArgs;

/// Bytes of a GiB.
const GIB: u64 = 1024 * 1024 * 1024;
/// Where the server listens, unless set otherwise.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3000);

/// Connections at once, in all and of one network, unless set otherwise.
const CONNECTIONS: (usize, usize) = (8192, 1024);

/// Time between two passes of the collector, unless set otherwise.
const GC_INTERVAL: Duration = Duration::from_hours(1);

/// What `dockyard.toml` may hold: the long flags with underscores.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<SocketAddr>,
    data_dir: Option<PathBuf>,
    database_url: Option<Secret<String>>,
    bucket: Option<String>,
    s3_endpoint: Option<String>,
    s3_region: Option<String>,
    s3_addressing: Option<Addressing>,
    s3_encryption: Option<String>,
    s3_redirect: Option<bool>,
    s3_create_bucket: Option<bool>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    http_redirect: Option<SocketAddr>,
    public_url: Option<OneOrMore>,
    trusted_proxies: Option<Vec<IpNet>>,
    connections: Option<usize>,
    connections_per_network: Option<usize>,
    unsent: Option<usize>,
    unsent_per_network: Option<usize>,
    log_format: Option<LogFormat>,
    signup: Option<SignUp>,
    signups_per_network: Option<u32>,
    uploads_per_user: Option<u64>,
    unfinished_per_user: Option<u64>,
    gc_interval: Option<Keep>,
    gc_grace: Option<Keep>,
    gc_untagged: Option<Keep>,
}

/// One text, or a list of some.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::More(more) => more,
        }
    }
}

impl File {
    /// Reads the file that was named, or `dockyard.toml` if there is one.
    fn read(named: Option<&Path>) -> anyhow::Result<Self> {
        let path = named.unwrap_or(Path::new("dockyard.toml"));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(error).with_context(|| format!("can't read {}", path.display()));
            }
        };
        toml::from_str(&text).with_context(|| format!("{} is not valid", path.display()))
    }

    fn data(&self, args: DataArgs, clock: Clock) -> anyhow::Result<HubOptions> {
        let places = Places {
            database_url: self.database_url.clone(),
            bucket: self.bucket.clone(),
            s3_endpoint: self.s3_endpoint.clone(),
            s3_region: self.s3_region.clone(),
            s3_addressing: self.s3_addressing,
            s3_encryption: self.s3_encryption.clone(),
            s3_redirect: self.s3_redirect,
            s3_create_bucket: self.s3_create_bucket,
        };
        data::resolve(args, self.data_dir.clone(), places, clock)
    }

    fn collector(&self, args: &KeepArgs) -> anyhow::Result<CollectorOptions> {
        let defaults = CollectorOptions::default();
        let grace_ms = match args.gc_grace.or(self.gc_grace) {
            None => defaults.grace_ms,
            Some(keep) => keep
                .millis()
                .context("the grace period can't be \"never\"")?,
        };
        let untagged = args.gc_untagged.or(self.gc_untagged);
        Ok(CollectorOptions {
            grace_ms,
            untagged_ms: untagged.map_or(defaults.untagged_ms, Keep::millis),
        })
    }
}

impl HealthArgs {
    /// Is the address that the server listens on, and whether over HTTPS.
    pub fn address(&self) -> anyhow::Result<(SocketAddr, bool)> {
        let file = File::read(self.config.as_deref())?;
        let is_tls = self.tls_cert.is_some() || file.tls_cert.is_some();
        Ok((self.listen.or(file.listen).unwrap_or(LISTEN), is_tls))
    }
}

/// The settings in force.
#[derive(Debug, Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    /// Where certificate and key are; `None` for plain http.
    pub tls: Option<TlsFiles>,
    /// Where plain http is led on to HTTPS.
    pub http_redirect: Option<SocketAddr>,
    pub data: HubOptions,
    /// Each without a slash at its end.
    pub public_urls: Vec<String>,
    /// Those whose word on where a request comes from is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// Connections at once, in all and of one network.
    pub connections: (usize, usize),
    /// Bytes of answers that clients have not taken, in all and of one network.
    pub unsent: (usize, usize),
    pub log_format: LogFormat,
    /// Time between two passes of the collector; `None` for no passes.
    pub gc_interval: Option<Duration>,
    pub collector: CollectorOptions,
}

/// The settings of `dockyard admin`.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    pub data: HubOptions,
    pub collector: CollectorOptions,
}

impl AdminSettings {
    /// Puts flags, environment, file and defaults together.
    pub fn resolve(data: DataArgs, keep: &KeepArgs) -> anyhow::Result<Self> {
        let file = File::read(data.config.as_deref())?;
        Ok(Self {
            data: file.data(data, Clock::system())?,
            collector: file.collector(keep)?,
        })
    }
}

impl Settings {
    /// Puts flags, environment, file and defaults together.
    ///
    /// Errors: the file can't be read, or has a setting that does not exist.
    pub fn resolve(args: ServeArgs) -> anyhow::Result<Self> {
        let file = File::read(args.data.config.as_deref())?;
        #[cfg(debug_assertions)]
        let clock = args
            .time_shift
            .map_or_else(Clock::system, |TimeShift(by_ms)| Clock::shifted(by_ms));
        #[cfg(not(debug_assertions))]
        let clock = Clock::system();
        let collector = file.collector(&args.keep)?;
        let mut data = file.data(args.data, clock)?;
        let signup = args.signup.or(file.signup).unwrap_or_default();
        data.sign_ups.is_open = signup == SignUp::Open;
        if let Some(number) = args.signups_per_network.or(file.signups_per_network) {
            data.sign_ups.an_hour = if number == 0 { u32::MAX } else { number };
        }
        if let Some(number) = args.uploads_per_user.or(file.uploads_per_user) {
            data.uploads.of_one = number;
        }
        if let Some(gib) = args.unfinished_per_user.or(file.unfinished_per_user) {
            data.uploads.bytes_of_one = gib.saturating_mul(GIB);
        }
        let gc_interval = match args.gc_interval.or(file.gc_interval) {
            None => Some(GC_INTERVAL),
            Some(Keep::Never) => None,
            Some(Keep::For(time)) => Some(time.max(Duration::from_secs(1))),
        };
        let certificate = args.tls.tls_cert.or(file.tls_cert);
        let tls = match (certificate, args.tls.tls_key.or(file.tls_key)) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            _ => {
                anyhow::bail!("HTTPS takes both a certificate (--tls-cert) and its key (--tls-key)")
            }
        };
        let http_redirect = args.tls.http_redirect.or(file.http_redirect);
        anyhow::ensure!(
            tls.is_some() || http_redirect.is_none(),
            "--http-redirect leads on to HTTPS, which takes a certificate (--tls-cert) and its key (--tls-key)"
        );
        let public_urls = args.public_url.or(file.public_url.map(OneOrMore::into_vec));
        let public_urls = public_urls.unwrap_or_default().into_iter();
        let public_urls: Vec<String> = public_urls
            .map(|url| url.trim().trim_end_matches('/').to_owned())
            .collect();
        require_one_scheme(&public_urls)?;
        Ok(Self {
            listen: args.listen.or(file.listen).unwrap_or(LISTEN),
            tls,
            http_redirect,
            data,
            public_urls,
            trusted_proxies: args
                .trusted_proxies
                .or(file.trusted_proxies)
                .unwrap_or_default(),
            connections: (
                most(args.connections.or(file.connections), CONNECTIONS.0),
                most(
                    args.connections_per_network
                        .or(file.connections_per_network),
                    CONNECTIONS.1,
                ),
            ),
            unsent: (
                mib(args.unsent.or(file.unsent), UNSENT.0),
                mib(
                    args.unsent_per_network.or(file.unsent_per_network),
                    UNSENT.1,
                ),
            ),
            log_format: args.log_format.or(file.log_format).unwrap_or_default(),
            gc_interval,
            collector,
        })
    }
}

/// Makes sure that addresses are some, and that cookies can be the same for all of them.
fn require_one_scheme(urls: &[String]) -> anyhow::Result<()> {
    let schemes: Vec<&str> = urls
        .iter()
        .filter_map(|url| Some(url.split_once("://")?.0))
        .collect();
    for url in urls {
        let is_known = ["http", "https"].iter().any(|scheme| {
            url.strip_prefix(scheme)
                .is_some_and(|rest| rest.starts_with("://"))
        });
        anyhow::ensure!(
            is_known,
            "the public URL {url} must start with http:// or https://"
        );
    }
    anyhow::ensure!(
        schemes.windows(2).all(|pair| pair[0] == pair[1]),
        "the public URLs must all start with https://, or all with http://: they share their cookies"
    );
    Ok(())
}

/// Returns a bound as it was set; 0 is none.
fn most(set: Option<usize>, default: usize) -> usize {
    match set {
        Some(0) => usize::MAX,
        set => set.unwrap_or(default),
    }
}

/// Returns a setting in MiB as bytes; 0 is no bound.
fn mib(set: Option<usize>, default: usize) -> usize {
    most(set.map(|mib| mib.saturating_mul(1024 * 1024)), default)
}

#[cfg(test)]
mod tests;
