//! Headers of tarballs, without reading anything: whoever reads hands in blocks and the content of extended headers.
//!
//! Source: POSIX.1-2017, `pax`, "ustar Interchange Format" and "pax Extended Header"; GNU tar manual, "Basic Tar Format".

mod sparse;
#[cfg(test)]
mod tests;

pub use sparse::{Map, Piece, SEGMENTS_MAX, Sparse};

/// Length of a header, and what contents are padded to.
pub const BLOCK_BYTES: usize = 512;
/// Most bytes of an extended header: a name and a link's target of 4 KiB each, and attributes.
pub const EXTENDED_BYTES_MAX: u64 = 64 * 1024;
/// Most extended headers before one entry: engines write at most one of each kind.
const EXTENDED_MAX: usize = 8;

/// Why a header was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TarError {
    #[error("the checksum of a header is wrong")]
    Checksum,
    #[error("a number in a header is wrong")]
    Number,
    #[error("an extended header has more than {EXTENDED_BYTES_MAX} bytes")]
    ExtendedTooLong,
    #[error("an entry has too many extended headers")]
    TooManyExtended,
    #[error("an extended header is not well formed")]
    Extended,
    #[error("the list of a sparse file's parts is wrong")]
    Sparse,
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Folder,
    HardLink,
    SymbolicLink,
    /// A device, a queue, a label, a list of a folder, or something that is not known.
    Other,
}

/// An entry: its content follows, padded to whole blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub kind: EntryKind,
    pub name: Vec<u8>,
    /// Target of a link; empty for everything else.
    pub target: Vec<u8>,
    /// Bytes of content in the archive.
    pub size_bytes: u64,
    /// The parts of a file with holes.
    pub sparse: Option<Sparse>,
}

impl Entry {
    /// Length of the whole content in bytes, with the holes of a sparse file.
    pub fn real_bytes(&self) -> u64 {
        let sparse = self.sparse.as_ref();
        sparse.map_or(self.size_bytes, Sparse::real_bytes)
    }
}

/// One header of the tarball, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    Entry(Entry),
    /// An extended header: this many bytes of content follow, for [`Parser::extend`].
    Extended {
        size_bytes: u64,
    },
    /// A header that goes on in the next block, which is for [`Parser::header`] too.
    Continued,
    End,
}

#[derive(Debug, Clone, Copy)]
enum Extended {
    Name,
    Target,
    Pax,
    Global,
}

/// Puts headers and the extended headers before them together.
#[derive(Debug, Default)]
pub struct Parser {
    expects: Option<Extended>,
    extended: usize,
    long_name: Option<Vec<u8>>,
    long_target: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    link_path: Option<Vec<u8>>,
    size_bytes: Option<u64>,
    sparse: Option<Sparse>,
    /// The offset of a segment whose length comes next.
    sparse_offset: Option<u64>,
    /// An entry whose list of segments goes on in the next block.
    unfinished: Option<Entry>,
}

impl Parser {
    /// Reads a header.
    pub fn header(&mut self, block: &[u8; BLOCK_BYTES]) -> Result<Block, TarError> {
        if let Some(entry) = self.unfinished.take() {
            return self.more_segments(entry, &block[..504], block[504]);
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(Block::End);
        }
        check(block)?;
        let size_bytes = number(&block[124..136])?;
        let extended = match block[156] {
            b'L' => Extended::Name,
            b'K' => Extended::Target,
            b'x' => Extended::Pax,
            b'g' => Extended::Global,
            b'S' => return self.old_sparse(block, size_bytes),
            kind => return Ok(Block::Entry(self.entry(block, kind, size_bytes))),
        };
        self.extended += 1;
        if self.extended > EXTENDED_MAX {
            return Err(TarError::TooManyExtended);
        }
        if size_bytes > EXTENDED_BYTES_MAX {
            return Err(TarError::ExtendedTooLong);
        }
        self.expects = Some(extended);
        Ok(Block::Extended { size_bytes })
    }

    /// Reads the header of a sparse file in the old GNU format.
    fn old_sparse(
        &mut self,
        block: &[u8; BLOCK_BYTES],
        size_bytes: u64,
    ) -> Result<Block, TarError> {
        let mut entry = self.entry(block, b'0', size_bytes);
        entry.sparse = Some(Sparse {
            real_bytes: number(&block[483..495])?,
            ..Sparse::default()
        });
        self.more_segments(entry, &block[386..482], block[482])
    }

    fn more_segments(
        &mut self,
        mut entry: Entry,
        segments: &[u8],
        goes_on: u8,
    ) -> Result<Block, TarError> {
        entry
            .sparse
            .get_or_insert_default()
            .read_segments(segments)?;
        if goes_on == 0 {
            return Ok(Block::Entry(entry));
        }
        self.unfinished = Some(entry);
        Ok(Block::Continued)
    }

    /// Takes the content of the extended header that came last.
    pub fn extend(&mut self, content: &[u8]) -> Result<(), TarError> {
        match self.expects.take() {
            Some(Extended::Name) => self.long_name = Some(text(content)),
            Some(Extended::Target) => self.long_target = Some(text(content)),
            Some(Extended::Pax) => self.pax(content)?,
            // What holds for all entries is nothing that names or measures one.
            Some(Extended::Global) | None => {}
        }
        Ok(())
    }

    fn pax(&mut self, mut content: &[u8]) -> Result<(), TarError> {
        while !content.is_empty() {
            let space = content.iter().position(|byte| *byte == b' ');
            let space = space.ok_or(TarError::Extended)?;
            let length = decimal(&content[..space]).ok_or(TarError::Extended)?;
            let length = usize::try_from(length).map_err(|_| TarError::Extended)?;
            let record = content.get(space + 1..length).ok_or(TarError::Extended)?;
            let record = record.strip_suffix(b"\n").ok_or(TarError::Extended)?;
            let equals = record.iter().position(|byte| *byte == b'=');
            let (key, value) = record.split_at(equals.ok_or(TarError::Extended)?);
            self.attribute(key, &value[1..])?;
            content = &content[length..];
        }
        Ok(())
    }

    fn attribute(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarError> {
        match key {
            b"path" => self.path = Some(value.to_vec()),
            b"linkpath" => self.link_path = Some(value.to_vec()),
            b"size" => {
                let size = decimal(value).filter(|size| i64::try_from(*size).is_ok());
                self.size_bytes = Some(size.ok_or(TarError::Number)?);
            }
            key => {
                if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                    return self.sparse_attribute(key, value);
                }
            }
        }
        Ok(())
    }

    fn sparse_attribute(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarError> {
        let read = || decimal(value).filter(|number| i64::try_from(*number).is_ok());
        let sparse = self.sparse.get_or_insert_default();
        match key {
            b"name" => self.path = Some(value.to_vec()),
            b"size" | b"realsize" => sparse.real_bytes = read().ok_or(TarError::Number)?,
            b"major" if value == b"1" => sparse.in_content = true,
            b"offset" => self.sparse_offset = Some(read().ok_or(TarError::Number)?),
            b"numbytes" => {
                let offset = self.sparse_offset.take().ok_or(TarError::Sparse)?;
                sparse.add(offset, read().ok_or(TarError::Number)?)?;
            }
            b"map" => sparse.read_list(value)?,
            _ => {}
        }
        Ok(())
    }

    /// Makes an entry of a header, and forgets the extended headers before it.
    fn entry(&mut self, block: &[u8; BLOCK_BYTES], typeflag: u8, size_bytes: u64) -> Entry {
        let before = std::mem::take(self);
        let name = before.path.or(before.long_name);
        let name = name.unwrap_or_else(|| short_name(block));
        let kind = match typeflag {
            // The format before ustar tells folders by their names.
            0 if name.ends_with(b"/") => EntryKind::Folder,
            0 | b'0' | b'7' => EntryKind::File,
            b'1' => EntryKind::HardLink,
            b'2' => EntryKind::SymbolicLink,
            b'5' => EntryKind::Folder,
            _ => EntryKind::Other,
        };
        let target = match kind {
            EntryKind::HardLink | EntryKind::SymbolicLink => {
                let target = before.link_path.or(before.long_target);
                target.unwrap_or_else(|| text(&block[157..257]))
            }
            _ => Vec::new(),
        };
        let size_bytes = match kind {
            // Whatever the headers of links, folders, devices and queues say, nothing follows them.
            EntryKind::Folder | EntryKind::HardLink | EntryKind::SymbolicLink => 0,
            EntryKind::Other if matches!(typeflag, b'3' | b'4' | b'6') => 0,
            EntryKind::File | EntryKind::Other => before.size_bytes.unwrap_or(size_bytes),
        };
        Entry {
            kind,
            name,
            target,
            size_bytes,
            sparse: before.sparse.filter(|_| kind == EntryKind::File),
        }
    }
}

/// Returns how many bytes of padding follow a content.
pub const fn padding(size_bytes: u64) -> u64 {
    let block = BLOCK_BYTES as u64;
    (block - size_bytes % block) % block
}

fn short_name(block: &[u8; BLOCK_BYTES]) -> Vec<u8> {
    let name = text(&block[..100]);
    let prefix = text(&block[345..500]);
    // GNU's own format has times in the place of the prefix.
    if &block[257..263] != b"ustar\0" || prefix.is_empty() {
        return name;
    }
    [&prefix[..], b"/", &name[..]].concat()
}

/// Returns a field up to its first zero byte.
fn text(field: &[u8]) -> Vec<u8> {
    let end = field.iter().position(|byte| *byte == 0);
    field[..end.unwrap_or(field.len())].to_vec()
}

/// Checks the sum of all bytes, its own field taken as spaces. Old programs added signed bytes.
fn check(block: &[u8; BLOCK_BYTES]) -> Result<(), TarError> {
    let expected = number(&block[148..156]).map_err(|_| TarError::Checksum)?;
    let bytes = block.iter().enumerate();
    let bytes = bytes.map(|(i, byte)| if (148..156).contains(&i) { b' ' } else { *byte });
    let unsigned: i64 = bytes.clone().map(i64::from).sum();
    let signed: i64 = bytes.map(|byte| i64::from(byte.cast_signed())).sum();
    match i64::try_from(expected) {
        Ok(expected) if expected == unsigned || expected == signed => Ok(()),
        _ => Err(TarError::Checksum),
    }
}

/// Reads a number: octal digits between spaces and zero bytes, or GNU's big-endian form, which the first bit tells.
fn number(field: &[u8]) -> Result<u64, TarError> {
    let (first, rest) = field.split_first().ok_or(TarError::Number)?;
    let value = if first & 0x80 == 0 {
        let is_space = |byte: &u8| *byte == b' ' || *byte == 0;
        let start = field.iter().position(|byte| !is_space(byte));
        let digits = &field[start.unwrap_or(field.len())..];
        let end = digits.iter().position(is_space).unwrap_or(digits.len());
        let (digits, after) = digits.split_at(end);
        if !after.iter().all(is_space) {
            return Err(TarError::Number);
        }
        digits.iter().try_fold(0_u64, |value, digit| match digit {
            b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(digit - b'0')),
            _ => None,
        })
    } else {
        let first = u64::from(first & 0x7f);
        rest.iter().try_fold(first, |value, byte| {
            value.checked_mul(256)?.checked_add(u64::from(*byte))
        })
    };
    value
        .filter(|value| i64::try_from(*value).is_ok())
        .ok_or(TarError::Number)
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}
