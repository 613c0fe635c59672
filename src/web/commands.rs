//! The commands that the pages show, complete with this server's name.

use super::dto::{ServerAddress, Viewer};

/// Where an image that nobody has named yet stands in commands.
const EXAMPLE_IMAGE: &str = "my-image";

/// What a Helm chart is called.
pub const HELM_CHART: &str = "Helm chart";

/// The commands of one tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandTab {
    /// Name of the tool: `docker`, `podman`, `mydocker`, `browser`, `curl`, `helm`, `oras`.
    pub tool: &'static str,
    pub steps: Vec<Step>,
}

/// A line of a tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Command(String),
    Link { href: String, text: &'static str },
}

/// Fetch what a tag or a digest leads to; `artifact` says what it is when it is no image.
pub fn fetch(
    server: &ServerAddress,
    image: &Image,
    account: Option<&str>,
    artifact: Option<&str>,
) -> Vec<CommandTab> {
    match artifact {
        Some(artifact) => pull_artifact(server, image, artifact),
        None => pull(server, image, account),
    }
}

/// Fetch an image.
pub fn pull(server: &ServerAddress, image: &Image, account: Option<&str>) -> Vec<CommandTab> {
    let ServerAddress { host, base_url } = server;
    let path = image.path();
    let tls = tls_option(server);
    let account = account
        .map(|name| format!(" -u {name}"))
        .unwrap_or_default();
    vec![
        tab("docker", [format!("docker pull {host}/{path}")]),
        tab("podman", [format!("podman pull{tls} {host}/{path}")]),
        tab("mydocker", [format!("mydocker pull {path}")]),
        tab(
            "curl",
            [format!("curl{account} -OJ {base_url}/api/v1/images/{path}")],
        ),
    ]
}

/// Fetch what is no image; `artifact` says what it is.
fn pull_artifact(server: &ServerAddress, image: &Image, artifact: &str) -> Vec<CommandTab> {
    let (host, path) = (&server.host, image.path());
    let plain = if server.base_url.starts_with("https://") {
        ""
    } else {
        " --plain-http"
    };
    let oras = tab("oras", [format!("oras pull{plain} {host}/{path}")]);
    match image {
        Image::Tagged { repository, tag } if artifact == HELM_CHART => {
            // A tag can't have the plus of a version, so helm writes another sign.
            let version = tag.replace('_', "+");
            let helm = format!("helm pull{plain} oci://{host}/{repository} --version {version}");
            vec![tab("helm", [helm]), oras]
        }
        _ => vec![oras],
    }
}

/// Fill a repository, step by step.
pub fn push(viewer: &Viewer, repository: &str) -> Vec<CommandTab> {
    let ServerAddress { host, base_url } = &viewer.server;
    let name = format!("{repository}:latest");
    let tls = tls_option(&viewer.server);
    let user = viewer.user.as_deref().unwrap_or("USER");
    let link = Step::Link {
        href: super::addresses::upload(repository),
        text: "Upload a tarball in the browser",
    };
    vec![
        tab(
            "docker",
            [
                format!("docker login {host}"),
                format!("docker tag {EXAMPLE_IMAGE} {host}/{name}"),
                format!("docker push {host}/{name}"),
            ],
        ),
        tab(
            "podman",
            [
                format!("podman login{tls} {host}"),
                format!("podman push{tls} {EXAMPLE_IMAGE} {host}/{name}"),
            ],
        ),
        tab(
            "mydocker",
            [
                format!("mydocker --server {base_url} login"),
                format!("docker tag {EXAMPLE_IMAGE} {name}"),
                format!("mydocker push {name}"),
            ],
        ),
        CommandTab {
            tool: "browser",
            steps: vec![
                Step::Command(format!("docker save -o image.tar {EXAMPLE_IMAGE}")),
                link,
            ],
        },
        tab(
            "curl",
            [
                format!("docker save -o image.tar {EXAMPLE_IMAGE}"),
                format!("curl -u {user} -T image.tar {base_url}/api/v1/images/{name}"),
            ],
        ),
    ]
}

/// An image as commands name it, without the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    Tagged { repository: String, tag: String },
    Pinned { repository: String, digest: String },
}

impl Image {
    fn path(&self) -> String {
        match self {
            Self::Tagged { repository, tag } => format!("{repository}:{tag}"),
            Self::Pinned { repository, digest } => format!("{repository}@{digest}"),
        }
    }
}

/// podman insists on TLS unless told otherwise; docker makes an exception for localhost by itself.
fn tls_option(server: &ServerAddress) -> &'static str {
    if server.base_url.starts_with("https://") {
        ""
    } else {
        " --tls-verify=false"
    }
}

fn tab<const N: usize>(tool: &'static str, commands: [String; N]) -> CommandTab {
    CommandTab {
        tool,
        steps: commands.into_iter().map(Step::Command).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> ServerAddress {
        ServerAddress {
            host: "127.0.0.1:3000".to_owned(),
            base_url: "http://127.0.0.1:3000".to_owned(),
        }
    }

    #[test]
    fn pull_commands_are_complete() {
        let image = Image::Tagged {
            repository: "alice/app".to_owned(),
            tag: "v1".to_owned(),
        };
        let tabs = pull(&server(), &image, None);
        let first = |at: usize| tabs[at].steps[0].clone();
        assert_eq!(
            first(0),
            Step::Command("docker pull 127.0.0.1:3000/alice/app:v1".to_owned())
        );
        assert_eq!(
            first(2),
            Step::Command("mydocker pull alice/app:v1".to_owned())
        );
        let curl = "curl -OJ http://127.0.0.1:3000/api/v1/images/alice/app:v1";
        assert_eq!(first(3), Step::Command(curl.to_owned()));
    }

    #[test]
    fn what_is_no_image_is_fetched_with_its_own_tools() {
        let chart = Image::Tagged {
            repository: "alice/chart".to_owned(),
            tag: "1.0.0_1".to_owned(),
        };
        let lines = |artifact| {
            let tabs = pull_artifact(&server(), &chart, artifact);
            tabs.into_iter()
                .map(|tab| tab.steps[0].clone())
                .collect::<Vec<_>>()
        };
        let helm = "helm pull --plain-http oci://127.0.0.1:3000/alice/chart --version 1.0.0+1";
        let oras = "oras pull --plain-http 127.0.0.1:3000/alice/chart:1.0.0_1";
        let command = |text: &str| Step::Command(text.to_owned());
        assert_eq!(lines(HELM_CHART), [command(helm), command(oras)]);
        assert_eq!(lines("SBOM (SPDX)"), [command(oras)]);
    }

    #[test]
    fn a_private_image_is_fetched_with_an_account() {
        let image = Image::Tagged {
            repository: "alice/app".to_owned(),
            tag: "v1".to_owned(),
        };
        let tabs = pull(&server(), &image, Some("alice"));
        let curl = "curl -u alice -OJ http://127.0.0.1:3000/api/v1/images/alice/app:v1";
        assert_eq!(tabs[3].steps[0], Step::Command(curl.to_owned()));
    }
}
