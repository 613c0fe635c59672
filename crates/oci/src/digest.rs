//! Content digests.

use std::str::FromStr;

use crate::text::text_type;

/// A hash algorithm that a digest may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    Sha256,
    Sha512,
}

impl Algorithm {
    /// Is the name as written before the colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Is the number of hex digits after the colon.
    pub const fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        match text {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(DigestError::Algorithm),
        }
    }
}

/// The address of content: `sha256:<64 hex digits>` or `sha512:<128 hex digits>`, lower case.
///
/// Source: OCI image-spec, descriptor, "Digests".
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    text: Box<str>,
    algorithm: Algorithm,
}

impl Digest {
    /// Builds a digest from raw hash bytes.
    ///
    /// Errors: `Length` when the number of bytes is not the algorithm's.
    pub fn from_hash(algorithm: Algorithm, hash: &[u8]) -> Result<Self, DigestError> {
        use std::fmt::Write as _;
        if hash.len() * 2 != algorithm.hex_len() {
            return Err(DigestError::Length {
                expected: algorithm.hex_len(),
            });
        }
        let mut text = String::with_capacity(7 + algorithm.hex_len());
        text.push_str(algorithm.as_str());
        text.push(':');
        for byte in hash {
            let _ = write!(text, "{byte:02x}");
        }
        Ok(Self {
            text: text.into(),
            algorithm,
        })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Is the part after the colon.
    pub fn hex(&self) -> &str {
        &self.text[self.algorithm.as_str().len() + 1..]
    }

    /// Is the first twelve hex digits, enough for a person to compare.
    pub fn short(&self) -> &str {
        &self.hex()[..12]
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, hex) = text.split_once(':').ok_or(DigestError::Colon)?;
        let algorithm: Algorithm = algorithm.parse()?;
        if hex.len() != algorithm.hex_len() {
            return Err(DigestError::Length {
                expected: algorithm.hex_len(),
            });
        }
        if !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(DigestError::Hex);
        }
        Ok(Self {
            text: text.into(),
            algorithm,
        })
    }
}

text_type!(Digest);

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    #[error("a digest is written algorithm:hex, for example sha256:…")]
    Colon,
    #[error("only sha256 and sha512 digests are supported")]
    Algorithm,
    #[error("this digest needs {expected} hex digits")]
    Length { expected: usize },
    #[error("a digest holds lower-case hex digits only")]
    Hex,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_the_grammar_refuses() {
        let hex = "a".repeat(64);
        assert!(format!("sha256:{hex}").parse::<Digest>().is_ok());
        for (text, error) in [
            (hex.clone(), DigestError::Colon),
            (format!("md5:{hex}"), DigestError::Algorithm),
            (
                format!("sha256:{}", &hex[1..]),
                DigestError::Length { expected: 64 },
            ),
            (
                format!("sha512:{hex}"),
                DigestError::Length { expected: 128 },
            ),
            (format!("sha256:{}", hex.to_uppercase()), DigestError::Hex),
            (format!("sha256:{}é", &hex[2..]), DigestError::Hex),
        ] {
            assert_eq!(text.parse::<Digest>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(hash in proptest::array::uniform32(any::<u8>())) {
            let digest = Digest::from_hash(Algorithm::Sha256, &hash).unwrap();
            prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<Digest>();
        }
    }
}
