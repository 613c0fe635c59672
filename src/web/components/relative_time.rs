//! Moments in time.

use leptos::prelude::*;

use crate::web::dto::Moment;

/// Shows how long ago something was, the exact time on hover.
#[component]
pub fn RelativeTime(moment: Moment) -> impl IntoView {
    view! {
        <time datetime=moment.iso title=moment.exact>
            {moment.relative}
        </time>
    }
}
