//! The images that a tarball on this machine names, to store each in a repository of its own.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use dockyard_oci::{ImageName, Reference, RepositoryName, SavedName, UserName};
use futures::StreamExt;
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio_tar::Archive;

/// Longest document that is read of a tarball, in bytes: what the server takes.
const DOCUMENT_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// An image of a tarball, and where it goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its name in the tarball.
    pub name: String,
    pub to: ImageName,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    repo_tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Layout {
    manifests: Option<Vec<Listed>>,
}

#[derive(Deserialize)]
struct Listed {
    annotations: Option<BTreeMap<String, Option<String>>>,
}

/// Lists the images that a tarball names, each with the repository of its last part in a namespace.
///
/// # Errors
///
/// The file is compressed, or names no image, or two of the same name.
pub async fn place_all(path: &Path, namespace: &UserName) -> Result<Vec<Placed>> {
    let shown = path.display();
    let names = read_names(path).await?;
    if names.is_empty() {
        bail!(
            "{shown} names no image: push it to a name of your own, as in `mydocker push --file {shown} {namespace}/app:v1`"
        );
    }
    place(&names, namespace)
}

fn place(names: &[SavedName], namespace: &UserName) -> Result<Vec<Placed>> {
    let mut placed: Vec<Placed> = Vec::new();
    for name in names {
        let (Some(part), Some(tag)) = (name.last_part(), name.tag()) else {
            continue;
        };
        let text = name.familiar();
        let repository: RepositoryName = format!("{namespace}/{part}")
            .parse()
            .with_context(|| format!("no repository can be made of {text}: use --image"))?;
        let to = ImageName {
            repository,
            reference: Some(Reference::Tag(tag.clone())),
        };
        if let Some(other) = placed
            .iter()
            .find(|other| other.to == to && other.name != text)
        {
            bail!(
                "{} and {text} would both become {to}: push one of them with --image",
                other.name
            );
        }
        if placed.iter().all(|other| other.to != to) {
            placed.push(Placed { name: text, to });
        }
    }
    Ok(placed)
}

async fn read_names(path: &Path) -> Result<Vec<SavedName>> {
    let shown = path.display();
    if path == Path::new("-") {
        bail!("--into reads the tarball more than once: write it to a file");
    }
    let file = tokio::fs::File::open(path)
        .await
        .with_context(|| format!("can't read {shown}"))?;
    let file = tokio::io::BufReader::new(file);
    let mut entries = Archive::new(file).entries()?;
    let mut names = Vec::new();
    while let Some(entry) = entries.next().await {
        let entry = entry.with_context(|| {
            format!(
                "{shown} is no plain tarball: decompress it for --into, as with `gunzip {shown}`"
            )
        })?;
        let place = entry.path()?.into_owned();
        let place = place.strip_prefix("./").unwrap_or(&place);
        let is_saved = place == Path::new("manifest.json");
        if !is_saved && place != Path::new("index.json") {
            continue;
        }
        let mut document = Vec::new();
        entry
            .take(DOCUMENT_MAX_BYTES)
            .read_to_end(&mut document)
            .await?;
        let found = if is_saved {
            saved(&document)
        } else {
            listed(&document)
        };
        names.extend(found.with_context(|| format!("{} in {shown}", place.display()))?);
    }
    Ok(names)
}

fn saved(document: &[u8]) -> Result<Vec<SavedName>> {
    let images: Option<Vec<Saved>> = serde_json::from_slice(document)?;
    let names = images
        .into_iter()
        .flatten()
        .filter_map(|image| image.repo_tags);
    Ok(names
        .flatten()
        .map(|name| SavedName::of_whole(&name))
        .collect())
}

fn listed(document: &[u8]) -> Result<Vec<SavedName>> {
    let layout: Layout = serde_json::from_slice(document)?;
    let mut names = Vec::new();
    for listed in layout.manifests.into_iter().flatten() {
        let annotations = listed.annotations.unwrap_or_default();
        let find = |key: &str| annotations.get(key)?.as_deref();
        let whole = find("io.containerd.image.name").map(SavedName::of_whole);
        let either = find("org.opencontainers.image.ref.name").map(SavedName::of_either);
        names.extend(whole.or(either));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(names: &[&str]) -> Result<Vec<String>> {
        let names: Vec<SavedName> = names.iter().map(|name| SavedName::of_whole(name)).collect();
        let placed = place(&names, &"alice".parse().unwrap())?;
        let line = |placed: &Placed| format!("{} to {}", placed.name, placed.to);
        Ok(placed.iter().map(line).collect())
    }

    #[test]
    fn each_image_gets_a_repository_of_its_own() {
        let names = [
            "nginx:latest",
            "docker.io/library/redis:7",
            "h:5000/acme/web:v1",
            "nginx:latest",
        ];
        assert_eq!(
            placed(&names).unwrap(),
            [
                "nginx:latest to alice/nginx:latest",
                "redis:7 to alice/redis:7",
                "h:5000/acme/web:v1 to alice/web:v1",
            ]
        );
    }

    #[test]
    fn two_images_never_become_one() {
        let error = placed(&["a/web:v1", "b/web:v1"]).unwrap_err().to_string();
        assert!(
            error.contains("a/web:v1 and b/web:v1 would both become alice/web:v1"),
            "{error}"
        );
        assert!(placed(&["a@sha256:00", "sha256:00"]).unwrap().is_empty());
    }

    #[test]
    fn reads_what_engines_write() {
        let found = saved(br#"[{"RepoTags":["a:1","a:2"]},{"RepoTags":null}]"#).unwrap();
        assert_eq!(found.len(), 2);
        let found = listed(
            br#"{"manifests":[{"annotations":{"io.containerd.image.name":"docker.io/library/a:1",
            "org.opencontainers.image.ref.name":"1"}},{"annotations":null},{}]}"#,
        );
        assert_eq!(found.unwrap()[0].familiar(), "a:1");
        assert!(saved(b"{").is_err());
    }
}
