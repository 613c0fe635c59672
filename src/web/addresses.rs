//! Addresses of pages: read from the URL, and made for links.

use std::str::FromStr;

use dockyard_oci::{RepositoryName, Tag};

/// What an address under `/r/` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryAddress {
    Overview(RepositoryName),
    Tags(RepositoryName),
    Tag(RepositoryName, Tag),
}

impl FromStr for RepositoryAddress {
    type Err = NoSuchAddress;

    fn from_str(path: &str) -> Result<Self, NoSuchAddress> {
        let (name, page) = match path.split_once("/-/") {
            None => (path, None),
            Some((name, page)) => (name, Some(page)),
        };
        let name: RepositoryName = name.parse().map_err(|_| NoSuchAddress)?;
        match page.map(|page| {
            page.split_once('/')
                .map_or((page, None), |(a, b)| (a, Some(b)))
        }) {
            None => Ok(Self::Overview(name)),
            Some(("tags", None)) => Ok(Self::Tags(name)),
            Some(("tags", Some(tag))) => {
                Ok(Self::Tag(name, tag.parse().map_err(|_| NoSuchAddress)?))
            }
            Some(_) => Err(NoSuchAddress),
        }
    }
}

/// An address that leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchAddress;

/// Is the page of a repository.
pub fn repository(name: &str) -> String {
    format!("/r/{name}")
}

/// Is the page with all tags of a repository.
pub fn tags(name: &str) -> String {
    format!("/r/{name}/-/tags")
}

/// Is the page of one tag.
pub fn tag(name: &str, tag: &str) -> String {
    format!("/r/{name}/-/tags/{tag}")
}

/// Is the feed of what was pushed to a repository.
pub fn feed(name: &str) -> String {
    format!("/r/{name}/-/feed.atom")
}

/// Is the picture that others show with a link to a repository.
pub fn card(name: &str) -> String {
    format!("/r/{name}/-/card.png")
}

/// Is the page of a user.
pub fn user(name: &str) -> String {
    format!("/u/{name}")
}

/// Is the upload form, filled with a repository.
pub fn upload(repository: &str) -> String {
    format!("/upload?repository={repository}")
}

/// Is the tarball of a tag.
pub fn tarball(name: &str, tag: &str) -> String {
    format!("/api/v1/images/{name}:{tag}")
}

/// Is the log-in page that leads back to a path afterwards.
pub fn log_in(next: &str) -> String {
    format!("/login?next={}", escape(next))
}

/// Is the search for a text, at a page that counts from 1.
pub fn search(text: &str, page: u32) -> String {
    format!("/search?q={}&page={page}", escape(text))
}

/// Is where to go after logging in: a path of this server, or the front page when it is anything else.
///
/// Only plain ASCII passes, so that it can stand in a `Location` header.
pub fn local(next: &str) -> &str {
    let bytes = next.as_bytes();
    let is_path = bytes.first() == Some(&b'/') && !matches!(bytes.get(1), Some(b'/' | b'\\'));
    let is_plain = bytes
        .iter()
        .all(|byte| byte.is_ascii_graphic() && *byte != b'\\');
    if is_path && is_plain { next } else { "/" }
}

/// Escapes what may not stand in a query's value.
fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_pages_of_a_repository() {
        let name: RepositoryName = "alice/tools/app".parse().unwrap();
        let read = |path: &str| path.parse::<RepositoryAddress>();
        assert_eq!(
            read("alice/tools/app"),
            Ok(RepositoryAddress::Overview(name.clone()))
        );
        assert_eq!(
            read("alice/tools/app/-/tags"),
            Ok(RepositoryAddress::Tags(name.clone()))
        );
        let v1: Tag = "v1".parse().unwrap();
        assert_eq!(
            read("alice/tools/app/-/tags/v1"),
            Ok(RepositoryAddress::Tag(name, v1))
        );
    }

    #[test]
    fn refuses_other_addresses() {
        for path in [
            "",
            "alice",
            "Alice/app",
            "alice/app/-/",
            "alice/app/-/tags/",
            "alice/app/-/x",
        ] {
            assert_eq!(
                path.parse::<RepositoryAddress>(),
                Err(NoSuchAddress),
                "{path}"
            );
        }
    }

    #[test]
    fn leads_only_to_paths_of_this_server() {
        for good in ["/", "/upload?repository=alice/app", "/r/alice/app"] {
            assert_eq!(local(good), good);
        }
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nb",
            "/é",
        ] {
            assert_eq!(local(bad), "/", "{bad}");
        }
    }

    #[test]
    fn escapes_queries() {
        assert_eq!(search("a b&c", 2), "/search?q=a%20b%26c&page=2");
    }
}
