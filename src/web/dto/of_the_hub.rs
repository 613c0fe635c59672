//! Makes what pages show from what the hub knows.

use dockyard_hub::clock::Clock;
use dockyard_hub::images::{Day, Move, MoveKind, Repository, TagSummary};
use dockyard_oci::{MediaType, RepositoryName};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{DayPulls, Moment, MoveRow, Moved, NewsRow, RepositoryCard, TagRow};
use crate::web::commands::HELM_CHART;

/// Tags that one piece of news names.
const NEWS_TAGS: usize = 3;
/// Days after which a date says more than a distance.
const RELATIVE_MAX_DAYS: i64 = 30;
/// Seconds that a time may lie ahead before it counts as a future date.
const CLOCKS_DIFFER_SECS: i64 = 60;

impl Moment {
    /// Describes a time in Unix milliseconds as seen now.
    pub fn of_ms(ms: i64) -> Self {
        Self::seen_at(ms, Clock::system().now_ms())
    }

    /// Describes a time as documents write it; `None` for what is no RFC 3339, or before the year 1971: build
    /// tools write the beginning of time for "unknown".
    pub fn of_rfc3339(text: &str) -> Option<Self> {
        let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        (time.year() > 1970).then(|| Self::of_ms(time.unix_timestamp().saturating_mul(1000)))
    }

    /// Is the date alone.
    pub fn date_of_ms(ms: i64) -> String {
        let time = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        format!("{} {} {}", time.day(), time.month(), time.year())
    }

    fn seen_at(ms: i64, now_ms: i64) -> Self {
        let time = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = (time.year(), time.month(), time.day());
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        let date = format!("{day} {month} {year}");
        Self {
            iso: format!(
                "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z",
                u8::from(month)
            ),
            relative: distance((now_ms - ms) / 1000).unwrap_or_else(|| date.clone()),
        }
    }
}

/// Says how long ago something was, unless it is too long ago, or still to come: a clock may be wrong, and so may a date that
/// somebody wrote.
fn distance(secs: i64) -> Option<String> {
    let (minutes, hours, days) = (secs / 60, secs / 3600, secs / 86400);
    let ago = |count: i64, unit: &str| {
        let plural = if count == 1 { "" } else { "s" };
        Some(format!("{count} {unit}{plural} ago"))
    };
    match () {
        () if secs < -CLOCKS_DIFFER_SECS => None,
        () if secs < 60 => Some("just now".to_owned()),
        () if minutes < 60 => ago(minutes, "minute"),
        () if hours < 24 => ago(hours, "hour"),
        () if days < RELATIVE_MAX_DAYS => ago(days, "day"),
        () => None,
    }
}

impl From<Repository> for RepositoryCard {
    fn from(repository: Repository) -> Self {
        Self {
            name: repository.name.to_string(),
            visibility: repository.shown_visibility(),
            description: repository.description,
            tag_count: repository.tag_count,
            stars: repository.stars,
            pulls: repository.pulls,
            platforms: repository.platforms,
            pushed: repository.pushed_ms.map(Moment::of_ms),
        }
    }
}

impl From<Move> for MoveRow {
    fn from(one: Move) -> Self {
        Self {
            tag: one.tag.to_string(),
            moved: match one.kind {
                MoveKind::Push => Moved::Pushed,
                MoveKind::Restore => Moved::Restored,
                MoveKind::Delete => Moved::Deleted,
            },
            digest: one.digest.map(|digest| digest.to_string()),
            at: Moment::of_ms(one.moved_ms),
            by: one.moved_by.map(|name| name.to_string()),
            kept_bytes: one.kept_bytes,
        }
    }
}

/// Tells in few rows what happened in several repositories: what one person did to tags of one of them at about
/// the same time is one piece of news.
pub(in crate::web) fn news(moves: Vec<(RepositoryName, Move)>, most: usize) -> Vec<NewsRow> {
    let mut rows: Vec<NewsRow> = Vec::new();
    for (repository, one) in moves {
        let one = MoveRow::from(one);
        let known = rows.iter().position(|row| {
            row.repository == repository.as_str()
                && row.moved == one.moved
                && row.by == one.by
                && row.at.relative == one.at.relative
        });
        if known.is_none() && rows.len() == most {
            break;
        }
        match known.and_then(|at| rows.get_mut(at)) {
            Some(row) if row.tags.contains(&one.tag) => {}
            Some(row) if row.tags.len() < NEWS_TAGS => row.tags.push(one.tag),
            Some(row) => row.more += 1,
            None => rows.push(NewsRow {
                repository: repository.to_string(),
                tags: vec![one.tag],
                more: 0,
                moved: one.moved,
                at: one.at,
                by: one.by,
            }),
        }
    }
    rows
}

impl From<Day> for DayPulls {
    fn from(day: Day) -> Self {
        Self {
            day: Moment::date_of_ms(day.start_ms),
            pulls: day.pulls,
        }
    }
}

/// Names what people know by another name than its media type.
pub(in crate::web) fn artifact_name(media_type: &str) -> String {
    let name = match media_type {
        "application/vnd.cncf.helm.config.v1+json" => HELM_CHART,
        "application/vnd.dev.cosign.artifact.sig.v1+json"
        | "application/vnd.cncf.notary.signature" => "Signature",
        "application/spdx+json" | "text/spdx+json" => "SBOM (SPDX)",
        "application/vnd.cyclonedx+json" => "SBOM (CycloneDX)",
        "application/vnd.in-toto+json" => "Attestation",
        MediaType::OCI_CONFIG | MediaType::DOCKER_CONFIG => "Image",
        other => other,
    };
    name.to_owned()
}

impl From<TagSummary> for TagRow {
    fn from(tag: TagSummary) -> Self {
        Self {
            name: tag.name.to_string(),
            digest: tag.digest.to_string(),
            size_bytes: tag.size_bytes,
            pushed: Moment::of_ms(tag.pushed_ms),
            pushed_by: tag.pushed_by.map(|name| name.to_string()),
            pulled: tag.pulled_ms.map(Moment::of_ms),
            platforms: tag.platforms,
            artifact: tag.artifact_type.map(|kind| artifact_name(kind.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_distances_under_thirty_days_and_dates_after() {
        let now_ms = 1_700_000_000_000;
        let seen = |secs: i64| Moment::seen_at(now_ms - secs * 1000, now_ms).relative;
        assert_eq!(seen(5), "just now");
        assert_eq!(seen(60), "1 minute ago");
        assert_eq!(seen(7200), "2 hours ago");
        assert_eq!(seen(29 * 86400), "29 days ago");
        assert_eq!(seen(30 * 86400), "15 October 2023");
        assert_eq!(seen(-30), "just now");
        assert_eq!(seen(-86400), "15 November 2023");
    }

    #[test]
    fn writes_times_for_machines() {
        assert_eq!(
            Moment::seen_at(1_700_000_000_000, 0).iso,
            "2023-11-14T22:13:20Z"
        );
    }
}
