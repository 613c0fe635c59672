//! Where the files stand that a README links to without saying where: beside it, on a code host.

use ammonia::Url;

/// The places of files and of images on a code host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CodeHost {
    files: Url,
    images: Url,
}

impl CodeHost {
    /// Reads the address of a repository, as the label `org.opencontainers.image.source` holds it; `None` for a host whose
    /// addresses of files are not known.
    ///
    /// Source: OCI image-spec, "Pre-Defined Annotation Keys".
    pub fn of_source(source: &str) -> Option<Self> {
        let url = Url::parse(source.trim()).ok()?;
        if !["https", "http"].contains(&url.scheme()) || !url.username().is_empty() {
            return None;
        }
        let host = url.host_str()?;
        let path = url.path().trim_matches('/');
        let path = path.split("/-/").next()?;
        let path = path.strip_suffix(".git").unwrap_or(path);
        let two: Vec<&str> = path.split('/').take(2).collect();
        let [owner, name] = two.as_slice() else {
            return None;
        };
        let name = name.strip_suffix(".git").unwrap_or(name);
        let (files, images) = match host {
            "github.com" => (
                format!("https://github.com/{owner}/{name}/blob/HEAD/"),
                format!("https://raw.githubusercontent.com/{owner}/{name}/HEAD/"),
            ),
            "bitbucket.org" => (
                format!("https://bitbucket.org/{owner}/{name}/src/HEAD/"),
                format!("https://bitbucket.org/{owner}/{name}/raw/HEAD/"),
            ),
            host if host == "gitlab.com" || host.starts_with("gitlab.") => (
                format!("https://{host}/{path}/-/blob/HEAD/"),
                format!("https://{host}/{path}/-/raw/HEAD/"),
            ),
            _ => return None,
        };
        Some(Self {
            files: Url::parse(&files).ok()?,
            images: Url::parse(&images).ok()?,
        })
    }

    /// Leads a link to a file beside the README there; `None` for one that is whole, or leads elsewhere.
    pub(super) fn file(&self, link: &str) -> Option<String> {
        resolve(&self.files, link)
    }

    /// Leads the address of an image beside the README there.
    pub(super) fn image(&self, address: &str) -> Option<String> {
        resolve(&self.images, address)
    }
}

fn resolve(base: &Url, link: &str) -> Option<String> {
    let is_relative = Url::parse(link).is_err()
        && !link.is_empty()
        && !link.starts_with(['#', '?', '\\'])
        && !link.starts_with("//");
    if !is_relative {
        return None;
    }
    // The root of the repository, not of the host.
    let full = base
        .join(&format!("./{}", link.trim_start_matches('/')))
        .ok()?;
    let stays = full.origin() == base.origin() && full.path().starts_with(base.path());
    stays.then(|| full.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_where_code_hosts_keep_files() {
        for (source, file) in [
            (
                "https://github.com/a/b",
                "https://github.com/a/b/blob/HEAD/docs/x.md",
            ),
            (
                "https://github.com/a/b.git",
                "https://github.com/a/b/blob/HEAD/docs/x.md",
            ),
            (
                "https://github.com/a/b/tree/main/sub",
                "https://github.com/a/b/blob/HEAD/docs/x.md",
            ),
            (
                "https://gitlab.com/a/sub/b",
                "https://gitlab.com/a/sub/b/-/blob/HEAD/docs/x.md",
            ),
            (
                "https://gitlab.example.org/a/b/-/tree/x",
                "https://gitlab.example.org/a/b/-/blob/HEAD/docs/x.md",
            ),
            (
                "https://bitbucket.org/a/b",
                "https://bitbucket.org/a/b/src/HEAD/docs/x.md",
            ),
        ] {
            let home = CodeHost::of_source(source).unwrap();
            assert_eq!(home.file("docs/x.md").as_deref(), Some(file), "{source}");
        }
        for odd in [
            "",
            "github.com/a/b",
            "https://github.com/a",
            "https://example.org/a/b",
            "javascript:x",
        ] {
            assert_eq!(CodeHost::of_source(odd), None, "{odd}");
        }
    }

    #[test]
    fn leads_nowhere_but_into_the_repository() {
        let home = CodeHost::of_source("https://github.com/a/b").unwrap();
        let image = home.image("./img/a b.png").unwrap();
        assert_eq!(
            image,
            "https://raw.githubusercontent.com/a/b/HEAD/img/a%20b.png"
        );
        assert_eq!(
            home.file("/LICENSE").as_deref(),
            Some("https://github.com/a/b/blob/HEAD/LICENSE")
        );
        for odd in [
            "#a",
            "//evil.example/x",
            "\\\\evil.example\\x",
            "https://x.y",
            "javascript:x",
            "../../../c/d",
            "?x",
            "",
            "mailto:a@b",
        ] {
            assert_eq!(home.file(odd), None, "{odd}");
        }
    }
}
