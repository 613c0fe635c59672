//! Addresses of pages: read from the URL, and made for links.

use std::fmt::Write as _;
use std::str::FromStr;

use dockyard_oci::{RepositoryName, Tag, Visibility};

use super::dto::{SearchQuery, SearchSort, UserTab};

/// What an address under `/r/` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryAddress {
    Overview(RepositoryName),
    Tags(RepositoryName),
    Tag(RepositoryName, Tag),
    DeleteTags(RepositoryName),
    Activity(RepositoryName),
    Settings(RepositoryName),
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
            Some(("delete-tags", None)) => Ok(Self::DeleteTags(name)),
            Some(("activity", None)) => Ok(Self::Activity(name)),
            Some(("settings", None)) => Ok(Self::Settings(name)),
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

/// Is the page of one tag, showing the image for a platform.
pub fn tag_on(name: &str, tag: &str, platform: &str) -> String {
    format!("/r/{name}/-/tags/{tag}?platform={}", escape(platform))
}

/// Is the list of tags whose names hold a text, in an order, from a place on.
pub fn tags_part(name: &str, part: &str, sort: &str, after: Option<&str>) -> String {
    let after = after.map(|place| format!("&after={}", escape(place)));
    let after = after.unwrap_or_default();
    format!(
        "/r/{name}/-/tags?filter={}&sort={sort}{after}",
        escape(part)
    )
}

/// Is the page that asks before tags are deleted.
pub fn delete_tags(name: &str) -> String {
    format!("/r/{name}/-/delete-tags")
}

/// Is the page that asks before one tag is deleted.
pub fn delete_tag(name: &str, tag: &str) -> String {
    format!("/r/{name}/-/delete-tags?tag={tag}")
}

/// Is the list of tags, saying how many were deleted.
#[cfg(feature = "ssr")]
pub fn tags_deleted(name: &str, count: u64) -> String {
    format!("/r/{name}/-/tags?deleted={count}")
}

/// Is the page of what happened in a repository, from before a place on.
pub fn activity(name: &str, before: Option<&str>) -> String {
    let before = before.map(|place| format!("?before={}", escape(place)));
    format!("/r/{name}/-/activity{}", before.unwrap_or_default())
}

/// Is the page where a repository is changed.
pub fn settings(name: &str) -> String {
    format!("/r/{name}/-/settings")
}

/// Is the page where a repository is changed, saying what was.
#[cfg(feature = "ssr")]
pub fn settings_done(name: &str, what: &str) -> String {
    format!("/r/{name}/-/settings?done={what}")
}

/// Is a manifest, byte for byte as it was pushed.
pub fn manifest(name: &str, digest: &str) -> String {
    format!("/api/v1/repositories/{name}/-/manifests/{digest}")
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

/// Is a list on the page of a user, from after a name on.
pub fn user_part(name: &str, tab: UserTab, after: Option<&str>) -> String {
    let tab = match tab {
        UserTab::Repositories => "repositories",
        UserTab::Stars => "stars",
    };
    let after = after.map(|name| format!("&after={}", escape(name)));
    format!("/u/{name}?tab={tab}{}", after.unwrap_or_default())
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

/// Is a search, with nothing in it that goes without saying.
pub fn search(query: &SearchQuery) -> String {
    let mut address = format!("/search?q={}", escape(query.text.trim()));
    let sort = (query.sort != SearchSort::default()).then_some(query.sort.as_str());
    let parts = [
        ("sort", sort),
        ("platform", query.platform.as_deref()),
        ("namespace", query.namespace.as_deref()),
        ("visibility", query.visibility.map(Visibility::as_str)),
    ];
    for (name, value) in parts {
        if let Some(value) = value {
            let _ = write!(address, "&{name}={}", escape(value));
        }
    }
    if query.page > 1 {
        let _ = write!(address, "&page={}", query.page);
    }
    address
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
    fn reads_the_pages_of_a_repository() {
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
        let mut query = SearchQuery {
            text: "a b&c".to_owned(),
            page: 2,
            ..SearchQuery::default()
        };
        assert_eq!(search(&query), "/search?q=a%20b%26c&page=2");
        query.platform = Some("linux/amd64".to_owned());
        (query.sort, query.page) = (SearchSort::Stars, 1);
        assert_eq!(
            search(&query),
            "/search?q=a%20b%26c&sort=stars&platform=linux/amd64"
        );
    }
}
