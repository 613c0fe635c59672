//! Tarballs and layers as programs write them: compressions, first bytes, and entries that no image needs.

use async_compression::tokio::write::{BzEncoder, GzipEncoder, XzEncoder, ZstdEncoder};
use reqwest::StatusCode;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::app::digest;
use crate::tarball_images::{LAYER, Layout, app, put};
use crate::tarballs::tar;

const BLOCK: usize = 512;

/// Compresses bytes with one of the programs that people have.
async fn compressed(with: &str, bytes: &[u8]) -> Vec<u8> {
    macro_rules! by {
        ($encoder:ident) => {{
            let mut encoder = $encoder::new(Vec::new());
            encoder.write_all(bytes).await.unwrap();
            encoder.shutdown().await.unwrap();
            encoder.into_inner()
        }};
    }
    match with {
        "gzip" => by!(GzipEncoder),
        "bzip2" => by!(BzEncoder),
        "xz" => by!(XzEncoder),
        "zstd" => by!(ZstdEncoder),
        // A frame that is skipped stands before each, with the length of the next.
        "pzstd" => {
            let frame = by!(ZstdEncoder);
            let length = u32::try_from(frame.len()).unwrap().to_le_bytes();
            [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], &length, &frame].concat()
        }
        _ => bytes.to_vec(),
    }
}

/// Builds the output of `docker save`, with a given layer file.
async fn saved(plain: &[u8], layer: &[u8]) -> Vec<u8> {
    let config = json!({"rootfs": {"diff_ids": [digest(plain)]}}).to_string();
    let saved = json!([{"Config": "c.json", "RepoTags": ["x:v1"], "Layers": ["l/layer.tar"]}]);
    tar(&[
        ("l/layer.tar", layer),
        ("c.json", config.as_bytes()),
        ("manifest.json", saved.to_string().as_bytes()),
    ])
    .await
}

#[tokio::test]
async fn a_file_may_hold_several_streams() {
    let app = app().await;
    let layer = tar(&[("file", &[b'x'; 5000])]).await;
    let whole = saved(&layer, &layer).await;
    let (first, second) = whole.split_at(whole.len() / 2);
    for with in ["gzip", "bzip2", "xz", "zstd", "pzstd"] {
        let both = [
            compressed(with, first).await,
            compressed(with, second).await,
        ]
        .concat();
        let (status, answer) = put(&app, "alice/app:v1", both).await;
        assert_eq!(status, StatusCode::CREATED, "{with}: {answer}");
    }
}

#[tokio::test]
async fn layers_may_be_compressed_in_every_way_that_engines_read() {
    let app = app().await;
    let layer = tar(&[("file", &[b'x'; 5000])]).await;
    for with in ["gzip", "bzip2", "xz", "zstd", "pzstd"] {
        for times in [1, 2] {
            let (first, second) = layer.split_at(if times == 1 { 0 } else { 3000 });
            let mut packed = if times == 1 {
                Vec::new()
            } else {
                compressed(with, first).await
            };
            packed.extend(compressed(with, second).await);
            let tarball = saved(&layer, &packed).await;
            let (status, answer) = put(&app, "alice/app:v1", tarball).await;
            assert_eq!(status, StatusCode::CREATED, "{with}, {times}: {answer}");
            // By its digest, as newer engines name it.
            let mut named = Layout::default();
            let described = named.blob(LAYER, &packed);
            let path = named.0[0].0.clone();
            let config = json!({"rootfs": {"diff_ids": [digest(&layer)]}}).to_string();
            let saved = json!([{"Config": "c.json", "RepoTags": ["x:v1"], "Layers": [path]}]);
            let tarball = tar(&[
                (&path, &packed),
                ("c.json", config.as_bytes()),
                ("manifest.json", saved.to_string().as_bytes()),
            ])
            .await;
            let (status, answer) = put(&app, "alice/named:v1", tarball).await;
            assert_eq!(status, StatusCode::CREATED, "{with} {described}: {answer}");
        }
    }
}

#[tokio::test]
async fn compressions_that_are_not_read_are_refused_by_name() {
    let app = app().await;
    let layer = tar(&[("file", b"x")]).await;
    let files: [(&[u8], &str); 4] = [
        (
            b"\x5d\x00\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00",
            "lzma",
        ),
        (b"LZIP\x01\x0c\x00\x00\x00\x00\x00", "lzip"),
        (b"\x04\x22\x4d\x18\x64\x40\xa7\x00\x00", "lz4"),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00", "zip"),
    ];
    for (file, name) in files {
        for tarball in [file.to_vec(), saved(&layer, file).await] {
            let (status, answer) = put(&app, "alice/app:v1", tarball).await;
            assert_eq!(status, StatusCode::BAD_REQUEST);
            let message = answer["errors"][0]["message"].as_str().unwrap();
            let expected = format!("compressed with {name}, which is not read: use gzip");
            assert!(message.contains(&expected), "{message}");
        }
    }
}

#[tokio::test]
async fn a_layer_is_what_a_manifest_says_is_one() {
    let app = app().await;
    let layers = [
        tar(&[("[slug].js", b"x")]).await,
        tar(&[("{{name}}/x", b"x")]).await,
        tar(&[(" {", b"x")]).await,
        tar(&[("\n[", b"x")]).await,
        vec![0; 1024],
        vec![0; 10_240],
        Vec::new(),
    ];
    for layer in layers {
        let (status, answer) = put(&app, "alice/saved:v1", saved(&layer, &layer).await).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        let mut layout = Layout::default();
        let image = layout.image(&[(LAYER, layer.clone())], &json!({}));
        let tarball = layout.finish(&json!({"manifests": [image]})).await;
        let (status, answer) = put(&app, "alice/layout:v1", tarball).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        assert_eq!(answer["images"][0]["digest"], image["digest"]);
        assert_eq!(answer["images"][0]["layers"], 1);
    }
}

/// A header of some kind, its content behind it.
fn entry(kind: u8, name: &str, target: &str, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0; BLOCK];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[156] = kind;
    header[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header[257..263].copy_from_slice(b"ustar\0");
    sum(&mut header);
    header.extend_from_slice(content);
    header.resize(header.len().next_multiple_of(BLOCK), 0);
    header
}

fn sum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header[..BLOCK].iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}

#[tokio::test]
async fn entries_that_nobody_names_end_no_import() {
    let app = app().await;
    let layer = tar(&[("file", b"x")]).await;
    let image = saved(&layer, &layer).await;
    let long = "a/".repeat(45);
    let others = [
        entry(b'V', "a label", "", b""),
        entry(
            b'g',
            "pax_global_header",
            "",
            b"52 comment=0123456789012345678901234567890123456789\n",
        ),
        entry(b'D', "./", "", b"Yfile\0Dfolder\0\0"),
        entry(b'3', "dev/null", "", b""),
        entry(b'4', "dev/sda", "", b""),
        entry(b'6', "queue", "", b""),
        entry(b's', "socket", "", b""),
        entry(b'2', "absolute", "/etc/passwd", b""),
        entry(b'2', "climbing", "../../etc/passwd", b""),
        entry(b'1', "hard", "/etc/passwd", b""),
        entry(b'0', "../outside", "", b"x"),
        entry(b'0', "/root", "", b"x"),
        entry(b'5', &long, "", b""),
        entry(b'X', "of Solaris", "", b"12 path=abc\n"),
    ];
    let tarball = [others.concat(), image.clone()].concat();
    let (status, answer) = put(&app, "alice/app:v1", tarball).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    // Names that do not reach into the tarball name nothing in it.
    let climbing = String::from_utf8_lossy(&image).contains("l/layer.tar");
    assert!(climbing);
}

#[tokio::test]
async fn the_same_entry_twice_is_no_error_unless_it_differs() {
    let app = app().await;
    let layer = tar(&[("file", b"x")]).await;
    let image = saved(&layer, &layer).await;
    let again = entry(b'0', "l/layer.tar", "", &layer);
    let (status, answer) = put(&app, "alice/app:v1", [again, image.clone()].concat()).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let other = tar(&[("file", b"y")]).await;
    let other = entry(b'0', "l/layer.tar", "", &other);
    let (status, answer) = put(&app, "alice/app:v1", [other, image].concat()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("twice, with different content"),
        "{message}"
    );
}

/// A layer with a hole of a mebibyte before its end, and how three formats of tar hold it.
async fn sparse_layer() -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut plain = tar(&[("file", b"x")]).await;
    let data = plain.len();
    plain.resize(data + (1 << 20), 0);
    let real = plain.len();
    let stored = &plain[..data];
    let record = |text: &str| {
        let mut length = text.len() + 3;
        while format!("{length} {text}\n").len() != length {
            length += 1;
        }
        format!("{length} {text}\n")
    };
    let pax = |records: &[String]| entry(b'x', "x", "", records.concat().as_bytes());
    let mut old = entry(b'S', "l/layer.tar", "", stored);
    old[386..397].copy_from_slice(b"00000000000");
    old[398..409].copy_from_slice(format!("{data:011o}").as_bytes());
    old[483..494].copy_from_slice(format!("{real:011o}").as_bytes());
    sum(&mut old);
    let zero_one = [
        pax(&[
            record(&format!("GNU.sparse.size={real}")),
            record("GNU.sparse.numblocks=1"),
            record(&format!("GNU.sparse.map=0,{data}")),
            record("GNU.sparse.name=l/layer.tar"),
        ]),
        entry(b'0', "GNUSparseFile.1/layer.tar", "", stored),
    ];
    let mut with_map = format!("1\n0\n{data}\n").into_bytes();
    with_map.resize(BLOCK, 0);
    with_map.extend_from_slice(stored);
    let one_zero = [
        pax(&[
            record("GNU.sparse.major=1"),
            record("GNU.sparse.minor=0"),
            record("GNU.sparse.name=l/layer.tar"),
            record(&format!("GNU.sparse.realsize={real}")),
        ]),
        entry(b'0', "GNUSparseFile.1/layer.tar", "", &with_map),
    ];
    (plain, vec![old, zero_one.concat(), one_zero.concat()])
}

async fn beside(plain: &[u8], layer: &[u8]) -> Vec<u8> {
    let config = json!({"rootfs": {"diff_ids": [digest(plain)]}}).to_string();
    let saved = json!([{"Config": "c.json", "RepoTags": ["x:v1"], "Layers": ["l/layer.tar"]}]);
    let rest = tar(&[
        ("c.json", config.as_bytes()),
        ("manifest.json", saved.to_string().as_bytes()),
    ])
    .await;
    [layer, &rest[..]].concat()
}

#[tokio::test]
async fn files_with_holes_are_read_with_their_zeros() {
    let app = app().await;
    let (plain, forms) = sparse_layer().await;
    for (i, form) in forms.iter().enumerate() {
        let (status, answer) = put(&app, "alice/app:v1", beside(&plain, form).await).await;
        assert_eq!(status, StatusCode::CREATED, "{i}: {answer}");
    }
}

#[tokio::test]
async fn holes_count_as_what_they_stand_for() {
    let app = app().await;
    let mut bomb = entry(b'S', "l/layer.tar", "", b"");
    bomb[483..494].copy_from_slice(b"77777777777");
    sum(&mut bomb);
    let (status, answer) = put(&app, "alice/app:v1", beside(b"", &bomb).await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("unpacks to far more than it should"),
        "{message}"
    );
}
