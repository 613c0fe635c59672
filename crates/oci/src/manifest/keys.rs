//! Keys that are known ones in another spelling.
//!
//! Go reads keys of JSON without regard to case, so that `"Layers"` is `layers` to docker and something unknown here: one
//! document would be two images.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Keys of manifests, indexes, descriptors and platforms. Source: OCI image-spec; docker's schema 2.
const KNOWN: [&str; 18] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
    "digest",
    "size",
    "urls",
    "data",
    "platform",
    "architecture",
    "os",
    "os.version",
    "os.features",
    "variant",
];

/// Checks the keys of a document.
///
/// Errors: a key that is a known one but for its case, by its name.
pub(super) fn check(bytes: &[u8]) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    Keys.deserialize(&mut json)
}

/// Folds a character as Go does: ASCII case, the long s, and the Kelvin sign.
fn folded(character: char) -> char {
    match character {
        'ſ' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    }
}

fn is_misspelled(key: &str) -> bool {
    let same = |known: &&&str| key.chars().map(folded).eq(known.chars().map(folded));
    KNOWN.iter().find(same).is_some_and(|known| *known != key)
}

/// Walks through a value and keeps nothing of it.
struct Keys;

impl<'de> DeserializeSeed<'de> for Keys {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if is_misspelled(&key) {
                let message = format!("the key {key:?} is a known one in another spelling");
                return Err(serde::de::Error::custom(message));
            }
            // The keys of annotations are anybody's.
            if key == "annotations" {
                map.next_value::<IgnoredAny>()?;
            } else {
                map.next_value_seed(Self)?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_keys_in_another_spelling_are_refused() {
        for good in [
            r#"{"layers":[],"x":{"y":1.5},"annotations":{"Layers":"a","Digest":"b"}}"#,
            r#"{"config":{"data":null,"urls":["a"],"size":1,"size2":true}}"#,
        ] {
            assert!(check(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in [
            r#"{"layers":[],"Layers":[]}"#,
            r#"{"LAYERS":[]}"#,
            r#"{"layerſ":[]}"#,
            r#"{"config":{"Digest":"x"}}"#,
            r#"{"layers":[{"mediatype":"x"}]}"#,
            r#"{"manifests":[{"platform":{"OS":"x"}}]}"#,
            r#"{"\u004cayers":[]}"#,
        ] {
            assert!(check(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        assert!(check(&deep).is_err());
    }
}
