//! `/-/styleguide`, in debug builds: every component in its states.

use dockyard_oci::Visibility;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};

use crate::web::commands;
use crate::web::components::badge::VisibilityBadge;
use crate::web::components::byte_size::ByteSize;
use crate::web::components::command_tabs::CommandTabs;
use crate::web::components::digest::ShortDigest;
use crate::web::components::empty_state::EmptyState;
use crate::web::components::field::{Field, SubmitButton};
use crate::web::components::icon::Icon;
use crate::web::components::move_table::TagHistory;
use crate::web::components::notice::{ErrorNotice, SuccessNotice};
use crate::web::components::pager::Pager;
use crate::web::components::password_field::NewPasswordField;
use crate::web::components::platforms::Platforms;
use crate::web::components::pull_chart::PullChart;
use crate::web::components::relative_time::RelativeTime;
use crate::web::components::repository_list::RepositoryList;
use crate::web::components::search_box::{SearchBox, SearchBoxPlace};
use crate::web::components::tag_table::{TagTable, TagTableUse};
use crate::web::components::visibility_field::VisibilityField;
use crate::web::dto::{DayPulls, Moment, MoveRow, Moved, RepositoryCard, TagRow, Viewer};
use crate::web::form::Outcome;

const DIGEST: &str = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

/// Shows the components, one below the other, for people who work on them.
#[component]
pub fn StyleguidePage() -> impl IntoView {
    view! {
        <Title text="Styleguide" />
        <Meta name="robots" content="noindex" />
        <header class="page-head">
            <h1>"Styleguide"</h1>
            <p class="page-description">
                "Every component in its states. The switch in the footer shows the other theme."
            </p>
        </header>
        <Part name="Buttons">
            <Buttons />
        </Part>
        <Part name="Badges, digests, sizes, times">
            <Small />
        </Part>
        <Part name="Notices">
            <SuccessNotice message="The repository has its new name." />
            <ErrorNotice message="The server can't be reached. Check the connection, then try again." />
        </Part>
        <Part name="Fields">
            <Fields />
        </Part>
        <Part name="Search">
            <SearchBox place=SearchBoxPlace::Page />
        </Part>
        <Part name="Repositories">
            <RepositoryList repositories=cards() words=vec!["app".to_owned()] />
            <Pager
                previous=Some("#".to_owned())
                next=Some("#".to_owned())
                here="Page 2"
            />
        </Part>
        <Part name="Tags">
            <TagTable
                repository="alice/app".to_owned()
                tags=tags()
                usage=TagTableUse::Select
            />
            <TagHistory
                repository="alice/app".to_owned()
                tag="v1".to_owned()
                current=DIGEST.to_owned()
                moves=moves()
                restore=None
            />
        </Part>
        <Part name="Commands">
            <CommandTabs
                name="styleguide"
                legend="Push with"
                tabs=commands::push(&Viewer::default(), "alice/app")
            />
        </Part>
        <Part name="Chart">
            <PullChart days=days() />
        </Part>
        <Part name="Nothing there">
            <EmptyState title="No repositories" text="Make one, or push an image.">
                <a class="button button-primary" href="/new">
                    "New repository"
                </a>
            </EmptyState>
        </Part>
    }
}

#[component]
fn Part(name: &'static str, children: Children) -> impl IntoView {
    view! {
        <section class="section">
            <div class="section-head">
                <h2>{name}</h2>
            </div>
            <div class="form">{children()}</div>
        </section>
    }
}

#[component]
fn Buttons() -> impl IntoView {
    view! {
        <div class="form-actions">
            <button type="button" class="button button-primary">
                "Primary"
            </button>
            <button type="button" class="button">
                <Icon name="upload" />
                "With an icon"
            </button>
            <button type="button" class="button button-danger">
                "Delete"
            </button>
            <button type="button" class="button button-small">
                "Small"
            </button>
            <button type="button" class="button button-quiet">
                "Quiet"
            </button>
            <button type="button" class="button" disabled>
                "At rest"
            </button>
        </div>
    }
}

#[component]
fn Small() -> impl IntoView {
    view! {
        <div class="form-actions">
            <VisibilityBadge visibility=Visibility::Public />
            <VisibilityBadge visibility=Visibility::Private />
            <Platforms platforms=platforms() />
            <ShortDigest digest=DIGEST.to_owned() />
            <ByteSize bytes=123_456_789 />
            <RelativeTime moment=moment() />
        </div>
    }
}

#[component]
fn Fields() -> impl IntoView {
    let outcome = Outcome::none();
    view! {
        <Field name="plain" label="A field" hint="What it is for." outcome />
        <Field name="prefixed" label="With a prefix" prefix="alice /" value="app" outcome />
        <NewPasswordField label="A new password" outcome />
        <VisibilityField outcome current=Visibility::Private />
        <SubmitButton text="Send" outcome />
    }
}

fn moment() -> Moment {
    Moment {
        iso: "2026-05-03T10:00:00Z".to_owned(),
        relative: "3 May 2026".to_owned(),
    }
}

fn platforms() -> Vec<String> {
    let names = [
        "linux/amd64",
        "linux/arm64",
        "linux/arm/v7",
        "windows/amd64",
        "linux/s390x",
    ];
    names.map(str::to_owned).to_vec()
}

fn cards() -> Vec<RepositoryCard> {
    let card = |name: &str, visibility, pushed| RepositoryCard {
        name: name.to_owned(),
        visibility,
        description: "An app, and what it is for".to_owned(),
        tag_count: 3,
        stars: 1234,
        pulls: 1_234_567,
        platforms: platforms(),
        pushed,
    };
    vec![
        card("alice/app", Visibility::Public, Some(moment())),
        card("alice/secret", Visibility::Private, None),
    ]
}

fn tags() -> Vec<TagRow> {
    let tag = |name: &str, artifact: Option<&str>| TagRow {
        name: name.to_owned(),
        digest: DIGEST.to_owned(),
        size_bytes: 12_345_678,
        pushed: moment(),
        pushed_by: Some("alice".to_owned()),
        pulled: None,
        platforms: platforms(),
        artifact: artifact.map(str::to_owned),
    };
    vec![tag("v1.10", None), tag("chart", Some("Helm chart"))]
}

fn moves() -> Vec<MoveRow> {
    let kinds = [Moved::Restored, Moved::Deleted, Moved::Pushed];
    let one = |moved: Moved| MoveRow {
        tag: "v1".to_owned(),
        moved,
        digest: (moved != Moved::Deleted).then(|| DIGEST.to_owned()),
        at: moment(),
        by: Some("alice".to_owned()),
        kept_bytes: (moved == Moved::Restored).then_some(12_345_678),
    };
    kinds.map(one).to_vec()
}

fn days() -> Vec<DayPulls> {
    let counts = [0, 0, 3, 8, 2, 0, 12, 20, 7];
    let day = |pulls| DayPulls {
        day: "3 May 2026".to_owned(),
        pulls,
    };
    counts.map(day).to_vec()
}
