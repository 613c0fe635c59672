//! Headers as programs write them, and as nobody should.

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
    let mut parser = Parser::default();
    parser.header(&block(b'x', b"x", b"5")).unwrap();
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

/// A header of the old GNU format with one segment, of a file of 4096 bytes.
fn old_sparse(goes_on: u8) -> [u8; BLOCK_BYTES] {
    let mut header = block(b'S', b"holes", b"1000");
    header[386..410].copy_from_slice(b"00000001000\x0000000001000\x00");
    header[482] = goes_on;
    header[483..495].copy_from_slice(b"00000010000\0");
    sum(&mut header);
    header
}

#[test]
fn reads_sparse_files_of_the_old_format() {
    let mut parser = Parser::default();
    let holes = entry(&mut parser, &old_sparse(0));
    assert_eq!((holes.kind, holes.real_bytes()), (EntryKind::File, 4096));
    let pieces = holes.sparse.unwrap().pieces(512).unwrap();
    assert_eq!(
        pieces,
        [Piece::Zeros(512), Piece::Data(512), Piece::Zeros(3072)]
    );
    assert_eq!(parser.header(&old_sparse(1)), Ok(Block::Continued));
    let mut more = [0; BLOCK_BYTES];
    more[..24].copy_from_slice(b"00000002000\x0000000001000\x00");
    let holes = entry(&mut parser, &more).sparse.unwrap();
    let both = [Piece::Zeros(512), Piece::Data(512), Piece::Data(512)];
    assert_eq!(
        holes
            .pieces(1024)
            .unwrap()
            .iter()
            .take(3)
            .copied()
            .collect::<Vec<_>>(),
        both
    );
    // The header after it is one of its own.
    assert_eq!(entry(&mut parser, &block(b'0', b"a", b"0")).sparse, None);
}

/// Reads an extended header with some records, and the entry after it.
fn paxed(records: &[&str]) -> Result<Entry, TarError> {
    let record = |record: &&str| {
        let mut length = record.len() + 3;
        while format!("{length} {record}\n").len() != length {
            length += 1;
        }
        format!("{length} {record}\n")
    };
    let content: Vec<String> = records.iter().map(record).collect();
    let content = content.concat();
    let mut parser = Parser::default();
    parser.header(&block(b'x', b"x", b"5"))?;
    parser.extend(content.as_bytes())?;
    Ok(entry(&mut parser, &block(b'0', b"a", b"1000")))
}

#[test]
fn reads_sparse_files_of_the_pax_formats() {
    let pieces = [Piece::Zeros(10), Piece::Data(512)];
    let oldest = [
        "GNU.sparse.size=522",
        "GNU.sparse.offset=10",
        "GNU.sparse.numbytes=512",
    ];
    let older = [
        "GNU.sparse.size=522",
        "GNU.sparse.map=10,512",
        "GNU.sparse.name=b",
    ];
    for (records, name) in [(oldest, b"a"), (older, b"b")] {
        let holes = paxed(&records).unwrap();
        assert_eq!((&holes.name[..], holes.real_bytes()), (&name[..], 522));
        assert_eq!(holes.sparse.unwrap().pieces(512).unwrap(), pieces);
    }
    let newest = [
        "GNU.sparse.major=1",
        "GNU.sparse.minor=0",
        "GNU.sparse.realsize=522",
    ];
    let mut holes = paxed(&newest).unwrap().sparse.unwrap();
    assert!(holes.is_in_content());
    let mut map = [0; BLOCK_BYTES];
    map[..9].copy_from_slice(b"1\n10\n512\n");
    assert_eq!(Map::default().block(&mut holes, &map), Ok(true));
    assert_eq!(holes.pieces(512).unwrap(), pieces);
}

#[test]
fn a_map_may_be_longer_than_a_block() {
    let lines: Vec<String> = (0..200).map(|i| format!("{}\n1\n", 2 * i)).collect();
    let text = format!("200\n{}", lines.concat());
    let mut holes = Sparse::default();
    let mut map = Map::default();
    let mut ended = Vec::new();
    for chunk in text.as_bytes().chunks(BLOCK_BYTES) {
        let mut block = [0; BLOCK_BYTES];
        block[..chunk.len()].copy_from_slice(chunk);
        ended.push(map.block(&mut holes, &block).unwrap());
    }
    assert_eq!(ended.pop(), Some(true));
    assert!(!ended.contains(&true));
    assert_eq!(holes.segments.len(), 200);
}

#[test]
fn refuses_lists_of_segments_that_cannot_be() {
    for map in [
        "10,512,10,1",
        "20,2,10,2",
        "0,600",
        "10",
        "a,b",
        "18446744073709551615,2",
        "1,2",
    ] {
        let list = format!("GNU.sparse.map={map}");
        let pieces = paxed(&["GNU.sparse.size=522", &list])
            .and_then(|holes| holes.sparse.unwrap().pieces(512));
        assert_eq!(pieces, Err(TarError::Sparse), "{map}");
    }
    assert_eq!(paxed(&["GNU.sparse.numbytes=1"]), Err(TarError::Sparse));
    for map in [&b"x\n"[..], b"1\n1\n\n", b"99999999\n", &[b'1'; 30]] {
        let mut block = [b'\n'; BLOCK_BYTES];
        block[..map.len()].copy_from_slice(map);
        let read = Map::default().block(&mut Sparse::default(), &block);
        assert_eq!(read, Err(TarError::Sparse), "{map:?}");
    }
}

#[test]
fn nothing_follows_devices_and_queues() {
    for kind in [b'3', b'4', b'6'] {
        let entry = entry(&mut Parser::default(), &block(kind, b"x", b"777"));
        assert_eq!((entry.kind, entry.size_bytes), (EntryKind::Other, 0));
    }
    for kind in [b'V', b'D', b'M', b's'] {
        let entry = entry(&mut Parser::default(), &block(kind, b"x", b"777"));
        assert_eq!((entry.kind, entry.size_bytes), (EntryKind::Other, 511));
    }
}
