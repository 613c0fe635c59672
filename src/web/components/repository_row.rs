//! A repository in a list. The same everywhere.

use dockyard_oci::Visibility;
use leptos::prelude::*;

use super::badge::VisibilityBadge;
use super::icon::Icon;
use super::relative_time::RelativeTime;
use crate::web::addresses;
use crate::web::dto::RepositoryCard;

/// Shows name, description, number of tags and time of the last push.
#[component]
pub fn RepositoryRow(card: RepositoryCard) -> impl IntoView {
    let (namespace, name) = card.name_parts();
    let (namespace, name) = (namespace.to_owned(), name.to_owned());
    let tags = match card.tag_count {
        0 => "no tags yet".to_owned(),
        1 => "1 tag".to_owned(),
        count => format!("{count} tags"),
    };
    view! {
        <li class="repository-row">
            <div class="repository-row-main">
                <a class="repository-name" href=addresses::repository(&card.name)>
                    <span class="namespace">{namespace}</span>
                    <span class="name">{name}</span>
                </a>
                {(card.visibility == Visibility::Private)
                    .then(|| view! { <VisibilityBadge visibility=card.visibility /> })}
                {(!card.description.is_empty())
                    .then(|| view! { <p class="repository-description">{card.description}</p> })}
            </div>
            <div class="repository-facts">
                <span class="fact">
                    <Icon name="tag" />
                    {tags}
                </span>
                {card
                    .pushed
                    .map(|moment| {
                        view! {
                            <span class="fact">
                                <Icon name="clock" />
                                <RelativeTime moment />
                            </span>
                        }
                    })}
            </div>
        </li>
    }
}
