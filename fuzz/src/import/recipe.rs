//! Tarballs that are nearly right: entries that refer to the ones before them by their true names and digests, unless
//! the fuzzer wants it otherwise.

use std::io::Write;

use arbitrary::Arbitrary;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// How to make a tarball.
#[derive(Debug, Arbitrary)]
pub struct Recipe {
    entries: Vec<Entry>,
    around: Packing,
    /// Bytes that are changed at the end, by place.
    changes: Vec<(u16, u8)>,
    cut: Option<u16>,
}

#[derive(Debug, Arbitrary)]
enum Entry {
    File {
        content: Content,
        name: Name,
    },
    Link {
        name: String,
        to: u8,
        hard: bool,
    },
    /// A header of any kind, as it is.
    Header {
        name: String,
        kind: u8,
        size: u16,
    },
    Bytes(Vec<u8>),
}

#[derive(Debug, Arbitrary)]
enum Name {
    /// The one that tools give it.
    Usual,
    /// As podman and others name layers.
    Hex,
    Other(String),
}

/// Numbers name entries that came before, modulo how many there are.
#[derive(Debug, Arbitrary)]
enum Content {
    Layer {
        seed: u8,
        packing: Packing,
    },
    Config {
        layers: Vec<u8>,
    },
    Manifest {
        config: u8,
        layers: Vec<u8>,
        subject: Option<u8>,
    },
    Index {
        manifests: Vec<u8>,
    },
    /// Docker's manifest.json.
    Saved {
        images: Vec<SavedImage>,
    },
    /// The index.json of an OCI layout.
    Layout {
        manifests: Vec<(u8, Option<u8>)>,
    },
    Text(String),
}

#[derive(Debug, Arbitrary)]
struct SavedImage {
    config: u8,
    layers: Vec<u8>,
    tag: Option<u8>,
}

#[derive(Debug, Arbitrary, Clone, Copy)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// An entry that stands in the tarball.
struct Made {
    name: String,
    digest: String,
    size: usize,
    media_type: &'static str,
    diff_id: String,
}

impl Recipe {
    /// Makes the tarball.
    pub fn make(&self) -> Vec<u8> {
        let (mut tar, mut made) = (Vec::new(), Vec::new());
        for entry in self.entries.iter().take(40) {
            entry.write(&mut tar, &mut made);
        }
        tar.extend([0; 1024]);
        let mut bytes = self.around.pack(&tar);
        for (at, byte) in &self.changes {
            let length = bytes.len();
            bytes[usize::from(*at) % length] ^= byte;
        }
        if let Some(cut) = self.cut {
            bytes.truncate(usize::from(cut));
        }
        bytes
    }
}

impl Entry {
    fn write(&self, tar: &mut Vec<u8>, made: &mut Vec<Made>) {
        match self {
            Self::File { content, name } => {
                let (bytes, file) = content.make(name, made);
                append(tar, &file.name, b'0', "", &bytes);
                made.push(file);
            }
            Self::Link { name, to, hard } => {
                let to = pick(made, *to).map_or("", |file| &file.name).to_owned();
                append(tar, name, if *hard { b'1' } else { b'2' }, &to, b"");
            }
            Self::Header { name, kind, size } => {
                let content = vec![b'7'; usize::from(*size)];
                append(tar, name, *kind, "", &content);
            }
            Self::Bytes(bytes) => tar.extend(bytes),
        }
    }
}

impl Content {
    fn make(&self, name: &Name, made: &[Made]) -> (Vec<u8>, Made) {
        let (bytes, media_type, usual) = match self {
            Self::Layer { seed, packing } => {
                let plain = layer(*seed);
                (packing.pack(&plain), packing.media_type(), None)
            }
            Self::Config { layers } => (
                config(layers, made),
                "application/vnd.oci.image.config.v1+json",
                None,
            ),
            Self::Manifest {
                config,
                layers,
                subject,
            } => {
                let media_type = "application/vnd.oci.image.manifest.v1+json";
                let mut value = json!({
                    "schemaVersion": 2, "mediaType": media_type,
                    "config": describe(made, *config),
                    "layers": layers.iter().map(|layer| describe(made, *layer)).collect::<Vec<_>>(),
                });
                if let Some(subject) = subject {
                    value["subject"] = describe(made, *subject);
                }
                (value.to_string().into_bytes(), media_type, None)
            }
            Self::Index { manifests } => {
                let media_type = "application/vnd.oci.image.index.v1+json";
                let manifests: Vec<_> = manifests.iter().map(|at| describe(made, *at)).collect();
                let value =
                    json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": manifests });
                (value.to_string().into_bytes(), media_type, None)
            }
            Self::Saved { images } => (saved(images, made), "", Some("manifest.json")),
            Self::Layout { manifests } => (layout(manifests, made), "", Some("index.json")),
            Self::Text(text) => (text.clone().into_bytes(), "text/plain", None),
        };
        let hex = hex::encode(Sha256::digest(&bytes));
        let diff_id = match self {
            Self::Layer { seed, .. } => {
                format!("sha256:{}", hex::encode(Sha256::digest(layer(*seed))))
            }
            _ => format!("sha256:{hex}"),
        };
        let name = match (name, usual) {
            (Name::Usual, Some(usual)) => usual.to_owned(),
            (Name::Usual, None) => format!("blobs/sha256/{hex}"),
            (Name::Hex, _) => format!("{hex}.tar"),
            (Name::Other(name), _) => name.clone(),
        };
        let file = Made {
            name,
            digest: format!("sha256:{hex}"),
            size: bytes.len(),
            media_type,
            diff_id,
        };
        (bytes, file)
    }
}

fn config(layers: &[u8], made: &[Made]) -> Vec<u8> {
    let diff_ids: Vec<_> = layers
        .iter()
        .filter_map(|at| pick(made, *at))
        .map(|layer| &layer.diff_id)
        .collect();
    let rootfs = json!({ "type": "layers", "diff_ids": diff_ids });
    json!({ "architecture": "amd64", "os": "linux", "rootfs": rootfs })
        .to_string()
        .into_bytes()
}

fn saved(images: &[SavedImage], made: &[Made]) -> Vec<u8> {
    let name = |at: &u8| pick(made, *at).map(|file| file.name.clone());
    let one = |image: &SavedImage| {
        json!({
            "Config": name(&image.config),
            "RepoTags": image.tag.map(|tag| [format!("fuzz/app:t{tag}")]),
            "Layers": image.layers.iter().map(name).collect::<Vec<_>>(),
        })
    };
    images
        .iter()
        .map(one)
        .collect::<Value>()
        .to_string()
        .into_bytes()
}

fn layout(manifests: &[(u8, Option<u8>)], made: &[Made]) -> Vec<u8> {
    let one = |(at, tag): &(u8, Option<u8>)| {
        let mut descriptor = describe(made, *at);
        if let (Some(tag), Value::Object(_)) = (tag, &descriptor) {
            descriptor["annotations"] =
                json!({ "org.opencontainers.image.ref.name": format!("t{tag}") });
        }
        descriptor
    };
    let manifests: Vec<_> = manifests.iter().map(one).collect();
    json!({ "schemaVersion": 2, "manifests": manifests })
        .to_string()
        .into_bytes()
}

fn pick(made: &[Made], at: u8) -> Option<&Made> {
    made.get(usize::from(at).checked_rem(made.len())?)
}

fn describe(made: &[Made], at: u8) -> Value {
    pick(made, at).map_or(
        Value::Null,
        |file| json!({ "mediaType": file.media_type, "digest": file.digest, "size": file.size }),
    )
}

/// A tarball with one file.
fn layer(seed: u8) -> Vec<u8> {
    let mut tar = Vec::new();
    append(
        &mut tar,
        "file",
        b'0',
        "",
        &vec![seed; usize::from(seed) * 8],
    );
    tar.extend([0; 1024]);
    tar
}

fn append(tar: &mut Vec<u8>, name: &str, kind: u8, target: &str, content: &[u8]) {
    let mut header = tokio_tar::Header::new_gnu();
    let put = |field: &mut [u8], text: &str| {
        let length = text.len().min(field.len());
        field[..length].copy_from_slice(&text.as_bytes()[..length]);
    };
    put(&mut header.as_old_mut().name, name);
    put(&mut header.as_old_mut().linkname, target);
    header.set_entry_type(tokio_tar::EntryType::new(kind));
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    tar.extend(header.as_bytes());
    tar.extend(content);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

impl Packing {
    fn pack(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Plain => bytes.to_vec(),
            Self::Gzip => {
                let mut gzip =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                gzip.write_all(bytes)
                    .and_then(|()| gzip.finish())
                    .expect("memory takes everything")
            }
            Self::Zstd => zstd::encode_all(bytes, 1).expect("memory takes everything"),
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Plain => "application/vnd.oci.image.layer.v1.tar",
            Self::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }
}
