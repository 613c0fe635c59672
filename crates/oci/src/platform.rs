//! The machines that images are for. Source: OCI image-spec, "Image Index", `platform`.

use serde::{Deserialize, Serialize};

/// The machine that an image is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    pub architecture: String,
    pub os: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// Is what images are for unless they say more.
    pub fn linux_amd64() -> Self {
        Self {
            architecture: "amd64".to_owned(),
            os: "linux".to_owned(),
            variant: None,
        }
    }

    /// Tells whether an image for `self` is one for `wanted`, which may leave the variant open.
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
    }
}

impl std::str::FromStr for Platform {
    type Err = PlatformError;

    /// Reads `os/architecture`, with perhaps `/variant`.
    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let mut parts = text.split('/').map(ToOwned::to_owned);
        let (os, architecture, variant) = (parts.next(), parts.next(), parts.next());
        match (os, architecture, parts.next()) {
            (Some(os), Some(architecture), None) if !os.is_empty() && !architecture.is_empty() => {
                Ok(Self {
                    architecture,
                    os,
                    variant,
                })
            }
            _ => Err(PlatformError),
        }
    }
}

/// A text that does not name a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a platform is written os/architecture, as in linux/amd64")]
pub struct PlatformError;

impl std::fmt::Display for Platform {
    /// Writes `linux/arm64/v8`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}
