//! Any manifest, written as JSON and read again, is the same; fields that nobody knows do not matter.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::Algorithm;

fn media_type() -> impl Strategy<Value = MediaType> {
    "[a-z]{1,8}/[a-z0-9][a-z0-9.+-]{0,20}".prop_map(|text| text.parse().unwrap())
}

fn digest() -> impl Strategy<Value = Digest> {
    let sha256 = any::<[u8; 32]>().prop_map(|hash| Digest::from_hash(Algorithm::Sha256, &hash));
    let sha512 = vec(any::<u8>(), 64).prop_map(|hash| Digest::from_hash(Algorithm::Sha512, &hash));
    prop_oneof![sha256, sha512].prop_map(|digest| digest.unwrap())
}

fn annotations() -> impl Strategy<Value = Annotations> {
    btree_map(".{0,12}", ".{0,12}", 0..3)
}

fn platform() -> impl Strategy<Value = Platform> {
    let texts = (
        "[a-z0-9]{0,8}",
        "[a-z]{0,8}",
        option::of("v[0-9]"),
        option::of("[0-9.]{1,9}"),
    );
    texts.prop_map(|(architecture, os, variant, os_version)| Platform {
        architecture,
        os,
        variant,
        os_version,
    })
}

fn descriptor() -> impl Strategy<Value = Descriptor> {
    let optional = (
        option::of(media_type()),
        option::of(platform()),
        annotations(),
    );
    (media_type(), digest(), any::<u64>(), optional).prop_map(
        |(media_type, digest, size, (artifact_type, platform, annotations))| Descriptor {
            media_type,
            digest,
            size,
            artifact_type,
            platform,
            annotations,
        },
    )
}

/// An image or an index, in OCI's words or docker's.
fn manifest() -> impl Strategy<Value = Manifest> {
    let image = (descriptor(), vec(descriptor(), 0..4), any::<bool>()).prop_map(
        |(config, layers, is_oci)| {
            let types = [MediaType::DOCKER_MANIFEST, MediaType::OCI_MANIFEST];
            let media_type = MediaType::known(types[usize::from(is_oci)]);
            (
                ManifestKind::Image,
                media_type,
                Some(config),
                layers,
                vec![],
            )
        },
    );
    let index = (vec(descriptor(), 0..4), any::<bool>()).prop_map(|(manifests, is_oci)| {
        let types = [MediaType::DOCKER_LIST, MediaType::OCI_INDEX];
        let media_type = MediaType::known(types[usize::from(is_oci)]);
        (ManifestKind::Index, media_type, None, vec![], manifests)
    });
    let more = (
        option::of(media_type()),
        option::of(descriptor()),
        annotations(),
    );
    (prop_oneof![image, index], more).prop_map(
        |((kind, media_type, config, layers, manifests), (artifact_type, subject, annotations))| {
            Manifest {
                kind,
                media_type,
                artifact_type,
                config,
                layers,
                manifests,
                subject,
                annotations,
            }
        },
    )
}

/// Writes the fields that a manifest has.
fn write(manifest: &Manifest) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("schemaVersion".to_owned(), json!(2));
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("mediaType", json!(manifest.media_type));
    match manifest.kind {
        ManifestKind::Image => {
            set("config", json!(manifest.config));
            set("layers", json!(manifest.layers));
        }
        ManifestKind::Index => {
            set("manifests", json!(manifest.manifests));
        }
    }
    if let Some(artifact_type) = &manifest.artifact_type {
        set("artifactType", json!(artifact_type));
    }
    if let Some(subject) = &manifest.subject {
        set("subject", json!(subject));
    }
    if !manifest.annotations.is_empty() {
        set("annotations", json!(manifest.annotations));
    }
    fields
}

/// Fields of later versions and of other tools.
fn unknown() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        vec(any::<bool>(), 0..3).prop_map(Value::from),
        ".{0,12}".prop_map(|text| json!({ "digest": text })),
    ];
    btree_map("x[a-zA-Z-]{0,12}", value, 0..4).prop_map(Map::from_iter)
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(manifest in manifest()) {
        let text = Value::from(write(&manifest)).to_string();
        let read = Manifest::parse(text.as_bytes(), Some(manifest.media_type.as_str()));
        prop_assert_eq!(read.unwrap(), manifest);
    }

    #[test]
    fn unknown_fields_do_not_matter(manifest in manifest(), unknown in unknown()) {
        let mut fields = write(&manifest);
        for list in ["layers", "manifests"] {
            for descriptor in fields.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                descriptor.as_object_mut().unwrap().extend(unknown.clone());
            }
        }
        fields.extend(unknown);
        let read = Manifest::parse(Value::from(fields).to_string().as_bytes(), None);
        prop_assert_eq!(read.unwrap(), manifest);
    }
}
