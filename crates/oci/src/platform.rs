//! The machines that images are for. Source: OCI image-spec, "Image Index", `platform`.

use serde::{Deserialize, Deserializer, Serialize};

/// The machine that an image is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    #[serde(default, deserialize_with = "or_default")]
    pub architecture: String,
    #[serde(default, deserialize_with = "or_default")]
    pub os: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// As in `10.0.20348.2402`.
    #[serde(
        default,
        rename = "os.version",
        skip_serializing_if = "Option::is_none"
    )]
    pub os_version: Option<String>,
}

impl Platform {
    /// Is what images are for unless they say more.
    pub fn linux_amd64() -> Self {
        Self {
            architecture: "amd64".to_owned(),
            os: "linux".to_owned(),
            ..Self::default()
        }
    }

    /// Tells whether anything is said at all: some tools write empty texts.
    pub fn is_named(&self) -> bool {
        !self.os.is_empty() || !self.architecture.is_empty()
    }

    /// Writes it without the version: `windows/amd64`.
    pub fn without_version(&self) -> String {
        let without = Self {
            os_version: None,
            ..self.clone()
        };
        without.to_string()
    }

    /// Tells whether an image for `self` is one for `wanted`, which may leave the variant and the version open.
    ///
    /// All 64-bit ARM is v8 where nothing else is said. Source: containerd's platforms, "Normalization".
    pub fn fits(&self, wanted: &Self) -> bool {
        let variant = |platform: &Self| match (&*platform.architecture, &platform.variant) {
            ("arm64", Some(variant)) if variant == "v8" => None,
            (_, variant) => variant.clone(),
        };
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (wanted.variant.is_none() || variant(self) == variant(wanted))
            && self.fits_version(wanted)
    }

    /// Tells whether the system's version is the wanted one, of which the last number may be left out: `10.0.20348`.
    fn fits_version(&self, wanted: &Self) -> bool {
        let Some(wanted) = wanted.os_version.as_deref() else {
            return true;
        };
        let own = self.os_version.as_deref().unwrap_or_default();
        own.strip_prefix(wanted)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl std::str::FromStr for Platform {
    type Err = PlatformError;

    /// Reads `os/architecture`, with perhaps `/variant`, and with a version as in `windows(10.0.20348)/amd64` or
    /// `windows/amd64:10.0.20348`.
    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let mut parts = text.split('/').map(ToOwned::to_owned);
        let (os, architecture, variant) = (parts.next(), parts.next(), parts.next());
        let (Some(os), Some(architecture), None) = (os, architecture, parts.next()) else {
            return Err(PlatformError);
        };
        // Docker's own form puts the version at the end.
        let (text_of, version) = match variant.as_ref().unwrap_or(&architecture).split_once(':') {
            Some((text, version)) => (Some(text.to_owned()), Some(version.to_owned())),
            None => (None, None),
        };
        let (architecture, variant) = match (text_of, variant) {
            (Some(text), Some(_)) => (architecture, Some(text)),
            (Some(text), None) => (text, None),
            (None, variant) => (architecture, variant),
        };
        let (os, os_version) = match os.strip_suffix(')').and_then(|os| os.split_once('(')) {
            Some((os, version)) => (os.to_owned(), Some(version.to_owned())),
            None => (os, version),
        };
        if os.is_empty() || architecture.is_empty() {
            return Err(PlatformError);
        }
        Ok(Self {
            architecture,
            os,
            variant,
            os_version,
        })
    }
}

/// A text that does not name a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a platform is written os/architecture, as in linux/amd64")]
pub struct PlatformError;

impl std::fmt::Display for Platform {
    /// Writes `linux/arm64/v8`, and `windows(10.0.20348.2402)/amd64` where there is a version.
    ///
    /// Source: containerd's platforms, `FormatAll`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.os)?;
        if let Some(version) = self
            .os_version
            .as_ref()
            .filter(|version| !version.is_empty())
        {
            write!(f, "({version})")?;
        }
        write!(f, "/{}", self.architecture)?;
        match &self.variant {
            Some(variant) if !variant.is_empty() => write!(f, "/{variant}"),
            _ => Ok(()),
        }
    }
}

fn or_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_fits_by_what_is_asked_for() {
        let image: Platform = "windows(10.0.20348.2402)/amd64".parse().unwrap();
        assert_eq!(image.to_string(), "windows(10.0.20348.2402)/amd64");
        for (wanted, fits) in [
            ("windows/amd64", true),
            ("windows(10.0.20348)/amd64", true),
            ("windows/amd64:10.0.20348.2402", true),
            ("windows/amd64:10.0.17763", false),
            ("windows(10.0.20348.2402)/amd64", true),
            ("windows(10.0.2034)/amd64", false),
            ("windows(10.0.17763)/amd64", false),
            ("linux/amd64", false),
        ] {
            assert_eq!(image.fits(&wanted.parse().unwrap()), fits, "{wanted}");
        }
    }

    #[test]
    fn empty_texts_name_no_platform() {
        for text in [
            "{}",
            r#"{"os":"","architecture":null}"#,
            r#"{"variant":null}"#,
        ] {
            let platform: Platform = serde_json::from_str(text).unwrap();
            assert!(!platform.is_named(), "{text}");
        }
        assert!(Platform::linux_amd64().is_named());
        for text in ["linux", "/amd64", "a/b/c/d", ""] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }
}
