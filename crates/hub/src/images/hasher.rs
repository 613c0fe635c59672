//! A hash that can be put down between chunks and taken up again, by any node.

use dockyard_oci::{Algorithm, Digest};
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest as _, Sha256, Sha512};

/// A running hash of one of the algorithms that digests may name.
#[derive(Clone)]
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        let digest = match self {
            Self::Sha256(hash) => Digest::from_hash(Algorithm::Sha256, &hash.finalize()),
            Self::Sha512(hash) => Digest::from_hash(Algorithm::Sha512, &hash.finalize()),
        };
        digest.expect("a hash has its algorithm's length")
    }

    /// Writes down the state: one byte for the algorithm, then what the hash makes of itself.
    pub(super) fn save(&self) -> Vec<u8> {
        match self {
            Self::Sha256(hash) => [&[1], hash.serialize().as_slice()].concat(),
            Self::Sha512(hash) => [&[2], hash.serialize().as_slice()].concat(),
        }
    }

    /// Reads a state back; `None` for bytes that are not one.
    pub(super) fn restore(state: &[u8]) -> Option<Self> {
        let (algorithm, state) = state.split_first()?;
        match algorithm {
            1 => restore(state).map(Self::Sha256),
            2 => restore(state).map(Self::Sha512),
            _ => None,
        }
    }

    /// Hashes what is held whole.
    pub(super) fn digest(algorithm: Algorithm, bytes: &[u8]) -> Digest {
        let mut hasher = Self::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }
}

fn restore<H: SerializableState>(state: &[u8]) -> Option<H> {
    H::deserialize(&SerializedState::<H>::try_from(state).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_where_it_was_put_down() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let mut first = Hasher::new(algorithm);
            first.update(b"hello ");
            let mut second = Hasher::restore(&first.save()).unwrap();
            second.update(b"world");
            assert_eq!(second.finish(), Hasher::digest(algorithm, b"hello world"));
        }
    }

    #[test]
    fn refuses_bytes_that_are_no_state() {
        for bytes in [&b""[..], b"\x01", b"\x03abc", &[1; 300]] {
            assert!(Hasher::restore(bytes).is_none());
        }
    }
}
