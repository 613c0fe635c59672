//! The configuration of an image: what it runs, for which machine, and how it was built.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::Platform;

/// An image's configuration, read as far as people look at it. Everything may be missing.
///
/// Source: OCI image-spec, "Image Configuration".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    #[serde(deserialize_with = "or_default")]
    pub os: String,
    #[serde(deserialize_with = "or_default")]
    pub architecture: String,
    pub variant: Option<String>,
    #[serde(rename = "os.version")]
    pub os_version: Option<String>,
    pub created: Option<String>,
    pub author: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub config: RunConfig,
    #[serde(deserialize_with = "or_default")]
    pub history: Vec<HistoryStep>,
}

/// How a container of the image runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RunConfig {
    #[serde(deserialize_with = "or_default")]
    pub user: String,
    #[serde(deserialize_with = "keys")]
    pub exposed_ports: BTreeSet<String>,
    #[serde(deserialize_with = "or_default")]
    pub env: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub entrypoint: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub cmd: Vec<String>,
    #[serde(deserialize_with = "keys")]
    pub volumes: BTreeSet<String>,
    #[serde(deserialize_with = "or_default")]
    pub working_dir: String,
    #[serde(deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub stop_signal: String,
}

/// One step of the build. Those that are not `empty_layer` made the layers, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HistoryStep {
    pub created: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub created_by: String,
    #[serde(deserialize_with = "or_default")]
    pub comment: String,
    #[serde(deserialize_with = "or_default")]
    pub empty_layer: bool,
}

impl ImageConfig {
    /// Longest configuration in bytes that is read.
    pub const MAX_BYTES: u64 = 4 * 1024 * 1024;

    /// Parses a configuration; `None` for what is none, since anything may stand in its place.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Is the machine that the image is for, when it says so.
    pub fn platform(&self) -> Option<Platform> {
        let said = !self.os.is_empty() && !self.architecture.is_empty();
        said.then(|| Platform {
            architecture: self.architecture.clone(),
            os: self.os.clone(),
            variant: self.variant.clone().filter(|variant| !variant.is_empty()),
            os_version: self
                .os_version
                .clone()
                .filter(|version| !version.is_empty()),
        })
    }
}

/// Reads the keys of a map, whose values are empty by rule, and may be anything.
fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<String>, D::Error> {
    deserializer.deserialize_any(Keys)
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = BTreeSet<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_unit<E>(self) -> Result<BTreeSet<String>, E> {
        Ok(BTreeSet::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<BTreeSet<String>, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some((key, IgnoredAny)) = map.next_entry()? {
            keys.insert(key);
        }
        Ok(keys)
    }
}

/// Reads `null` as nothing, as encoders write what is empty.
fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_docker_writes() {
        let config = ImageConfig::parse(
            br#"{"architecture":"arm64","os":"linux","variant":"v8","config":{"Env":["A=b"],
            "Cmd":["sh"],"Entrypoint":null,"Labels":{"a":"b"},"ExposedPorts":{"80/tcp":{}}},
            "history":[{"created_by":"ADD x","empty_layer":true}],"rootfs":{"type":"layers"}}"#,
        )
        .unwrap();
        assert_eq!(config.platform().unwrap().to_string(), "linux/arm64/v8");
        assert_eq!(config.config.cmd, ["sh"]);
        assert!(config.config.entrypoint.is_empty());
        assert!(config.config.exposed_ports.contains("80/tcp"));
        assert!(config.config.volumes.is_empty());
        assert!(config.history[0].empty_layer);
    }

    #[test]
    fn makes_do_with_nothing() {
        assert_eq!(ImageConfig::parse(b"{}"), Some(ImageConfig::default()));
        assert_eq!(ImageConfig::parse(b"{}").unwrap().platform(), None);
        assert_eq!(ImageConfig::parse(b"[1]"), None);
        assert_eq!(ImageConfig::parse(b"\x1f\x8b"), None);
    }
}
