//! Pages that wait for what they show.

use std::fmt::Debug;

use leptos::either::Either;
use leptos::prelude::*;

use super::failure::Failure;
use crate::web::load::Loading;

/// Shows a resource once it is there, or the page that goes with its error.
pub fn loaded<T, V>(
    resource: Loading<T>,
    show: impl Fn(T) -> V + Clone + Send + Sync + 'static,
) -> impl IntoView
where
    T: Debug + Clone + Send + Sync + 'static,
    V: IntoView + 'static,
{
    view! {
        <Transition fallback=|| {
            view! { <p class="loading" role="status">"Loading"</p> }
        }>
            {move || {
                let show = show.clone();
                Suspend::new(async move {
                    match resource.await {
                        Ok(value) => Either::Left(show(value)),
                        Err(error) => Either::Right(view! { <Failure error /> }),
                    }
                })
            }}
        </Transition>
    }
}
