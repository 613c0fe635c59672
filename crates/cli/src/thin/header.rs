//! The header of an entry of a tar. Source: POSIX, "pax Interchange Format", the ustar header block.

use dockyard_oci::Digest;

/// Length of a header, and what every file is filled up to.
pub const BLOCK: usize = 512;

const NAME: std::ops::Range<usize> = 0..100;
const SIZE: std::ops::Range<usize> = 124..136;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const KIND: usize = 156;
const LINK: std::ops::Range<usize> = 157..257;
const MAGIC: std::ops::Range<usize> = 257..262;
const PREFIX: std::ops::Range<usize> = 345..500;

/// A header that is understood as far as it is needed.
pub struct Header {
    block: [u8; BLOCK],
    size: u64,
}

impl Header {
    /// Tells whether a file starts with a header, and is not compressed as a whole.
    pub fn is_first(start: &[u8]) -> bool {
        start.get(MAGIC).is_some_and(|magic| magic == b"ustar")
    }

    /// Reads a header; `None` for zeros, for what is cut short or has a wrong sum, and for sizes that are no octal
    /// number, as files of 8 GiB and more have.
    pub fn read(block: &[u8]) -> Option<Self> {
        let block: [u8; BLOCK] = block.try_into().ok()?;
        let size = octal(&block[SIZE])?;
        let is_whole = Some(sum(&block)) == octal(&block[CHECKSUM]);
        (is_whole && block[0] != 0).then_some(Self { block, size })
    }

    pub const fn as_bytes(&self) -> &[u8] {
        &self.block
    }

    /// Is the length of the entry's content in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Tells whether it is a file; a link may say the size of what it leads to.
    pub const fn is_file(&self) -> bool {
        matches!(self.block[KIND], b'0' | 0)
    }

    /// Tells whether the content is about the entry that follows: a long name, or more.
    pub const fn describes_the_next(&self) -> bool {
        matches!(self.block[KIND], b'x' | b'L' | b'K')
    }

    /// Is the digest that the name promises: `blobs/sha256/<hex>` of an OCI layout, `<hex>.tar` of podman.
    pub fn promised_digest(&self) -> Option<Digest> {
        let name = self.name()?;
        let hex = name
            .strip_prefix("blobs/sha256/")
            .or_else(|| name.strip_suffix(".tar"))?;
        format!("sha256:{hex}").parse().ok()
    }

    /// Tells whether it is a layer whose name says nothing, `<id>/layer.tar`.
    pub fn is_nameless_layer(&self) -> bool {
        let name = self.name().unwrap_or_default();
        name.matches('/').count() == 1 && name.ends_with("/layer.tar")
    }

    /// Is a link in the place of a layer, to where its digest would be.
    pub fn link_to(&self, digest: &Digest) -> Self {
        let mut block = self.block;
        let target = format!("../blobs/sha256/{}", digest.hex());
        block[LINK].fill(0);
        block[LINK][..target.len()].copy_from_slice(target.as_bytes());
        block[KIND] = b'2';
        block[SIZE].copy_from_slice(b"00000000000\0");
        let sum = format!("{:06o}\0 ", sum(&block));
        block[CHECKSUM].copy_from_slice(sum.as_bytes());
        Self { block, size: 0 }
    }

    /// Is the name, when it is all in one place.
    fn name(&self) -> Option<&str> {
        if self.block[PREFIX.start] != 0 {
            return None;
        }
        let name = &self.block[NAME];
        let end = name.iter().position(|byte| *byte == 0);
        let name = std::str::from_utf8(&name[..end.unwrap_or(name.len())]).ok()?;
        Some(name.strip_prefix("./").unwrap_or(name))
    }
}

/// Is a length with what fills it up to whole blocks.
pub const fn padded(length: u64) -> u64 {
    length.next_multiple_of(BLOCK as u64)
}

/// Adds the bytes of a header up, with the sum's own place as spaces.
fn sum(block: &[u8; BLOCK]) -> u64 {
    let bytes = block.iter().enumerate();
    bytes
        .map(|(at, byte)| match at {
            at if CHECKSUM.contains(&at) => u64::from(b' '),
            _ => u64::from(*byte),
        })
        .sum()
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches(['\0', ' ']);
    u64::from_str_radix(digits, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, size: u64) -> Header {
        let mut block = [0; BLOCK];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[SIZE].copy_from_slice(format!("{size:011o}\0").as_bytes());
        block[KIND] = b'0';
        block[MAGIC].copy_from_slice(b"ustar");
        let sum = format!("{:06o}\0 ", sum(&block));
        block[CHECKSUM].copy_from_slice(sum.as_bytes());
        Header::read(&block).unwrap()
    }

    #[test]
    fn knows_layers_by_their_names() {
        let hex = "a".repeat(64);
        for name in [
            format!("blobs/sha256/{hex}"),
            format!("./blobs/sha256/{hex}"),
            format!("{hex}.tar"),
        ] {
            let digest = header(&name, 7).promised_digest().unwrap();
            assert_eq!(digest.hex(), hex, "{name}");
        }
        let nameless = header(&format!("{hex}/layer.tar"), 7);
        assert!(nameless.promised_digest().is_none() && nameless.is_nameless_layer());
        assert!(!header("image.tar", 7).is_nameless_layer());
    }

    #[test]
    fn a_link_takes_the_place_of_a_layer() {
        let digest: Digest = format!("sha256:{}", "b".repeat(64)).parse().unwrap();
        let link = header("id/layer.tar", 1 << 30).link_to(&digest);
        let link = Header::read(link.as_bytes()).unwrap();
        assert_eq!((link.size(), link.name()), (0, Some("id/layer.tar")));
        assert!(!link.is_file());
        let target = &link.block[LINK];
        assert!(target.starts_with(format!("../blobs/sha256/{}\0", digest.hex()).as_bytes()));
    }

    #[test]
    fn what_is_no_header_is_not_read() {
        assert!(Header::read(&[0; BLOCK]).is_none());
        assert!(Header::read(&[7; BLOCK]).is_none());
        assert!(Header::read(b"short").is_none());
        let mut wrong = header("a", 1).block;
        wrong[0] = b'b';
        assert!(Header::read(&wrong).is_none());
    }
}
