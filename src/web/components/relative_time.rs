//! Moments in time.

use leptos::prelude::*;

use crate::web::dto::Moment;

/// Shows how long ago something was, the exact time on hover.
#[component]
pub fn RelativeTime(moment: Moment) -> impl IntoView {
    let exact = moment.exact();
    view! {
        <time datetime=moment.iso title=exact>
            {moment.relative}
        </time>
    }
}
