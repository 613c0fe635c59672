//! Where the engine is: what the environment says, the context that docker was given, else the usual sockets.
//!
//! Source: the documentation of docker's command line, "Environment variables" and "Docker contexts".

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result, bail};
use bollard::errors::Error as DockerError;
use bollard::{API_DEFAULT_VERSION, Docker};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::ASK_SECS;

/// The context that stands for no context.
const NO_CONTEXT: &str = "default";

/// An engine's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub host: String,
    /// Folder of `ca.pem`, `cert.pem` and `key.pem`, for an engine that speaks TLS.
    certificates: Option<PathBuf>,
}

/// What of docker's `config.json` is read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    current_context: Option<String>,
}

/// A context as docker keeps it, in a folder named by the hash of its name.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: Endpoint,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    host: String,
}

impl Place {
    fn open(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            certificates: None,
        }
    }

    /// Finds the engine that somebody named: `DOCKER_HOST`, `DOCKER_CONTEXT`, or `docker context use`.
    ///
    /// `set` reads the environment; `folder` is docker's own. Errors: a context that is not there.
    pub fn named(
        set: impl Fn(&str) -> Option<String>,
        folder: Option<&Path>,
    ) -> Result<Option<Self>> {
        if let Some(host) = set("DOCKER_HOST") {
            let is_tls = host.starts_with("tcp://")
                && (set("DOCKER_TLS_VERIFY").is_some() || set("DOCKER_TLS").is_some());
            let certificates = match set("DOCKER_CERT_PATH") {
                Some(path) => Some(path.into()),
                None => folder.map(Path::to_owned),
            };
            let certificates = certificates.filter(|_| is_tls);
            return Ok(Some(Self { host, certificates }));
        }
        let Some(folder) = folder else {
            return Ok(None);
        };
        let context = set("DOCKER_CONTEXT").or_else(|| current_context(folder));
        match context.filter(|name| name != NO_CONTEXT) {
            Some(context) => Self::of_context(folder, &context).map(Some),
            None => Ok(None),
        }
    }

    fn of_context(folder: &Path, name: &str) -> Result<Self> {
        let hash = hex::encode(Sha256::digest(name));
        let contexts = folder.join("contexts");
        let meta = contexts.join("meta").join(&hash).join("meta.json");
        let sentence = || {
            format!(
                "can't read docker's context {name} ({}): see `docker context ls`, or set DOCKER_HOST",
                meta.display()
            )
        };
        let meta: Meta = fs::read(&meta)
            .and_then(|json| serde_json::from_slice(&json).map_err(io::Error::other))
            .with_context(sentence)?;
        let certificates = contexts.join("tls").join(hash).join("docker");
        Ok(Self {
            host: meta.endpoints.docker.host,
            certificates: certificates.join("ca.pem").exists().then_some(certificates),
        })
    }

    /// Lists the sockets to try when nothing is named, the usual first.
    pub fn usual(runtime_dir: Option<&str>) -> Vec<Self> {
        let mut places = vec![Self::open("unix:///var/run/docker.sock")];
        if let Some(folder) = runtime_dir {
            places.push(Self::open(format!("unix://{folder}/docker.sock")));
            places.push(Self::open(format!("unix://{folder}/podman/podman.sock")));
        }
        places.push(Self::open("unix:///run/podman/podman.sock"));
        places
    }

    /// Is the path of a socket.
    pub fn path(&self) -> &str {
        self.host.trim_start_matches("unix://")
    }

    /// Prepares the connection; nothing is sent yet.
    ///
    /// Errors: an address of a kind that is not known here. The inner ones are the library's.
    pub fn connect(&self) -> Result<Result<Docker, DockerError>> {
        let host = self.host.as_str();
        if host.starts_with("unix://") {
            return Ok(Docker::connect_with_unix(
                host,
                ASK_SECS,
                API_DEFAULT_VERSION,
            ));
        }
        if host.starts_with("ssh://") {
            bail!(
                "the engine is at {host}, and mydocker does not speak ssh to engines: run it there, or let docker \
                send the image: docker save IMAGE | mydocker push --file - IMAGE"
            );
        }
        if !host.starts_with("tcp://") && !host.starts_with("http://") {
            bail!("the engine is at {host}, but mydocker only knows unix:// and tcp:// engines");
        }
        Ok(match &self.certificates {
            Some(folder) => Docker::connect_with_ssl(
                host,
                &folder.join("key.pem"),
                &folder.join("cert.pem"),
                &folder.join("ca.pem"),
                ASK_SECS,
                API_DEFAULT_VERSION,
            ),
            None => Docker::connect_with_http(host, ASK_SECS, API_DEFAULT_VERSION),
        })
    }
}

/// Is the context that `docker context use` chose.
fn current_context(folder: &Path) -> Option<String> {
    let json = fs::read(folder.join("config.json")).ok()?;
    let config: DockerConfig = serde_json::from_slice(&json).ok()?;
    config.current_context.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn named(set: &[(&str, &str)], folder: &Path) -> Result<Option<Place>> {
        let set: HashMap<_, _> = set.iter().copied().collect();
        Place::named(|name| set.get(name).map(ToString::to_string), Some(folder))
    }

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn looks_for_docker_first_and_then_for_podman() {
        let hosts = |runtime| {
            let places = Place::usual(runtime);
            places
                .into_iter()
                .map(|place| place.host)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            hosts(Some("/run/user/1000")),
            [
                "unix:///var/run/docker.sock",
                "unix:///run/user/1000/docker.sock",
                "unix:///run/user/1000/podman/podman.sock",
                "unix:///run/podman/podman.sock"
            ]
        );
        assert_eq!(hosts(None).len(), 2);
    }

    #[test]
    fn the_environment_comes_before_the_context() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert_eq!(named(&[], folder).unwrap(), None);
        let contexts = folder.join("contexts");
        let hash = hex::encode(Sha256::digest("far"));
        write(
            &contexts.join("meta").join(&hash).join("meta.json"),
            r#"{"Name":"far","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://far:2376","SkipTLSVerify":false}}}"#,
        );
        assert_eq!(named(&[], folder).unwrap(), None);

        write(
            &folder.join("config.json"),
            r#"{"auths":{},"currentContext":"far"}"#,
        );
        assert_eq!(
            named(&[], folder).unwrap(),
            Some(Place::open("tcp://far:2376"))
        );
        let certificates = contexts.join("tls").join(&hash).join("docker");
        write(&certificates.join("ca.pem"), "");
        let far = named(&[], folder).unwrap().unwrap();
        assert_eq!(far.certificates, Some(certificates));

        assert_eq!(
            named(&[("DOCKER_CONTEXT", "default")], folder).unwrap(),
            None
        );
        let error = named(&[("DOCKER_CONTEXT", "near")], folder).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("can't read docker's context near ("),
            "{error}"
        );
        let here = named(&[("DOCKER_HOST", "unix:///here.sock")], folder).unwrap();
        assert_eq!(here, Some(Place::open("unix:///here.sock")));
    }

    #[test]
    fn tls_is_what_docker_says_it_is() {
        let folder = Path::new("/home/me/.docker");
        let with = |more: &[(&str, &str)]| {
            let set = [&[("DOCKER_HOST", "tcp://dind:2376")], more].concat();
            named(&set, folder).unwrap().unwrap().certificates
        };
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[("DOCKER_CERT_PATH", "/certs")]), None);
        assert_eq!(with(&[("DOCKER_TLS_VERIFY", "1")]), Some(folder.into()));
        let both = [
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", "/certs/client"),
        ];
        assert_eq!(with(&both), Some("/certs/client".into()));
    }
}
