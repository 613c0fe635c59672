//! Headers of tarballs, without reading anything: whoever reads hands in blocks and the content of extended headers.
//!
//! Source: POSIX.1-2017, `pax`, "ustar Interchange Format" and "pax Extended Header"; GNU tar manual, "Basic Tar Format".

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
    #[error("sparse files are not supported: write the tarball without --sparse")]
    Sparse,
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Folder,
    HardLink,
    SymbolicLink,
    /// A device, a queue, or something that is not known.
    Other,
}

/// An entry: its content follows, padded to whole blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub kind: EntryKind,
    pub name: Vec<u8>,
    /// Target of a link; empty for everything else.
    pub target: Vec<u8>,
    /// Bytes of content.
    pub size_bytes: u64,
}

/// One header of the tarball, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    Entry(Entry),
    /// An extended header: this many bytes of content follow, for [`Parser::extend`].
    Extended {
        size_bytes: u64,
    },
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
}

impl Parser {
    /// Reads a header.
    pub fn header(&mut self, block: &[u8; BLOCK_BYTES]) -> Result<Block, TarError> {
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
            b'S' => return Err(TarError::Sparse),
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
            key if key.starts_with(b"GNU.sparse.") => return Err(TarError::Sparse),
            _ => {}
        }
        Ok(())
    }

    /// Makes an entry of a header, and forgets the extended headers before it.
    fn entry(&mut self, block: &[u8; BLOCK_BYTES], kind: u8, size_bytes: u64) -> Entry {
        let before = std::mem::take(self);
        let name = before.path.or(before.long_name);
        let name = name.unwrap_or_else(|| short_name(block));
        let kind = match kind {
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
            EntryKind::File | EntryKind::Other => before.size_bytes.unwrap_or(size_bytes),
            // Whatever their headers say, nothing follows these.
            EntryKind::Folder | EntryKind::HardLink | EntryKind::SymbolicLink => 0,
        };
        Entry {
            kind,
            name,
            target,
            size_bytes,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn block(kind: u8, name: &[u8], size: &[u8]) -> [u8; BLOCK_BYTES] {
        let mut block = [0; BLOCK_BYTES];
        block[..name.len()].copy_from_slice(name);
        block[124..124 + size.len()].copy_from_slice(size);
        block[156] = kind;
        block[257..263].copy_from_slice(b"ustar\0");
        sum(&mut block);
        block
    }

    fn sum(block: &mut [u8; BLOCK_BYTES]) {
        block[148..156].fill(b' ');
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    }

    fn entry(parser: &mut Parser, block: &[u8; BLOCK_BYTES]) -> Entry {
        match parser.header(block) {
            Ok(Block::Entry(entry)) => entry,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_plain_headers() {
        let mut parser = Parser::default();
        let file = entry(&mut parser, &block(b'0', b"a/b", b"00000000017\0"));
        assert_eq!(
            (file.kind, &file.name[..], file.size_bytes),
            (EntryKind::File, &b"a/b"[..], 15)
        );
        let old = entry(&mut parser, &block(0, b"a/", b"0"));
        assert_eq!(old.kind, EntryKind::Folder);
        let mut prefixed = block(b'0', b"b", b" 5 ");
        prefixed[345..349].copy_from_slice(b"x/yz");
        sum(&mut prefixed);
        assert_eq!(entry(&mut parser, &prefixed).name, b"x/yz/b");
        let mut link = block(b'2', b"l", b"7");
        link[157..160].copy_from_slice(b"../");
        sum(&mut link);
        let link = entry(&mut parser, &link);
        assert_eq!((&link.target[..], link.size_bytes), (&b"../"[..], 0));
        assert_eq!(parser.header(&[0; BLOCK_BYTES]), Ok(Block::End));
    }

    #[test]
    fn reads_large_numbers_and_refuses_negative_ones() {
        let mut parser = Parser::default();
        let large = [0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0];
        assert_eq!(
            entry(&mut parser, &block(b'0', b"a", &large)).size_bytes,
            1 << 33
        );
        for wrong in [&[0xff; 12][..], b"9", b"1 2", b"x"] {
            assert_eq!(
                parser.header(&block(b'0', b"a", wrong)),
                Err(TarError::Number)
            );
        }
    }

    #[test]
    fn extended_headers_are_for_the_next_entry_alone() {
        let mut parser = Parser::default();
        assert_eq!(
            parser.header(&block(b'L', b"x", b"5")),
            Ok(Block::Extended { size_bytes: 5 })
        );
        parser.extend(b"long\0").unwrap();
        assert_eq!(entry(&mut parser, &block(b'0', b"a", b"0")).name, b"long");
        assert_eq!(entry(&mut parser, &block(b'0', b"a", b"0")).name, b"a");
        parser.header(&block(b'x', b"x", b"5")).unwrap();
        parser
            .extend(b"12 path=p=q\n11 size=64\n13 comment= \n")
            .unwrap();
        let paxed = entry(&mut parser, &block(b'0', b"a", b"1"));
        assert_eq!((&paxed.name[..], paxed.size_bytes), (&b"p=q"[..], 64));
    }

    #[test]
    fn refuses_what_costs_without_end() {
        let mut parser = Parser::default();
        let long = format!("{:o}", EXTENDED_BYTES_MAX + 1);
        for kind in [b'L', b'K', b'x', b'g'] {
            let header = parser.header(&block(kind, b"x", long.as_bytes()));
            assert_eq!(header, Err(TarError::ExtendedTooLong));
        }
        assert_eq!(
            parser.header(&block(b'S', b"x", b"7")),
            Err(TarError::Sparse)
        );
        let mut parser = Parser::default();
        parser.header(&block(b'x', b"x", b"5")).unwrap();
        assert_eq!(
            parser.extend(b"22 GNU.sparse.major=1\n"),
            Err(TarError::Sparse)
        );
        for _ in 1..EXTENDED_MAX {
            parser.header(&block(b'g', b"x", b"5")).unwrap();
        }
        assert_eq!(
            parser.header(&block(b'g', b"x", b"5")),
            Err(TarError::TooManyExtended)
        );
    }

    #[test]
    fn refuses_what_is_no_header() {
        let mut wrong = block(b'0', b"a", b"0");
        wrong[0] = b'b';
        assert_eq!(Parser::default().header(&wrong), Err(TarError::Checksum));
        for record in [
            &b"5 a=b\n"[..],
            b"6 a=b",
            b"x a=b\n",
            b"7 aaab\n",
            b"99 a=b\n",
            b" a=b\n",
            b"1 a=b\n",
        ] {
            let mut parser = Parser::default();
            parser.header(&block(b'x', b"x", b"5")).unwrap();
            assert_eq!(parser.extend(record), Err(TarError::Extended), "{record:?}");
        }
    }
}
