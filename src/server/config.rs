//! Settings: flags, then the environment, then `dockyard.toml`, then defaults.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use serde::Deserialize;

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
  dockyard serve --public-url https://images.example.org";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the registry, the pages and the API until Ctrl-C.
    Serve(ServeArgs),
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

#[derive(Debug, Default, clap::Args)]
pub struct ServeArgs {
    /// Address to listen on [default: 127.0.0.1:3000]
    #[arg(long, env = "DOCKYARD_LISTEN", value_name = "HOST:PORT")]
    pub listen: Option<SocketAddr>,
    /// Folder of the database, the blobs and the search index [default: ./data]
    #[arg(long, env = "DOCKYARD_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address that clients use, when a proxy stands in front
    #[arg(long, env = "DOCKYARD_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Form of the log on stderr [default: text]
    #[arg(long, env = "DOCKYARD_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Settings file [default: dockyard.toml, if there is one]
    #[arg(long, env = "DOCKYARD_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What `dockyard.toml` may hold: the long flags with underscores.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<SocketAddr>,
    data_dir: Option<PathBuf>,
    public_url: Option<String>,
    log_format: Option<LogFormat>,
}

/// The settings in force.
#[derive(Debug, Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    /// Without a slash at its end.
    pub public_url: Option<String>,
    pub log_format: LogFormat,
}

impl Settings {
    /// Puts flags, environment, file and defaults together.
    ///
    /// Errors: the file can't be read, or has a setting that does not exist.
    pub fn resolve(args: ServeArgs) -> anyhow::Result<Self> {
        let file = read_file(args.config.as_deref())?;
        let public_url = args.public_url.or(file.public_url);
        if let Some(url) = &public_url {
            let known = url.starts_with("http://") || url.starts_with("https://");
            anyhow::ensure!(
                known,
                "the public URL {url} must start with http:// or https://"
            );
        }
        Ok(Self {
            listen: args
                .listen
                .or(file.listen)
                .unwrap_or(([127, 0, 0, 1], 3000).into()),
            data_dir: args
                .data_dir
                .or(file.data_dir)
                .unwrap_or_else(|| "data".into()),
            public_url: public_url.map(|url| url.trim_end_matches('/').to_owned()),
            log_format: args.log_format.or(file.log_format).unwrap_or_default(),
        })
    }
}

fn read_file(named: Option<&Path>) -> anyhow::Result<File> {
    let path = named.unwrap_or(Path::new("dockyard.toml"));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(File::default());
        }
        Err(error) => return Err(error).with_context(|| format!("can't read {}", path.display())),
    };
    toml::from_str(&text).with_context(|| format!("{} is not valid", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dockyard.toml");
        std::fs::write(
            &file,
            "listen = \"127.0.0.1:1\"\npublic_url = \"https://x/\"\n",
        )
        .unwrap();
        let args = ServeArgs {
            config: Some(file.clone()),
            ..ServeArgs::default()
        };
        let settings = Settings::resolve(args).unwrap();
        assert_eq!(settings.listen.port(), 1);
        assert_eq!(settings.public_url.as_deref(), Some("https://x"));
        assert_eq!(settings.data_dir, Path::new("data"));

        let listen = Some(([127, 0, 0, 1], 2).into());
        let args = ServeArgs {
            config: Some(file.clone()),
            listen,
            ..ServeArgs::default()
        };
        assert_eq!(Settings::resolve(args).unwrap().listen.port(), 2);

        std::fs::write(&file, "lisen = 1\n").unwrap();
        let args = ServeArgs {
            config: Some(file),
            ..ServeArgs::default()
        };
        assert!(Settings::resolve(args).is_err());
    }
}
