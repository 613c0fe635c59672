//! Search text, interpreted as words, as an image name in one of its forms, or as a digest.

use dockyard_oci::RepositoryName;

/// Programs whose commands people paste.
const PROGRAMS: [&str; 9] = [
    "docker", "podman", "nerdctl", "crane", "skopeo", "oras", "ctr", "mydocker", "buildah",
];
/// Most characters that are looked at.
const TEXT_MAX_CHARS: usize = 512;
/// Flags of these programs that have no value of their own.
const SWITCHES: [&str; 12] = [
    "--rm",
    "-it",
    "-ti",
    "-i",
    "-t",
    "-d",
    "--detach",
    "-q",
    "--quiet",
    "--init",
    "--privileged",
    "-a",
];
/// Fewest digits by which a digest is looked for: as many as docker shows.
const DIGITS_MIN: usize = 12;

/// An interpreted search text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Typed {
    /// The name that it may be, or all of the text, in lower case.
    pub name: String,
    /// The beginning of a digest: `sha256:` and some digits.
    pub digest: Option<String>,
}

impl Typed {
    /// Reads `alice/nginx`, `host:5000/alice/nginx:1.2@sha256:...`, `docker pull ...`, the address of a page, and digests.
    pub(super) fn read(text: &str) -> Self {
        let end = text
            .char_indices()
            .nth(TEXT_MAX_CHARS)
            .map_or(text.len(), |(at, _)| at);
        let text = text[..end].trim().to_lowercase();
        let reference = pasted(&text).unwrap_or(&text);
        if let Some(digest) = digest(reference) {
            return Self {
                name: text,
                digest: Some(digest),
            };
        }
        let name = match repository(reference) {
            Some(name) => name,
            None => text.clone(),
        };
        Self { name, digest: None }
    }
}

/// Finds the image in a command: the first word with a path that is neither a flag nor the value of one.
fn pasted(text: &str) -> Option<&str> {
    let mut words = text.split_whitespace().filter(|word| *word != "$");
    let program = words.next()?;
    if !PROGRAMS.contains(&program) {
        return None;
    }
    let mut is_value = false;
    words.skip(1).find(|word| {
        let was_value = std::mem::replace(&mut is_value, false);
        if word.starts_with('-') {
            is_value = !word.contains('=') && !SWITCHES.contains(word);
            return false;
        }
        !was_value && word.contains('/')
    })
}

fn digest(text: &str) -> Option<String> {
    let (algorithm, digits) = text.split_once(':').unwrap_or(("sha256", text));
    let is_known = algorithm == "sha256" || algorithm == "sha512";
    let is_hex = digits.len() >= DIGITS_MIN && digits.bytes().all(|b| b.is_ascii_hexdigit());
    (is_known && is_hex).then(|| format!("{algorithm}:{digits}"))
}

/// Reads the repository out of a reference or an address.
fn repository(text: &str) -> Option<String> {
    if text.contains(char::is_whitespace) || !text.contains(['/', ':', '@']) {
        return None;
    }
    let path = text.split_once("://").map_or(text, |(_, path)| path);
    let path = path.split('@').next()?.trim_end_matches('/');
    let (host, rest) = path.split_once('/').unwrap_or(("", path));
    // The page of a repository, or one below it.
    if let Some(page) = rest.strip_prefix("r/").filter(|_| text.contains("://")) {
        let name = page.split("/-/").next()?.trim_end_matches('/');
        return name
            .parse::<RepositoryName>()
            .is_ok()
            .then(|| name.to_owned());
    }
    // A namespace may have a dot as well, but no name has less than two parts.
    let is_host =
        host.contains(':') || ((host.contains('.') || host == "localhost") && rest.contains('/'));
    let path = if is_host { rest } else { path };
    let start = path.rfind('/').map_or(0, |slash| slash + 1);
    let end = path[start..]
        .find(':')
        .map_or(path.len(), |colon| start + colon);
    let name = &path[..end];
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_name_in_what_people_paste() {
        for (text, name) in [
            ("nginx", "nginx"),
            (" Alice/Nginx ", "alice/nginx"),
            ("alice/nginx:1.2", "alice/nginx"),
            ("nginx:latest", "nginx"),
            ("127.0.0.1:3000/alice/nginx:1.2", "alice/nginx"),
            ("localhost/alice/nginx", "alice/nginx"),
            (
                "hub.example.org/alice/web/nginx@sha256:00",
                "alice/web/nginx",
            ),
            ("docker pull hub.example.org/alice/nginx:1.2", "alice/nginx"),
            (
                "docker pull --platform linux/amd64 alice/nginx",
                "alice/nginx",
            ),
            (
                "docker run -v /srv/data:/data --rm alice/nginx",
                "alice/nginx",
            ),
            ("my.team/app:2", "my.team/app"),
            ("localhost:5000/app", "app"),
            ("alice/r/x", "alice/r/x"),
            ("$ docker run --rm -it alice/nginx:1.2 sh", "alice/nginx"),
            (
                "skopeo inspect docker://hub.example.org/alice/nginx",
                "alice/nginx",
            ),
            (
                "https://hub.example.org/r/alice/nginx/-/tags/1.2",
                "alice/nginx",
            ),
            ("web server", "web server"),
            ("docker tools", "docker tools"),
            ("a/b c", "a/b c"),
            ("", ""),
            (":", ":"),
        ] {
            assert_eq!(
                Typed::read(text),
                Typed {
                    name: name.to_owned(),
                    digest: None
                },
                "{text}"
            );
        }
    }

    #[test]
    fn knows_digests_also_by_their_first_digits() {
        let digits = "ab".repeat(32);
        for (text, digest) in [
            (format!("sha256:{digits}"), Some(format!("sha256:{digits}"))),
            (digits.clone(), Some(format!("sha256:{digits}"))),
            (
                "ABABABABABAB".to_owned(),
                Some("sha256:abababababab".to_owned()),
            ),
            ("abababababa".to_owned(), None),
            ("sha1:abababababab".to_owned(), None),
        ] {
            assert_eq!(Typed::read(&text).digest, digest, "{text}");
        }
    }
}
