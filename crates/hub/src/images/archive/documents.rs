//! The JSON documents of tarballs.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use dockyard_oci::{Descriptor, Digest, MediaType, Platform, SavedName};
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::ImportError;

/// Most images of a `manifest.json`, entries of an `index.json`, and layers and names of one image.
const IMAGES_MAX: usize = 1000;
const ENTRIES_MAX: usize = 10_000;
/// Longest name in bytes that is read of an annotation.
const NAME_MAX: usize = 1024;

/// Reads `null` as nothing: Go's encoders write it for every list and map that is empty.
fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A list of at most so many entries: what is beyond is refused before it takes memory.
#[derive(Debug)]
pub(super) struct Bounded<T, const MAX: usize>(pub Vec<T>);

impl<T, const MAX: usize> Default for Bounded<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = List::<T, MAX>(PhantomData);
        deserializer.deserialize_seq(list).map(Self)
    }
}

struct List<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for List<T, MAX> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a list of at most {MAX} entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            if entries.len() == MAX {
                return Err(serde::de::Error::invalid_length(MAX + 1, &self));
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// The images of docker's `manifest.json`.
pub(super) type SavedImages = Bounded<SavedImage, IMAGES_MAX>;

/// One image of docker's `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SavedImage {
    pub config: String,
    #[serde(default, deserialize_with = "or_default")]
    pub repo_tags: Bounded<String, IMAGES_MAX>,
    #[serde(default, deserialize_with = "or_default")]
    pub layers: Bounded<String, IMAGES_MAX>,
    /// True if docker's own store wrote the entry, which alone writes `LayerSources`.
    #[serde(default, rename = "LayerSources", deserialize_with = "is_some_map")]
    pub is_dockers: bool,
}

/// One image of a `manifest.json` that is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ToSave {
    pub config: String,
    pub repo_tags: Option<Vec<String>>,
    pub layers: Vec<String>,
}

/// Tells whether there is a map with anything in it, and keeps nothing of it.
fn is_some_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct Any;
    impl<'de> Visitor<'de> for Any {
        type Value = bool;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a map")
        }

        fn visit_unit<E>(self) -> Result<bool, E> {
            Ok(false)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
            let mut has_any = false;
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                has_any = true;
            }
            Ok(has_any)
        }
    }
    deserializer.deserialize_any(Any)
}

/// What is read of an image's configuration.
///
/// Source: OCI image-spec, "Image Configuration".
#[derive(Debug, Deserialize)]
pub(super) struct ImageConfig {
    #[serde(default, deserialize_with = "or_default")]
    pub rootfs: RootFs,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct RootFs {
    #[serde(default, deserialize_with = "or_default")]
    pub diff_ids: Bounded<Digest, IMAGES_MAX>,
}

/// What is read of the `index.json` of an OCI layout.
#[derive(Debug, Deserialize)]
pub(super) struct Layout {
    #[serde(default, deserialize_with = "or_default")]
    pub manifests: Bounded<NamedDescriptor, ENTRIES_MAX>,
}

/// A descriptor whose annotations may name it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NamedDescriptor {
    #[serde(default, deserialize_with = "or_default")]
    media_type: String,
    digest: Digest,
    size: u64,
    platform: Option<Platform>,
    #[serde(default, deserialize_with = "or_default")]
    annotations: Names,
}

/// The annotations that name an image, or say what it is to another.
#[derive(Debug, Default, Deserialize)]
struct Names {
    #[serde(default, rename = "io.containerd.image.name")]
    image_name: Text,
    #[serde(default, rename = "org.opencontainers.image.ref.name")]
    ref_name: Text,
    #[serde(default)]
    kind: Text,
}

/// A short text; whatever else stands in its place is nothing.
#[derive(Debug, Default)]
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Text;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("anything")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text((text.len() <= NAME_MAX).then(|| text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Text, E> {
                Ok(Text(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
                Ok(Text(None))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Text, E> {
                Ok(Text(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Text, E> {
                Ok(Text(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Text, E> {
                Ok(Text(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Text, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Text(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Text(None))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl NamedDescriptor {
    /// The descriptor without its names.
    pub(super) fn descriptor(&self) -> Descriptor {
        let unknown = || MediaType::known(MediaType::UNKNOWN);
        Descriptor {
            media_type: self.media_type.parse().unwrap_or_else(|_| unknown()),
            digest: self.digest.clone(),
            size: self.size,
            artifact_type: None,
            platform: self.platform.clone(),
            annotations: BTreeMap::new(),
        }
    }

    /// Lists the names of the image, which some tools write whole and some as the tag alone.
    pub(super) fn names(&self) -> impl Iterator<Item = SavedName> {
        let Names {
            image_name,
            ref_name,
            ..
        } = &self.annotations;
        let whole = image_name.0.as_deref().map(SavedName::of_whole);
        let either = ref_name.0.as_deref().map(SavedName::of_either);
        whole.into_iter().chain(either)
    }

    /// Tells what `cosign save` calls the entry.
    pub(super) fn cosign_kind(&self) -> Option<&str> {
        let kind = self.annotations.kind.0.as_deref()?;
        kind.strip_prefix("dev.cosignproject.cosign/")
    }
}

/// Most commas of a list of images, and so of its entries together: each becomes many times its length in memory.
const COMMAS_MAX: usize = 50_000;

/// Parses a list of images, `manifest.json` or `index.json`.
pub(super) fn parse_list<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T, ImportError> {
    if bytes.split(|byte| *byte == b',').count() > COMMAS_MAX {
        return Err(ImportError::Bounds("its lists of images are too long"));
    }
    parse(file, bytes)
}

/// Parses a document of the tarball.
pub(super) fn parse<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T, ImportError> {
    serde_json::from_slice(bytes).map_err(|error| ImportError::Document {
        file: file.to_owned(),
        reason: error.to_string(),
    })
}

/// Returns the name of a blob in an OCI layout.
pub(super) fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex())
}

/// Returns the digest that a name of an OCI layout, or of podman's archives, promises.
pub(super) fn promised_digest(name: &str) -> Option<Digest> {
    if let Some(rest) = name.strip_prefix("blobs/") {
        return rest.replacen('/', ":", 1).parse().ok();
    }
    let hex = name.strip_suffix(".tar")?;
    format!("sha256:{hex}").parse().ok()
}

/// Finds the digest of a configuration in its name, as docker, podman and others write it.
pub(super) fn config_digest(name: &str) -> Option<Digest> {
    let last = name.rsplit('/').next()?;
    let hex = last.strip_suffix(".json").unwrap_or(last);
    promised_digest(name)
        .or_else(|| hex.parse().ok())
        .or_else(|| format!("sha256:{hex}").parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_nothing_of_what_it_does_not_need() {
        let saved: SavedImages = parse(
            "manifest.json",
            br#"[{"Config":"c","LayerSources":{"x":[{"":0},{"":0}]}},{"Config":"d","LayerSources":null}]"#,
        )
        .unwrap();
        let own: Vec<bool> = saved.0.iter().map(|image| image.is_dockers).collect();
        assert_eq!(own, [true, false]);
        let digest = format!("sha256:{}", "0".repeat(64));
        let entry = format!(
            r#"{{"digest":"{digest}","size":1,"annotations":{{"kind":[1,{{}}],"x":{{"":[]}},
            "org.opencontainers.image.ref.name":"v1","io.containerd.image.name":null}}}}"#
        );
        let layout: Layout = parse(
            "index.json",
            format!(r#"{{"manifests":[{entry}]}}"#).as_bytes(),
        )
        .unwrap();
        let names: Vec<SavedName> = layout.manifests.0[0].names().collect();
        assert_eq!(names.len(), 1);
        assert_eq!(layout.manifests.0[0].cosign_kind(), None);
    }

    #[test]
    fn lists_have_an_end() {
        let long = format!("[{}]", vec![r#"{"Config":""}"#; IMAGES_MAX + 1].join(","));
        assert!(parse::<SavedImages>("manifest.json", long.as_bytes()).is_err());
        let layers = vec![r#""""#; IMAGES_MAX + 1].join(",");
        let long = format!(r#"[{{"Config":"","Layers":[{layers}]}}]"#);
        assert!(parse::<SavedImages>("manifest.json", long.as_bytes()).is_err());
    }

    #[test]
    fn configurations_are_named_in_several_ways() {
        let hex = "ab".repeat(32);
        let digest: Digest = format!("sha256:{hex}").parse().unwrap();
        for name in [
            format!("{hex}.json"),
            format!("sha256:{hex}"),
            format!("blobs/sha256/{hex}"),
            format!("{hex}.tar"),
            hex.clone(),
        ] {
            assert_eq!(config_digest(&name).as_ref(), Some(&digest), "{name}");
        }
        assert_eq!(config_digest("c.json"), None);
    }
}
