//! What a process must know of an upload to go on with it.

use serde::{Deserialize, Serialize};

use crate::store::StoreError;

/// MiB of the first parts: the least that S3 takes.
const PART_BYTES: u64 = 5 * 1024 * 1024;
/// Parts after which their size doubles: 10,000 parts make 5,000,000 MiB, the largest object there is.
const PARTS_A_SIZE: usize = 1000;

/// The state of an upload, as its row keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// Id of the multipart upload, once there is more than a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    /// Entity tags of the whole parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// Entity tag of what is left over for a part, sent as the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// Bytes after the whole parts.
    #[serde(default)]
    pub rest: u64,
    /// Lengths of the upload at which its end was kept; the last one counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tails: Vec<u64>,
    /// Whether it names something that no upload needs any more, and nothing else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_leftover: bool,
}

impl State {
    pub(super) fn read(state: Option<&[u8]>) -> Result<Self, StoreError> {
        let Some(state) = state else {
            return Ok(Self::default());
        };
        serde_json::from_slice(state).map_err(|error| StoreError::Io(error.into()))
    }

    pub(super) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Is the length of the upload in bytes.
    pub(super) fn length(&self) -> u64 {
        let sizes = (0..self.parts.len()).map(part_bytes);
        sizes.sum::<u64>() + self.rest
    }

    /// Lists the entity tags of all parts, in order.
    pub(super) fn etags(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().chain(&self.last).map(String::as_str)
    }
}

/// Is the size of a part in bytes, counted from 0. The same at all times, as a row's state builds on it.
pub(super) fn part_bytes(part: usize) -> u64 {
    PART_BYTES << (part / PARTS_A_SIZE).min(9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_object_has_ten_thousand_parts() {
        let gib = 1024 * 1024 * 1024;
        let all: u64 = (0..10_000).map(part_bytes).sum();
        assert!(all > 4_880 * gib, "{all}");
        assert!((0..10_000).all(|part| part_bytes(part) <= 5 * gib));
        assert_eq!(part_bytes(999), 5 * 1024 * 1024);
        assert_eq!(part_bytes(1000), 10 * 1024 * 1024);
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let state = State {
            upload: Some("id".to_owned()),
            parts: vec!["a".to_owned(), "b".to_owned()],
            last: Some("c".to_owned()),
            rest: 7,
            tails: vec![3, 10_485_767],
            is_leftover: false,
        };
        assert_eq!(State::read(Some(&state.write())).unwrap(), state);
        assert_eq!(state.length(), 2 * PART_BYTES + 7);
        assert_eq!(state.etags().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(State::read(None).unwrap(), State::default());
        assert!(State::read(Some(b"nonsense")).is_err());
    }
}
