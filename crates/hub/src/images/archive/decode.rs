//! Compressions of tarballs and of layers, told by their first bytes.

use async_compression::tokio::bufread::{BzDecoder, GzipDecoder, XzDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use tokio::io::{AsyncBufRead, AsyncRead};

/// Memory of a decoder: what `xz -9` needs is 65 MiB, and `zstd --ultra -22` has a window of 128 MiB.
const XZ_BYTES: u64 = 66 * 1024 * 1024;
pub(super) const ZSTD_WINDOW_LOG: u32 = 26;

/// A compression that is read, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Packing {
    /// Tells the compression by the first bytes, of which 8 are enough.
    pub(super) const fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A frame, or one to be skipped, as pzstd writes before each.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', ..] => Self::Bzip2,
            _ => Self::None,
        }
    }

    /// Tells whether its decoder takes tens of megabytes.
    pub(super) const fn is_dear(self) -> bool {
        matches!(self, Self::Xz | Self::Zstd)
    }
}

/// Names a compression that is not read, by the first bytes.
pub(super) const fn unread(start: &[u8]) -> Option<&'static str> {
    match start {
        // Properties that every encoder writes, and a dictionary of whole kilobytes.
        [0x5d, 0, 0, _, _, ..] => Some("lzma"),
        [b'L', b'Z', b'I', b'P', ..] => Some("lzip"),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some("lz4"),
        [0x1f, 0x9d, ..] => Some("compress"),
        [b'P', b'K', 0x03, 0x04, ..] => Some("zip"),
        [b'7', b'z', 0xbc, 0xaf, ..] => Some("7z"),
        _ => None,
    }
}

/// Undoes a compression, over all streams of the file.
pub(super) fn decoder<'a, R>(packing: Packing, reader: R) -> Box<dyn AsyncRead + Send + Unpin + 'a>
where
    R: AsyncBufRead + Send + Unpin + 'a,
{
    match packing {
        Packing::None => Box::new(reader),
        Packing::Gzip => {
            let mut decoder = GzipDecoder::new(reader);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        Packing::Zstd => {
            let window = [DParameter::window_log_max(ZSTD_WINDOW_LOG)];
            let mut decoder = ZstdDecoder::with_params(reader, &window);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        Packing::Xz => {
            let mut decoder = XzDecoder::with_mem_limit(reader, XZ_BYTES);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        Packing::Bzip2 => {
            let mut decoder = BzDecoder::new(reader);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_is_read_and_what_is_not() {
        assert_eq!(Packing::of(b"\x1f\x8b\x08"), Packing::Gzip);
        assert_eq!(Packing::of(b"\x5a\x2a\x4d\x18"), Packing::Zstd);
        assert_eq!(Packing::of(b"BZh9"), Packing::Bzip2);
        assert_eq!(Packing::of(b"manifest.json"), Packing::None);
        assert_eq!(unread(b"\x5d\x00\x00\x80\x00\xff"), Some("lzma"));
        assert_eq!(unread(b"PK\x03\x04"), Some("zip"));
        assert_eq!(unread(b"]/x"), None);
        assert_eq!(unread(b""), None);
    }
}
