//! Headers of tarballs: whatever comes, what is held is bounded, and an entry never says more than its headers may.

use dockyard_oci::tar::{BLOCK_BYTES, Block, EXTENDED_BYTES_MAX, EntryKind, Parser, padding};

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
            Ok(Block::End) => {}
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
                rest = skip(rest, entry.size_bytes);
                rest = skip(rest, padding(entry.size_bytes));
            }
        }
    }
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
