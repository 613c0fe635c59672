//! Headers of tarballs: whatever comes, what is held is bounded, and an entry never says more than its headers may.

use dockyard_oci::tar::{
    BLOCK_BYTES, Block, EXTENDED_BYTES_MAX, Entry, EntryKind, Map, Parser, Piece, padding,
};

/// Runs one input: blocks and contents as a reader would hand them in.
///
/// # Panics
///
/// A panic is a finding.
pub fn run(input: &[u8]) {
    let mut parser = Parser::default();
    let mut rest = input;
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK_BYTES>() {
        rest = after;
        match parser.header(&summed(*block)) {
            Err(_) => return,
            Ok(Block::End | Block::Continued) => {}
            Ok(Block::Extended { size_bytes }) => {
                assert!(size_bytes <= EXTENDED_BYTES_MAX);
                let length = usize::try_from(size_bytes).expect("it is short");
                let Some((content, after)) = rest.split_at_checked(length) else {
                    return;
                };
                rest = skip(after, padding(size_bytes));
                if parser.extend(content).is_err() {
                    return;
                }
            }
            Ok(Block::Entry(entry)) => {
                let most = usize::try_from(EXTENDED_BYTES_MAX).expect("it is short");
                assert!(entry.name.len() <= most && entry.target.len() <= most);
                let is_link = matches!(entry.kind, EntryKind::HardLink | EntryKind::SymbolicLink);
                assert!(is_link || entry.target.is_empty());
                assert!(padding(entry.size_bytes) < BLOCK_BYTES as u64);
                lay_out(&entry, rest);
                rest = skip(rest, entry.size_bytes);
                rest = skip(rest, padding(entry.size_bytes));
            }
        }
    }
}

/// Lays a sparse file out: its parts are as long as the file.
fn lay_out(entry: &Entry, content: &[u8]) {
    let Some(mut sparse) = entry.sparse.clone() else {
        return;
    };
    let (mut stored, mut map) = (entry.size_bytes, Map::default());
    let mut blocks = content.as_chunks::<BLOCK_BYTES>().0.iter();
    while sparse.is_in_content() {
        let Some(block) = blocks.next() else {
            return;
        };
        stored = stored.saturating_sub(BLOCK_BYTES as u64);
        match map.block(&mut sparse, block) {
            Err(_) => return,
            Ok(true) => break,
            Ok(false) => {}
        }
    }
    let Ok(pieces) = sparse.pieces(stored) else {
        return;
    };
    let length = |piece: &Piece| match piece {
        Piece::Data(bytes) | Piece::Zeros(bytes) => *bytes,
    };
    let whole: u64 = pieces.iter().map(length).sum();
    assert_eq!(whole, sparse.real_bytes());
}

/// Gives a header its right checksum, so that what comes after it is reached. Source: POSIX, "ustar Interchange Format".
fn summed(mut block: [u8; BLOCK_BYTES]) -> [u8; BLOCK_BYTES] {
    if block.iter().all(|byte| *byte == 0) {
        return block;
    }
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

fn skip(bytes: &[u8], count: u64) -> &[u8] {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    bytes.get(count..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_every_kind_run_through() {
        for kind in 0..=u8::MAX {
            let mut input = vec![kind.wrapping_mul(31); 5 * BLOCK_BYTES];
            for block in input.chunks_mut(BLOCK_BYTES) {
                block[156] = kind;
                block[124..136].copy_from_slice(b"00000000030\0");
            }
            run(&input);
        }
    }
}
