//! Makes what pages show from what the hub knows.

use dockyard_hub::clock::Clock;
use dockyard_hub::images::{Repository, TagSummary};
use dockyard_oci::Descriptor;
use time::OffsetDateTime;

use super::{LayerRow, Moment, PlatformRow, RepositoryCard, TagRow};

/// Days after which a date says more than a distance.
const RELATIVE_MAX_DAYS: i64 = 30;

impl Moment {
    /// Describes a time in Unix milliseconds as seen now.
    pub fn of_ms(ms: i64) -> Self {
        Self::seen_at(ms, Clock::system().now_ms())
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
            exact: format!("{date}, {hour:02}:{minute:02} UTC"),
        }
    }
}

/// Says how long ago something was, unless it is too long ago.
fn distance(secs: i64) -> Option<String> {
    let (minutes, hours, days) = (secs / 60, secs / 3600, secs / 86400);
    let ago = |count: i64, unit: &str| {
        let plural = if count == 1 { "" } else { "s" };
        Some(format!("{count} {unit}{plural} ago"))
    };
    match () {
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
            visibility: repository.visibility,
            description: repository.description,
            tag_count: repository.tag_count,
            pushed: repository.pushed_ms.map(Moment::of_ms),
        }
    }
}

impl From<TagSummary> for TagRow {
    fn from(tag: TagSummary) -> Self {
        Self {
            name: tag.name.to_string(),
            digest: tag.digest.to_string(),
            digest_short: tag.digest.short().to_owned(),
            size_bytes: tag.size_bytes,
            pushed: Moment::of_ms(tag.pushed_ms),
            pushed_by: tag.pushed_by.map(|name| name.to_string()),
        }
    }
}

impl From<&Descriptor> for LayerRow {
    fn from(layer: &Descriptor) -> Self {
        Self {
            digest: layer.digest.to_string(),
            digest_short: layer.digest.short().to_owned(),
            media_type: layer.media_type.to_string(),
            size_bytes: layer.size,
        }
    }
}

impl From<&Descriptor> for PlatformRow {
    fn from(entry: &Descriptor) -> Self {
        let name = match &entry.platform {
            // How build tools mark attestations.
            Some(platform) if platform.os == "unknown" => "attestation".to_owned(),
            Some(platform) => {
                let variant = platform.variant.as_ref().map(|v| format!("/{v}"));
                let (os, architecture) = (&platform.os, &platform.architecture);
                format!("{os}/{architecture}{}", variant.unwrap_or_default())
            }
            None => "no platform named".to_owned(),
        };
        Self {
            name,
            digest: entry.digest.to_string(),
            digest_short: entry.digest.short().to_owned(),
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
    }

    #[test]
    fn writes_times_for_machines() {
        assert_eq!(
            Moment::seen_at(1_700_000_000_000, 0).iso,
            "2023-11-14T22:13:20Z"
        );
    }
}
