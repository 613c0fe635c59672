//! Repositories: creating, finding, listing, changing, deleting.

use std::io::IsTerminal;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use dockyard_oci::{ImageName, Reference, RepositoryName, Visibility};
use serde_json::json;

use super::Session;
use crate::address::Server;
use crate::answers::{Repository, TagInfo};
use crate::args::{Create, Delete, Describe, Search, SetVisibility, Tags};
use crate::text;

/// How much of a description a line shows, in characters.
const DESCRIPTION_CHARS: usize = 60;

/// Entries of a list after which it is taken for one without end.
const LISTED_MAX: usize = 100_000;

pub async fn create(session: &Session, args: Create) -> Result<()> {
    let (client, user) = session.signed_in().await?;
    let name = session.without_host(&args.name)?;
    let full = if name.contains('/') {
        name.to_owned()
    } else {
        format!("{}/{name}", user.username)
    };
    let full = full.parse::<RepositoryName>()?;
    let visibility = args.private.then_some(Visibility::Private);
    let made = client
        .create_repository(full.as_str(), visibility, args.description.as_deref())
        .await?;
    let line = format!("Created {} ({})", made.name, made.visibility);
    session.output.print(&made, [made.name.clone()], [line]);
    Ok(())
}

/// Changes what is said of a repository; without anything to change, prints it.
pub async fn describe(session: &Session, args: Describe) -> Result<()> {
    let repository = session.repository(&args.repository)?;
    if args.description.is_none() && args.readme.is_none() {
        let client = session.client().await?;
        let shown = client.repository(&repository).await?;
        let texts = [&shown.description, &shown.readme];
        let lines = texts.into_iter().filter(|text| !text.is_empty());
        let lines: Vec<String> = lines.map(|text| text::lines(text)).collect();
        session.output.print(&shown, lines.clone(), lines);
        return Ok(());
    }
    let readme = args.readme.as_deref().map(read_text).transpose()?;
    let (client, _) = session.signed_in().await?;
    client
        .describe(&repository, args.description.as_deref(), readme.as_deref())
        .await?;
    session.output.say(&format!("Described {repository}"));
    Ok(())
}

/// Reads a file of text, or standard input for `-`.
fn read_text(path: &Path) -> Result<String> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    text.with_context(|| format!("{} can't be read as text", path.display()))
}

pub async fn search(session: &Session, args: Search) -> Result<()> {
    let client = session.client().await?;
    let words = args.words.join(" ");
    let found = client.search(&words, args.limit).await?;
    if found.repositories.is_empty() {
        let remark = format!("Nothing found for {}", text::one_line(&words));
        session.output.say(&remark);
    }
    print_repositories(session, &found.repositories);
    let shown = found.repositories.len() as u64;
    if shown < found.total {
        session.output.say(&format!(
            "{shown} of {} shown: add words, or raise --limit",
            found.total
        ));
    }
    Ok(())
}

pub async fn tags(session: &Session, args: Tags) -> Result<()> {
    let repository = session.repository(&args.repository)?;
    let client = session.client().await?;
    let (mut tags, mut last) = (Vec::new(), None);
    loop {
        let page = client.tags(&repository, last.as_deref()).await?;
        let new = page.tags.len();
        tags.extend(page.tags);
        let count = (new, tags.len());
        last = next_page(&session.server, last.as_deref(), page.next, count)?;
        if last.is_none() {
            break;
        }
    }
    if tags.is_empty() {
        session.output.say(&format!("{repository} has no tags yet"));
    }
    let now = now_ms();
    let mut rows = vec![["TAG", "DIGEST", "SIZE", "PUSHED", "BY"].map(str::to_owned)];
    rows.extend(tags.iter().map(|tag| tag_row(tag, now)));
    let names = tags.iter().map(|tag| text::one_line(&tag.name));
    session.output.print(&tags, names, table_of(&rows));
    Ok(())
}

/// Returns where a list goes on. Errors: it goes on where it was already, or never ends.
fn next_page(
    server: &Server,
    last: Option<&str>,
    next: Option<String>,
    (new, listed): (usize, usize),
) -> Result<Option<String>> {
    let goes_on = next.is_none() || (new > 0 && next.as_deref() != last);
    if goes_on && listed <= LISTED_MAX {
        return Ok(next);
    }
    bail!("{server} gives a list without end: is it a Dockyard?")
}

/// Lists the repositories of whoever is logged in.
pub async fn list(session: &Session) -> Result<()> {
    let (client, user) = session.signed_in().await?;
    let (mut repositories, mut last) = (Vec::new(), None);
    loop {
        let page = client.repositories(last.as_deref()).await?;
        let new = page.repositories.len();
        repositories.extend(page.repositories);
        let count = (new, repositories.len());
        last = next_page(&session.server, last.as_deref(), page.next, count)?;
        if last.is_none() {
            break;
        }
    }
    if repositories.is_empty() {
        let name = &user.username;
        let remark = format!("{name} has no repositories yet: `mydocker create` makes one");
        session.output.say(&remark);
    }
    print_repositories(session, &repositories);
    Ok(())
}

pub async fn set_visibility(session: &Session, args: SetVisibility) -> Result<()> {
    let repository = session.repository(&args.repository)?;
    let (client, _) = session.signed_in().await?;
    let visibility = args.visibility;
    client.set_visibility(&repository, &visibility).await?;
    let value = json!({ "name": repository, "visibility": visibility });
    let line = format!("{repository} is {visibility} now");
    session
        .output
        .print(&value, [repository.to_string()], [line]);
    Ok(())
}

/// Deletes a tag or a repository, once the person has confirmed it.
pub async fn delete(session: &Session, args: Delete) -> Result<()> {
    let name = session.without_host(&args.name)?;
    let image: ImageName = name.parse().map_err(|error| anyhow!("{name}: {error}"))?;
    let (client, _) = session.signed_in().await?;
    let repository = &image.repository;
    match &image.reference {
        Some(Reference::Tag(tag)) => {
            confirm(&args, &format!("Delete the tag {image}?"))?;
            client.delete_tag(repository, tag).await?;
        }
        Some(Reference::Digest(_)) => {
            bail!("{image} names a digest: delete the tags that point to it, as in alice/app:v1")
        }
        None => {
            // Asked for first: what is not there needs no confirmation.
            client.repository(repository).await?;
            confirm(&args, &format!("Delete {repository} and all of its tags?"))?;
            client.delete_repository(repository).await?;
        }
    }
    let (value, line) = (
        json!({ "deleted": image.to_string() }),
        format!("Deleted {image}"),
    );
    session.output.print(&value, [image.to_string()], [line]);
    Ok(())
}

fn confirm(args: &Delete, question: &str) -> Result<()> {
    if args.yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        bail!("nobody is there to confirm it: add --yes");
    }
    eprint!("{question} This can't be undone. [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if !matches!(answer.trim(), "y" | "Y" | "yes") {
        bail!("nothing was deleted");
    }
    Ok(())
}

fn print_repositories(session: &Session, repositories: &[Repository]) {
    let now = now_ms();
    let mut rows = vec![["NAME", "TAGS", "PUSHED", "DESCRIPTION"].map(str::to_owned)];
    rows.extend(repositories.iter().map(|one| repository_row(one, now)));
    let names = repositories.iter().map(|one| text::one_line(&one.name));
    session.output.print(repositories, names, table_of(&rows));
}

/// Lays rows out under their titles; titles alone are left out.
fn table_of<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    if rows.len() > 1 {
        text::table(rows)
    } else {
        Vec::new()
    }
}

fn repository_row(repository: &Repository, now_ms: i64) -> [String; 4] {
    let private = match repository.visibility {
        Visibility::Private => " (private)",
        Visibility::Public => "",
    };
    [
        format!("{}{private}", text::one_line(&repository.name)),
        repository.tag_count.to_string(),
        repository
            .pushed_ms
            .map_or_else(|| "never".to_owned(), |then| text::age(then, now_ms)),
        text::shorten(&repository.description, DESCRIPTION_CHARS),
    ]
}

fn tag_row(tag: &TagInfo, now_ms: i64) -> [String; 5] {
    [
        text::one_line(&tag.name),
        tag.digest.short().to_owned(),
        text::size(tag.size_bytes),
        text::age(tag.pushed_ms, now_ms),
        text::one_line(tag.pushed_by.as_deref().unwrap_or_default()),
    ]
}

/// Reads this machine's clock, in Unix milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line has no hub; the ages it shows are tested with times passed in"
)]
pub fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.map_or(0, |passed| {
        i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_never_ends_is_left() {
        let server = Server::default();
        let next = |last, next: Option<&str>, count| {
            next_page(&server, last, next.map(str::to_owned), count)
        };
        assert_eq!(next(None, Some("a"), (1, 1)).unwrap().as_deref(), Some("a"));
        assert_eq!(next(Some("a"), None, (0, 1)).unwrap(), None);
        assert!(next(Some("a"), Some("a"), (1, 2)).is_err());
        assert!(next(Some("a"), Some("b"), (0, 2)).is_err());
        assert!(next(Some("a"), Some("b"), (1, LISTED_MAX + 1)).is_err());
    }
}
