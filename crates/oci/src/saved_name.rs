//! Names of images as tarballs hold them.

use crate::Tag;

/// The name of an image in a tarball, as it stands there: `registry:5000/path/name:tag@digest`, or a part of that.
///
/// Source: docker's `manifest.json`; OCI image-spec, "Image Layout", annotations of `index.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedName {
    text: String,
    tag: Option<Tag>,
    /// The text is a tag, and names no repository.
    is_tag: bool,
}

impl SavedName {
    /// Reads a whole name, as docker and containerd write them.
    pub fn of_whole(text: &str) -> Self {
        Self {
            tag: tag_of(text),
            text: text.to_owned(),
            is_tag: false,
        }
    }

    /// Reads what may be a whole name, or a tag alone, as OCI layouts hold them.
    pub fn of_either(text: &str) -> Self {
        if text.contains(['/', ':', '@']) {
            return Self::of_whole(text);
        }
        Self {
            tag: text.parse().ok(),
            text: text.to_owned(),
            is_tag: true,
        }
    }

    /// The name as it stands in the tarball.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The tag in it.
    pub const fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The last part of the path, without a tag and digest; `None` of a tag alone.
    pub fn last_part(&self) -> Option<&str> {
        let named = self.text.split('@').next()?;
        let last = named.rsplit('/').next()?.split(':').next()?;
        Some(last).filter(|last| !last.is_empty() && !self.is_tag)
    }

    /// Tells whether it means what somebody calls an image.
    pub fn means(&self, wanted: &str) -> bool {
        self.text == wanted || (!self.is_tag && self.familiar() == familiar(wanted))
    }

    /// Writes the name as docker shows it, with the tag that it means.
    pub fn familiar(&self) -> String {
        if self.is_tag {
            return self.text.clone();
        }
        familiar(&self.text)
    }
}

/// Finds the tag of a name. The digits of a digest are none.
fn tag_of(name: &str) -> Option<Tag> {
    let named = name.split('@').next()?;
    if named.starts_with("sha256:") || named.starts_with("sha512:") {
        return None;
    }
    let (_, tag) = named.rsplit('/').next()?.split_once(':')?;
    tag.parse().ok()
}

fn familiar(name: &str) -> String {
    let name = name.trim();
    let name = ["docker.io/", "index.docker.io/"]
        .into_iter()
        .find_map(|host| name.strip_prefix(host))
        .unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains([':', '@']) {
        name.to_owned()
    } else {
        format!("{name}:latest")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_tag_stands_behind_the_last_colon_of_the_last_part() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for (name, tag, last) in [
            ("v1", Some("v1"), None),
            ("app:v1", Some("v1"), Some("app")),
            ("docker.io/library/app:v1", Some("v1"), Some("app")),
            ("h:5000/a/b", None, Some("b")),
            ("h:5000/a/b:v2", Some("v2"), Some("b")),
            (&*digest, None, Some("sha256")),
            ("sha256:ab", None, Some("sha256")),
            (&format!("@{digest}"), None, None),
            (&format!("a/b@{digest}"), None, Some("b")),
            (&format!("a/b:v3@{digest}"), Some("v3"), Some("b")),
            ("a/b", None, Some("b")),
            ("", None, None),
        ] {
            let read = SavedName::of_either(name);
            assert_eq!(read.tag().map(Tag::as_str), tag, "{name}");
            assert_eq!(read.last_part(), last, "{name}");
        }
    }

    #[test]
    fn names_mean_what_docker_shows_for_them() {
        let name = SavedName::of_whole("docker.io/library/nginx:latest");
        for same in ["nginx", "nginx:latest", "docker.io/nginx", "library/nginx"] {
            assert!(name.means(same), "{same}");
        }
        for other in ["nginx:1", "x/nginx", "nginx2"] {
            assert!(!name.means(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let name = SavedName::of_either(&text);
            let _ = (name.last_part(), name.familiar(), name.means(&text));
        }
    }
}
