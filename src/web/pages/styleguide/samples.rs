//! What the components of the styleguide show.

use dockyard_oci::Visibility;

use crate::web::dto::{
    DayPulls, Moment, MoveRow, Moved, RepositoryCard, RepositoryHead, ServerAddress, TagRow, Viewer,
};
use crate::web::error::AppError;

/// A fixed moment.
const MOMENT_MS: i64 = 1_760_000_000_000;

pub fn moment() -> Moment {
    Moment::of_ms(MOMENT_MS)
}

pub fn digest() -> String {
    format!("sha256:{}", "3f0a".repeat(16))
}

pub fn platforms() -> Vec<String> {
    let names = ["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/s390x"];
    names.map(str::to_owned).to_vec()
}

pub fn viewer() -> Viewer {
    Viewer {
        user: Some("alice".to_owned()),
        server: ServerAddress {
            host: "localhost:3000".to_owned(),
            base_url: "http://localhost:3000".to_owned(),
        },
        ..Viewer::default()
    }
}

pub fn refusal() -> AppError {
    AppError::field("name", "the name is taken").keeping(&[("name", "app")])
}

fn card(name: &str, visibility: Visibility, description: &str) -> RepositoryCard {
    RepositoryCard {
        name: name.to_owned(),
        visibility,
        description: description.to_owned(),
        tag_count: 12,
        stars: 1234,
        pulls: 1_234_567,
        platforms: platforms(),
        pushed: Some(moment()),
    }
}

/// A usual one, a private one, an empty one, and one with everything that is long.
pub fn repositories() -> Vec<RepositoryCard> {
    let empty = RepositoryCard {
        tag_count: 0,
        stars: 0,
        pulls: 0,
        platforms: Vec::new(),
        pushed: None,
        ..card("alice/empty", Visibility::Public, "")
    };
    let long_name = "alice/a-name.that_is-rather__long/and-has-every.separator";
    vec![
        card("alice/app", Visibility::Public, "An app that does things"),
        card("alice/secret", Visibility::Private, "For members only"),
        empty,
        card(
            long_name,
            Visibility::Public,
            &"A long description. ".repeat(9),
        ),
    ]
}

pub fn head(visibility: Visibility) -> RepositoryHead {
    RepositoryHead {
        card: card("alice/app", visibility, "An app that does things"),
        may_change: true,
        is_starred: true,
        viewer: viewer(),
    }
}

pub fn tags() -> Vec<TagRow> {
    let row = |name: &str, artifact: Option<&str>| TagRow {
        name: name.to_owned(),
        digest: digest(),
        size_bytes: 12_345_678,
        pushed: moment(),
        pushed_by: Some("alice".to_owned()),
        pulled: Some(moment()),
        platforms: platforms(),
        artifact: artifact.map(str::to_owned),
    };
    let long = "2024-01-01-nightly-build-with-a-long-name";
    vec![
        row("latest", None),
        row("chart-1.2", Some("Helm chart")),
        row(long, None),
    ]
}

pub fn moves() -> Vec<MoveRow> {
    let row = |moved, digest| MoveRow {
        tag: "v1".to_owned(),
        moved,
        digest,
        at: moment(),
        by: Some("alice".to_owned()),
        kept_bytes: Some(12_345_678),
    };
    vec![
        row(Moved::Deleted, None),
        row(Moved::Restored, Some(digest())),
        row(Moved::Pushed, Some(digest())),
    ]
}

pub fn days() -> Vec<DayPulls> {
    let pulls = [0, 3, 8, 21, 5, 0, 1, 13, 34, 2];
    let day = |(at, pulls)| DayPulls {
        day: format!("{} May 2026", at + 1),
        pulls,
    };
    pulls.into_iter().enumerate().map(day).collect()
}
