//! A repository in a list. The same everywhere.

use dockyard_oci::Visibility;
use leptos::prelude::*;

use super::badge::VisibilityBadge;
use super::byte_size::grouped;
use super::icon::Icon;
use super::marked::marked;
use super::platforms::Platforms;
use super::pull_chart::pulls;
use super::relative_time::RelativeTime;
use crate::web::addresses;
use crate::web::dto::RepositoryCard;

/// Shows name, description, platforms, stars, pulls and time of the last push.
#[component]
pub fn RepositoryRow(
    card: RepositoryCard,
    /// What was looked for, to stand out.
    #[prop(optional)]
    words: Vec<String>,
) -> impl IntoView {
    let (namespace, name) = card.name_parts();
    let (namespace, name) = (marked(namespace, &words), marked(name, &words));
    view! {
        <li class="repository-row">
            <div class="repository-row-main">
                <a class="repository-name" href=addresses::repository(&card.name)>
                    <span class="namespace">{namespace}</span>
                    <span class="name">{name}</span>
                </a>
                {(card.visibility == Visibility::Private)
                    .then(|| view! { <VisibilityBadge visibility=card.visibility /> })}
                <Platforms platforms=card.platforms.clone() />
                {(!card.description.is_empty())
                    .then(|| {
                        view! { <p class="repository-description">{marked(&card.description, &words)}</p> }
                    })}
            </div>
            <RepositoryFacts card />
        </li>
    }
}

#[component]
fn RepositoryFacts(card: RepositoryCard) -> impl IntoView {
    let stars = match card.stars {
        1 => "1 star".to_owned(),
        count => format!("{} stars", grouped(count)),
    };
    let stars_title = stars.clone();
    view! {
        <div class="repository-facts">
            <span class="fact" title=stars_title>
                <Icon name="star" />
                <span aria-hidden="true">{grouped(card.stars)}</span>
                <span class="visually-hidden">{stars}</span>
            </span>
            <span class="fact" title=pulls(card.pulls)>
                <Icon name="download" />
                <span aria-hidden="true">{grouped(card.pulls)}</span>
                <span class="visually-hidden">{pulls(card.pulls)}</span>
            </span>
            <span class="fact fact-time">
                {match card.pushed {
                    Some(moment) => {
                        view! {
                            <Icon name="clock" />
                            <RelativeTime moment />
                        }
                            .into_any()
                    }
                    None => view! { <span>"empty"</span> }.into_any(),
                }}
            </span>
        </div>
    }
}
