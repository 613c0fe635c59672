//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use serde::Deserialize;

use super::data::DataArgs;
use super::times::Keep;
#[cfg(debug_assertions)]
use super::times::TimeShift;

/// A Docker Hub of your own.
#[derive(Debug, Parser)]
#[command(name = "dockyard", version, about, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  dockyard serve
  dockyard serve --listen 127.0.0.1:8080 --data-dir /var/lib/dockyard
  dockyard serve --public-url https://images.example.org
  dockyard serve --database-url postgres://dockyard@db/dockyard --bucket images
  dockyard admin gc --dry-run
  dockyard admin verify --data-dir /var/lib/dockyard
  dockyard admin backup --data-dir /var/lib/dockyard /mnt/backup/dockyard
  dockyard admin restore --data-dir /var/lib/dockyard /mnt/backup/dockyard";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the registry, the pages and the API until Ctrl-C.
    Serve(Box<ServeArgs>),
    /// Ask a running server whether it can serve; exits with 1 when it can't.
    Health(HealthArgs),
    /// Look after the data; may be used while the server runs.
    #[command(subcommand)]
    Admin(AdminCommand),
}

#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Free what nothing refers to any more, as the server does every hour.
    Gc(GcArgs),
    /// Hash every blob and manifest anew, check every reference, and say what is wrong and where.
    ///
    /// Exits with 1 when a problem is left.
    Verify(VerifyArgs),
    /// Make a backup of the embedded database and all blobs in a folder, while the server goes on.
    ///
    /// The same folder again: only what is new is copied. Exits with 1 when blobs had to be left out.
    Backup(BackupArgs),
    /// Put a backup into a folder that has no database yet, and into its bucket if it has one.
    ///
    /// Every blob is hashed on the way. Exits with 1 when blobs had to be left out.
    Restore(RestoreArgs),
    /// Make new keys, when the old ones may have been seen, as in a lost backup.
    ///
    /// The registry tokens that clients hold for a quarter of an hour end, and set-up links. Running servers take the new key up
    /// within 30 seconds. Passwords, sessions and personal tokens, of which the database has hashes, stay.
    RotateKeys(RotateKeysArgs),
}

/// Which server is asked.
#[derive(Debug, Default, clap::Args)]
pub struct HealthArgs {
    /// Address that the server listens on [default: 127.0.0.1:3000]
    #[arg(long, env = "DOCKYARD_LISTEN", value_name = "HOST:PORT")]
    pub listen: Option<SocketAddr>,
    /// The server's certificate, when it serves HTTPS; not read
    #[arg(long, env = "DOCKYARD_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Settings file [default: dockyard.toml, if there is one]
    #[arg(long, env = "DOCKYARD_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// How the server encrypts what clients send.
#[derive(Debug, Default, clap::Args)]
pub struct TlsArgs {
    /// Certificate for HTTPS, as PEM, with those that lead to its authority; read again when it changes
    #[arg(
        long,
        env = "DOCKYARD_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    pub tls_cert: Option<PathBuf>,
    /// Key of the certificate, as PEM
    #[arg(
        long,
        env = "DOCKYARD_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    pub tls_key: Option<PathBuf>,
    /// One more address, on which plain http is led on to HTTPS
    #[arg(long, env = "DOCKYARD_HTTP_REDIRECT", value_name = "HOST:PORT")]
    pub http_redirect: Option<SocketAddr>,
}

/// How long things are kept that nothing refers to.
#[derive(Debug, Default, clap::Args)]
pub struct KeepArgs {
    /// How long a blob stays after the last manifest that refers to it [default: 1d]
    #[arg(long, env = "DOCKYARD_GC_GRACE", value_name = "TIME")]
    pub gc_grace: Option<Keep>,
    /// How long a manifest stays without a tag, an index or a subject; "never" to delete none
    /// [default: 14d]
    #[arg(long, env = "DOCKYARD_GC_UNTAGGED", value_name = "TIME")]
    pub gc_untagged: Option<Keep>,
}

#[derive(Debug, clap::Args)]
pub struct GcArgs {
    /// Only tell what would be freed now
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub data: DataArgs,
    #[command(flatten)]
    pub keep: KeepArgs,
}

#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// Folder of the backup
    #[arg(value_name = "DIR")]
    pub to: PathBuf,
    #[command(flatten)]
    pub data: DataArgs,
}

#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// Folder of the backup
    #[arg(value_name = "DIR")]
    pub from: PathBuf,
    #[command(flatten)]
    pub data: DataArgs,
}

#[derive(Debug, clap::Args)]
pub struct RotateKeysArgs {
    #[command(flatten)]
    pub data: DataArgs,
}

#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// Take damaged blobs out of service, so that a push puts them back, and mend references
    #[arg(long)]
    pub repair: bool,
    #[command(flatten)]
    pub data: DataArgs,
}

/// Where log lines are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Who may make accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignUp {
    /// Everybody who reaches the server.
    #[default]
    Open,
    /// Nobody but the first administrator.
    Closed,
}

#[derive(Debug, Default, clap::Args)]
pub struct ServeArgs {
    /// Address to listen on [default: 127.0.0.1:3000]
    #[arg(long, env = "DOCKYARD_LISTEN", value_name = "HOST:PORT")]
    pub listen: Option<SocketAddr>,
    #[command(flatten)]
    pub data: DataArgs,
    #[command(flatten)]
    pub tls: TlsArgs,
    /// Address that clients use, when a proxy stands in front; several with commas between, the first for clients that ask
    /// under none of them
    #[arg(
        long,
        env = "DOCKYARD_PUBLIC_URL",
        value_name = "URL",
        value_delimiter = ','
    )]
    pub public_url: Option<Vec<String>>,
    /// Proxies whose X-Forwarded-For says where a request comes from, as networks with commas between
    #[arg(
        long,
        env = "DOCKYARD_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        value_delimiter = ','
    )]
    pub trusted_proxies: Option<Vec<IpNet>>,
    /// Connections that are open at most; 0 for as many as come [default: 8192]
    #[arg(long, env = "DOCKYARD_CONNECTIONS", value_name = "NUMBER")]
    pub connections: Option<usize>,
    /// Connections of one address (of IPv6, one /64) at most; those of trusted proxies are not counted [default: 1024]
    #[arg(long, env = "DOCKYARD_CONNECTIONS_PER_NETWORK", value_name = "NUMBER")]
    pub connections_per_network: Option<usize>,
    /// MiB of answers that clients have not taken yet; beyond that 503 [default: 512]
    #[arg(long, env = "DOCKYARD_UNSENT", value_name = "MIB")]
    pub unsent: Option<usize>,
    /// MiB of them for one address (of IPv6, one /64) [default: 128]
    #[arg(long, env = "DOCKYARD_UNSENT_PER_NETWORK", value_name = "MIB")]
    pub unsent_per_network: Option<usize>,
    /// Who may make accounts: everybody, or nobody but the first administrator [default: open]
    #[arg(long, env = "DOCKYARD_SIGNUP", value_name = "WHO")]
    pub signup: Option<SignUp>,
    /// Accounts that one address (of IPv6, one /64) may make in an hour; 0 for as many as it likes [default: 20]
    #[arg(long, env = "DOCKYARD_SIGNUPS_PER_NETWORK", value_name = "NUMBER")]
    pub signups_per_network: Option<u32>,
    /// Uploads that one user may have under way [default: 1000]
    #[arg(long, env = "DOCKYARD_UPLOADS_PER_USER", value_name = "NUMBER")]
    pub uploads_per_user: Option<u64>,
    /// GiB that one user may have in uploads under way, and of the largest blob [default: 100]
    #[arg(long, env = "DOCKYARD_UNFINISHED_PER_USER", value_name = "GIB")]
    pub unfinished_per_user: Option<u64>,
    /// Form of the log on stderr [default: text]
    #[arg(long, env = "DOCKYARD_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// How often to free what nothing refers to any more, or "never" [default: 1h]
    #[arg(long, env = "DOCKYARD_GC_INTERVAL", value_name = "TIME")]
    pub gc_interval: Option<Keep>,
    #[command(flatten)]
    pub keep: KeepArgs,
    /// Run on a clock that is so far from the machine's, for demonstrations; a released program has no such thing
    #[cfg(debug_assertions)]
    #[arg(
        long,
        env = "DOCKYARD_TIME_SHIFT",
        value_name = "TIME",
        hide = true,
        allow_hyphen_values = true
    )]
    pub time_shift: Option<TimeShift>,
}
