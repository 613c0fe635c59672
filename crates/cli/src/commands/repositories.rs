//! Repositories: creating, finding, listing tags.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use dockyard_oci::{RepositoryName, Visibility};

use super::Session;
use crate::answers::{Repository, TagInfo};
use crate::args::{Create, Describe, Search, Tags};
use crate::progress::Screen;
use crate::text;

/// How much of a description a line shows, in characters.
const DESCRIPTION_CHARS: usize = 60;

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
    Screen::Stdout.say(&format!("Created {} ({})", made.name, made.visibility));
    Ok(())
}

/// Changes what is said of a repository; without anything to change, prints it.
pub async fn describe(session: &Session, args: Describe) -> Result<()> {
    let repository: RepositoryName = match session.without_host(&args.repository)?.parse() {
        Ok(name) => name,
        Err(error) => bail!("{}: {error}", args.repository),
    };
    if args.description.is_none() && args.readme.is_none() {
        let client = session.client().await?;
        let shown = client.repository(&repository).await?;
        for text in [shown.description, shown.readme] {
            if !text.is_empty() {
                Screen::Stdout.say(&text::lines(&text));
            }
        }
        return Ok(());
    }
    let readme = args.readme.as_deref().map(read_text).transpose()?;
    let (client, _) = session.signed_in().await?;
    client
        .describe(&repository, args.description.as_deref(), readme.as_deref())
        .await?;
    Screen::Stdout.say(&format!("Described {repository}"));
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
        Screen::Stdout.say(&format!("Nothing found for {}", text::one_line(&words)));
        return Ok(());
    }
    let now = now_ms();
    let mut rows = vec![["NAME", "TAGS", "PUSHED", "DESCRIPTION"].map(str::to_owned)];
    rows.extend(
        found
            .repositories
            .iter()
            .map(|one| repository_row(one, now)),
    );
    print(&text::table(&rows));
    let shown = found.repositories.len() as u64;
    if shown < found.total {
        Screen::Stdout.say(&format!(
            "{shown} of {} shown: add words, or raise --limit",
            found.total
        ));
    }
    Ok(())
}

pub async fn tags(session: &Session, args: Tags) -> Result<()> {
    let repository: RepositoryName = match session.without_host(&args.repository)?.parse() {
        Ok(name) => name,
        Err(error) => bail!("{}: {error}", args.repository),
    };
    let client = session.client().await?;
    let mut page = client.tags(&repository, None).await?;
    if page.tags.is_empty() {
        Screen::Stdout.say(&format!("{repository} has no tags yet"));
        return Ok(());
    }
    let now = now_ms();
    let mut rows = vec![["TAG", "DIGEST", "SIZE", "PUSHED", "BY"].map(str::to_owned)];
    loop {
        rows.extend(page.tags.iter().map(|tag| tag_row(tag, now)));
        let Some(last) = page.next.take() else { break };
        page = client.tags(&repository, Some(&last)).await?;
    }
    print(&text::table(&rows));
    Ok(())
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

fn print(lines: &[String]) {
    for line in lines {
        Screen::Stdout.say(line);
    }
}

/// Reads this machine's clock, in Unix milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line has no hub; the ages it shows are tested with times passed in"
)]
fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.map_or(0, |passed| {
        i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)
    })
}
