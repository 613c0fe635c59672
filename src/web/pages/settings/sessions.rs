//! Where one is logged in.

use leptos::form::ActionForm;
use leptos::prelude::*;

use super::{Done, succeeded};
use crate::web::api::settings::{EndOtherSessions, EndSession, sessions};
use crate::web::components::loaded::loaded;
use crate::web::components::relative_time::RelativeTime;
use crate::web::dto::SessionRow;
use crate::web::load::load;

/// Lists the browsers that are logged in, and ends them.
#[component]
pub fn SessionSettings() -> impl IntoView {
    let (end, end_others) = (
        ServerAction::<EndSession>::new(),
        ServerAction::<EndOtherSessions>::new(),
    );
    let (ended, others_ended) = (end.version(), end_others.version());
    let rows = load(move || (ended.get(), others_ended.get()), |_| sessions());
    loaded(
        rows,
        move |rows: Vec<SessionRow>| view! { <SessionList rows end end_others /> },
    )
}

#[component]
fn SessionList(
    rows: Vec<SessionRow>,
    end: ServerAction<EndSession>,
    end_others: ServerAction<EndOtherSessions>,
) -> impl IntoView {
    let has_others = rows.len() > 1;
    let items = rows
        .into_iter()
        .map(|row| view! { <SessionItem row end /> });
    view! {
        <section class="settings-section">
            <h2>"Sessions"</h2>
            <Done key="session" succeeded=succeeded(end) message="The session is ended." />
            <Done
                key="others"
                succeeded=succeeded(end_others)
                message="All other sessions are ended."
            />
            <p class="settings-text">
                "Browsers that are logged in. A session that is not used ends after 14 days."
            </p>
            <ul class="item-list">{items.collect_view()}</ul>
            {has_others
                .then(|| {
                    view! {
                        <ActionForm action=end_others attr:class="item-list-foot">
                            <button type="submit" class="button">
                                "End all others"
                            </button>
                        </ActionForm>
                    }
                })}
        </section>
    }
}

#[component]
fn SessionItem(row: SessionRow, end: ServerAction<EndSession>) -> impl IntoView {
    let label = format!("End the session of {}", row.client);
    view! {
        <li class="item">
            <div class="item-main">
                <p class="item-name">
                    {row.client}
                    {row.is_this.then(|| view! { <span class="badge">"This one"</span> })}
                </p>
                <p class="item-facts">
                    "seen " <RelativeTime moment=row.seen /> ", since "
                    <RelativeTime moment=row.created />
                </p>
            </div>
            {(!row.is_this)
                .then(|| {
                    view! {
                        <ActionForm action=end>
                            <input type="hidden" name="handle" value=row.handle />
                            <button type="submit" class="button button-small" aria-label=label>
                                "End"
                            </button>
                        </ActionForm>
                    }
                })}
        </li>
    }
}
