//! What is inside an image, read for the pages. Nothing here counts as a pull.

use std::collections::HashMap;

use dockyard_hub::Hub;
use dockyard_hub::accounts::{Grant, Pull};
use dockyard_hub::images::{ImageError, StoredManifest};
use dockyard_oci::{
    Descriptor, Digest, HistoryStep, ImageConfig, Manifest, ManifestKind, Platform, Reference,
    RunConfig,
};

use crate::web::dto::{
    AttachedRow, ImageView, LabelRow, LayerPart, LayerRow, Moment, PlatformRow, artifact_name,
};
use crate::web::error::AppError;

/// Longest manifest in bytes that is written out on a page.
const SHOWN_BYTES: usize = 32 * 1024;
/// Attached artifacts that are listed.
const ATTACHED_MAX: u32 = 50;
/// Layers and steps that are listed: images have at most 127 layers in practice.
const STEPS_MAX: usize = 400;
/// Longest step or value in characters that is shown.
const TEXT_MAX_CHARS: usize = 2000;

/// A manifest with what stands in it, or in the image that was chosen of it.
pub(super) struct Shown {
    pub platforms: Vec<PlatformRow>,
    pub image: Option<ImageView>,
    pub manifest: String,
}

/// Reads an image, or of an index the one for a platform, else the first.
pub(super) async fn load(
    hub: &Hub,
    grant: &Grant<Pull>,
    digest: &Digest,
    platform: Option<&str>,
) -> Result<Shown, AppError> {
    let (stored, manifest) = read(hub, grant, digest).await?;
    let text = written_out(&stored);
    if manifest.kind == ManifestKind::Image {
        return Ok(Shown {
            platforms: Vec::new(),
            image: Some(look_into(hub, grant, digest, &manifest).await?),
            manifest: text,
        });
    }
    let chosen = choose(&manifest, platform);
    let image = match chosen {
        None => None,
        Some(chosen) => match read(hub, grant, &chosen.digest).await {
            Ok((_, image)) if image.kind == ManifestKind::Image => {
                Some(look_into(hub, grant, &chosen.digest, &image).await?)
            }
            // An index may list what is not here, or another index.
            Ok(_) | Err(AppError::NotFound) => None,
            Err(error) => return Err(error),
        },
    };
    let names = platform_names(&manifest);
    let shown = chosen.and_then(|chosen| {
        let mut entries = manifest.manifests.iter().zip(&names);
        Some(
            entries
                .find(|(entry, _)| entry.digest == chosen.digest)?
                .1
                .clone(),
        )
    });
    let row = |(entry, name): (&Descriptor, &String)| PlatformRow {
        // Two may have the same name: each is led to by what it alone has.
        key: if names.iter().filter(|other| *other == name).count() == 1 {
            name.clone()
        } else {
            entry.digest.to_string()
        },
        name: name.clone(),
        digest: entry.digest.to_string(),
        is_shown: chosen.is_some_and(|chosen| chosen.digest == entry.digest),
    };
    let entries = manifest.manifests.iter().zip(&names).take(STEPS_MAX);
    Ok(Shown {
        platforms: entries.map(row).collect(),
        image: image.map(|image| ImageView {
            platform: shown.or(image.platform),
            ..image
        }),
        manifest: text,
    })
}

/// Display name of the label that holds the address of an image's source.
pub(super) const SOURCE: &str = "Source";

/// Labels that people look for, and what they are called on the page.
const KNOWN: [(&str, &str); 5] = [
    ("org.opencontainers.image.version", "Version"),
    ("org.opencontainers.image.licenses", "Licence"),
    ("org.opencontainers.image.source", SOURCE),
    ("org.opencontainers.image.url", "Website"),
    ("org.opencontainers.image.documentation", "Documentation"),
];

/// Reads the labels that people look for, under names for people. Source: OCI image-spec, "Pre-Defined
/// Annotation Keys".
pub(super) async fn known_labels(
    hub: &Hub,
    grant: &Grant<Pull>,
    digest: &Digest,
) -> Result<Vec<LabelRow>, AppError> {
    let shown = load(hub, grant, digest, None).await?;
    let labels = shown.image.map(|image| image.labels).unwrap_or_default();
    let known = KNOWN.into_iter().filter_map(|(key, name)| {
        let found = labels.iter().find(|label| label.name == key)?;
        Some(LabelRow {
            name: name.to_owned(),
            ..found.clone()
        })
    });
    Ok(known.collect())
}

/// Lists what names a digest as its subject.
pub(super) async fn attached(
    hub: &Hub,
    grant: &Grant<Pull>,
    digest: &Digest,
) -> Result<Vec<AttachedRow>, AppError> {
    let page = hub
        .manifests
        .referrers(grant, digest, None, None, ATTACHED_MAX)
        .await?;
    let row = |found: Descriptor| AttachedRow {
        kind: found.artifact_type.as_ref().map_or_else(
            || "Artifact".to_owned(),
            |kind| artifact_name(kind.as_str()),
        ),
        digest: found.digest.to_string(),
        size_bytes: found.size,
    };
    Ok(page.descriptors.into_iter().map(row).collect())
}

async fn read(
    hub: &Hub,
    grant: &Grant<Pull>,
    digest: &Digest,
) -> Result<(StoredManifest, Manifest), AppError> {
    let reference = Reference::Digest(digest.clone());
    let stored = hub.manifests.find(grant, &reference).await?;
    let manifest = Manifest::parse(&stored.bytes, Some(stored.media_type.as_str()))
        .map_err(AppError::internal)?;
    Ok((stored, manifest))
}

/// Writes a manifest with one field a line.
fn written_out(stored: &StoredManifest) -> String {
    if stored.bytes.len() > SHOWN_BYTES {
        return String::new();
    }
    let parsed: Option<serde_json::Value> = serde_json::from_slice(&stored.bytes).ok();
    parsed
        .and_then(|value| serde_json::to_string_pretty(&value).ok())
        .unwrap_or_default()
}

/// Finds the entry of an index that is called so, by platform or digest; else the one that most people pull.
fn choose<'a>(index: &'a Manifest, wanted: Option<&str>) -> Option<&'a Descriptor> {
    let names = platform_names(index);
    let find = |wanted: &str| {
        let mut entries = index.manifests.iter().zip(&names);
        entries
            .find(|(entry, name)| *name == wanted || entry.digest.as_str() == wanted)
            .map(|(entry, _)| entry)
    };
    wanted
        .and_then(find)
        .or_else(|| find("linux/amd64"))
        .or_else(|| index.manifests.first())
}

/// The annotation by which build tools say to which image an attestation belongs.
const ATTESTED: &str = "vnd.docker.reference.digest";

/// Names the entries of an index for people.
fn platform_names(index: &Manifest) -> Vec<String> {
    let plain = |entry: &Descriptor| match &entry.platform {
        Some(platform) if platform.is_named() => for_people(platform),
        _ => "no platform named".to_owned(),
    };
    let by_digest: HashMap<&str, &Descriptor> = index
        .manifests
        .iter()
        .map(|entry| (entry.digest.as_str(), entry))
        .collect();
    let name = |entry: &Descriptor| match &entry.platform {
        Some(platform) if platform.os == "unknown" => {
            let attested = entry.annotations.get(ATTESTED);
            match attested.and_then(|digest| by_digest.get(&**digest)) {
                Some(attested) => format!("attestation for {}", plain(attested)),
                None => "attestation".to_owned(),
            }
        }
        _ => plain(entry),
    };
    index.manifests.iter().map(name).collect()
}

/// Writes a platform with the version of its system, if it says one: `windows/amd64 10.0.20348.2402`.
fn for_people(platform: &Platform) -> String {
    let short = platform.without_version();
    match &platform.os_version {
        Some(version) => format!("{short} {version}"),
        None => short,
    }
}

async fn look_into(
    hub: &Hub,
    grant: &Grant<Pull>,
    digest: &Digest,
    manifest: &Manifest,
) -> Result<ImageView, AppError> {
    let config = read_config(hub, grant, manifest).await?;
    let mut labels = config.config.labels.clone();
    labels.extend(manifest.annotations.clone());
    Ok(ImageView {
        digest: digest.to_string(),
        platform: config.platform().map(|platform| for_people(&platform)),
        built: config.created.as_deref().and_then(Moment::of_rfc3339),
        size_bytes: manifest.content_bytes(),
        layers: layers(&manifest.layers, &config.history),
        settings: settings(&config.config, config.author.as_deref()),
        labels: labels
            .into_iter()
            .take(STEPS_MAX)
            .map(|(name, value)| label(name, &value))
            .collect(),
    })
}

/// Reads the configuration of an image; an empty one for what is none.
async fn read_config(
    hub: &Hub,
    grant: &Grant<Pull>,
    manifest: &Manifest,
) -> Result<ImageConfig, AppError> {
    let Some(config) = manifest.config.as_ref() else {
        return Ok(ImageConfig::default());
    };
    let bytes = hub
        .blobs
        .read_small(grant, &config.digest, ImageConfig::MAX_BYTES);
    let bytes = match bytes.await {
        Ok(bytes) => bytes.unwrap_or_default(),
        Err(ImageError::BlobUnknown { .. } | ImageError::Damaged(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(ImageConfig::parse(&bytes).unwrap_or_default())
}

/// Puts the steps of a build beside the layers that they made.
fn layers(layers: &[Descriptor], history: &[HistoryStep]) -> Vec<LayerRow> {
    let made = history.iter().filter(|step| !step.empty_layer).count();
    let mut upto_bytes = 0;
    let mut parts = layers.iter().map(|layer| {
        upto_bytes += layer.size;
        LayerPart {
            digest: layer.digest.to_string(),
            media_type: layer.media_type.to_string(),
            size_bytes: layer.size,
            upto_bytes,
        }
    });
    if made != layers.len() {
        let bare = |part| LayerRow {
            step: String::new(),
            layer: Some(part),
        };
        return parts.by_ref().take(STEPS_MAX).map(bare).collect();
    }
    let steps = history.iter().take(STEPS_MAX);
    steps
        .map(|step| LayerRow {
            step: cut(&readable(&step.created_by)),
            layer: if step.empty_layer { None } else { parts.next() },
        })
        .collect()
}

/// Writes a step as it stands in a Dockerfile, without what the builders wrap around it.
fn readable(step: &str) -> String {
    let step = step.trim();
    let step = step.strip_suffix("# buildkit").unwrap_or(step).trim();
    if let Some(rest) = step.strip_prefix("RUN /bin/sh -c ") {
        return format!("RUN {rest}");
    }
    match step.strip_prefix("/bin/sh -c ") {
        Some(rest) => match rest.trim_start().strip_prefix("#(nop)") {
            Some(instruction) => instruction.trim().to_owned(),
            None => format!("RUN {rest}"),
        },
        None => step.to_owned(),
    }
}

fn settings(config: &RunConfig, author: Option<&str>) -> Vec<(String, Vec<String>)> {
    let one = |text: &str| Vec::from_iter((!text.is_empty()).then(|| text.to_owned()));
    let rows = [
        ("Entrypoint", one(&command(&config.entrypoint))),
        ("Command", one(&command(&config.cmd))),
        ("User", one(&config.user)),
        ("Working directory", one(&config.working_dir)),
        ("Ports", config.exposed_ports.iter().cloned().collect()),
        ("Volumes", config.volumes.iter().cloned().collect()),
        ("Environment", config.env.clone()),
        ("Stop signal", one(&config.stop_signal)),
        ("Author", one(author.unwrap_or_default())),
    ];
    rows.into_iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(name, values)| {
            let values = values.iter().take(STEPS_MAX).map(|value| cut(value));
            (name.to_owned(), values.collect())
        })
        .collect()
}

/// Writes the words of a command so that a shell would read them again.
fn command(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    let quoted = words.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn label(name: String, value: &str) -> LabelRow {
    let is_address = value.starts_with("https://") || value.starts_with("http://");
    let has_space = value.contains(|c: char| c.is_whitespace() || c.is_control());
    LabelRow {
        name: cut(&name),
        value: cut(value),
        href: (is_address && !has_space).then(|| value.to_owned()),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX_CHARS) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_read_as_in_a_dockerfile() {
        for (written, read) in [
            ("/bin/sh -c #(nop)  CMD [\"sh\"]", "CMD [\"sh\"]"),
            ("/bin/sh -c apk add curl", "RUN apk add curl"),
            ("COPY app /app # buildkit", "COPY app /app"),
            ("RUN /bin/sh -c apk add curl # buildkit", "RUN apk add curl"),
            ("", ""),
        ] {
            assert_eq!(readable(written), read);
        }
    }

    #[test]
    fn commands_are_quoted_where_needed() {
        let words = ["sh", "-c", "echo 'a b'", ""].map(str::to_owned);
        assert_eq!(command(&words), "sh -c 'echo '\\''a b'\\''' ''");
    }

    #[test]
    fn layers_go_with_steps_only_when_the_counts_agree() {
        let layer = |n: u8| Descriptor {
            media_type: "a/b".parse().unwrap(),
            digest: format!("sha256:{}", format!("{n:02x}").repeat(32))
                .parse()
                .unwrap(),
            size: u64::from(n),
            artifact_type: None,
            platform: None,
            annotations: std::collections::BTreeMap::new(),
        };
        let step = |text: &str, empty_layer| HistoryStep {
            created_by: text.to_owned(),
            empty_layer,
            ..HistoryStep::default()
        };
        let steps = [step("ADD", false), step("ENV", true), step("RUN", false)];
        let rows = layers(&[layer(1), layer(2)], &steps);
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1].layer, None);
        assert_eq!(rows[2].layer.as_ref().unwrap().upto_bytes, 3);
        let rows = layers(&[layer(1)], &steps);
        assert_eq!((rows.len(), rows[0].step.as_str()), (1, ""));
    }
}
