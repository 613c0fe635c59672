//! Files with holes: which bytes of a file an archive holds, and where zeros stand between them.
//!
//! Source: GNU tar manual, "Storing Sparse Files": the old GNU format, and the PAX formats 0.0, 0.1 and 1.0.

use std::collections::VecDeque;

use super::{BLOCK_BYTES, TarError, decimal, number};

/// Most segments of one file: a gigabyte in which every other block of 4 KiB is a hole has half as many.
pub const SEGMENTS_MAX: usize = 262_144;
/// Bytes of a segment in a header of the old GNU format: its offset and its length.
const SEGMENT_BYTES: usize = 24;
/// Longest line of a map in a file's content: the digits of the largest number, and a line feed.
const LINE_MAX: usize = 20;

/// A part of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// As many bytes that the archive holds.
    Data(u64),
    /// As many bytes of zeros that it leaves out.
    Zeros(u64),
}

/// The segments of a file with holes: offset and length of each in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sparse {
    pub(super) segments: Vec<(u64, u64)>,
    /// Length of the whole file in bytes.
    pub(super) real_bytes: u64,
    /// True if the segments stand in front of the content (PAX 1.0).
    pub(super) in_content: bool,
}

impl Sparse {
    /// Length of the whole file in bytes, holes included.
    pub const fn real_bytes(&self) -> u64 {
        self.real_bytes
    }

    /// Tells whether the segments stand in front of the content, for [`Map`] to read.
    pub const fn is_in_content(&self) -> bool {
        self.in_content
    }

    /// Lays the file out, of which the archive holds `stored_bytes`.
    ///
    /// Errors: `Sparse` when segments overlap, are not in order, leave the file, or are not what is stored.
    pub fn pieces(&self, stored_bytes: u64) -> Result<VecDeque<Piece>, TarError> {
        let mut pieces = VecDeque::with_capacity(2 * self.segments.len() + 1);
        let (mut at, mut stored) = (0_u64, 0_u64);
        for &(offset, length) in &self.segments {
            let end = offset.checked_add(length).ok_or(TarError::Sparse)?;
            if offset < at || end > self.real_bytes {
                return Err(TarError::Sparse);
            }
            pieces.extend((offset > at).then_some(Piece::Zeros(offset - at)));
            pieces.extend((length > 0).then_some(Piece::Data(length)));
            (at, stored) = (end, stored + length);
        }
        if stored != stored_bytes {
            return Err(TarError::Sparse);
        }
        let rest = self.real_bytes - at;
        pieces.extend((rest > 0).then_some(Piece::Zeros(rest)));
        Ok(pieces)
    }

    /// Takes the segments of a header in the old GNU format, which end at the first that is empty.
    pub(super) fn read_segments(&mut self, field: &[u8]) -> Result<(), TarError> {
        for segment in field.chunks_exact(SEGMENT_BYTES) {
            if segment[0] == 0 {
                break;
            }
            let (offset, length) = segment.split_at(SEGMENT_BYTES / 2);
            self.add(number(offset)?, number(length)?)?;
        }
        Ok(())
    }

    /// Takes the segments of format 0.1: `offset,length,offset,length`.
    pub(super) fn read_list(&mut self, list: &[u8]) -> Result<(), TarError> {
        self.segments.clear();
        if list.is_empty() {
            return Ok(());
        }
        let mut numbers = list.split(|byte| *byte == b',').map(decimal);
        while let Some(offset) = numbers.next() {
            let length = numbers.next().flatten();
            let (offset, length) = offset.zip(length).ok_or(TarError::Sparse)?;
            self.add(offset, length)?;
        }
        Ok(())
    }

    pub(super) fn add(&mut self, offset: u64, length: u64) -> Result<(), TarError> {
        if self.segments.len() == SEGMENTS_MAX {
            return Err(TarError::Sparse);
        }
        self.segments.push((offset, length));
        Ok(())
    }
}

/// Reads the segments in front of a file's content, block by block: how many there are, then two lines for each.
#[derive(Debug, Default)]
pub struct Map {
    /// The part of a line that was read.
    line: Vec<u8>,
    /// Numbers that are still to come, once that is known.
    left: Option<usize>,
    offset: Option<u64>,
}

impl Map {
    /// Takes the next block; true when it was the last one.
    ///
    /// Errors: `Sparse` for what is no such list.
    pub fn block(
        &mut self,
        sparse: &mut Sparse,
        block: &[u8; BLOCK_BYTES],
    ) -> Result<bool, TarError> {
        for byte in block {
            if self.left == Some(0) {
                break;
            }
            if *byte != b'\n' {
                if self.line.len() == LINE_MAX {
                    return Err(TarError::Sparse);
                }
                self.line.push(*byte);
                continue;
            }
            let number = decimal(&self.line).ok_or(TarError::Sparse)?;
            self.line.clear();
            self.number(sparse, number)?;
        }
        Ok(self.left == Some(0))
    }

    fn number(&mut self, sparse: &mut Sparse, number: u64) -> Result<(), TarError> {
        let Some(left) = self.left else {
            let count = usize::try_from(number).ok();
            let count = count.filter(|count| *count <= SEGMENTS_MAX);
            self.left = Some(2 * count.ok_or(TarError::Sparse)?);
            return Ok(());
        };
        self.left = Some(left - 1);
        match self.offset.take() {
            None => self.offset = Some(number),
            Some(offset) => sparse.add(offset, number)?,
        }
        Ok(())
    }
}
