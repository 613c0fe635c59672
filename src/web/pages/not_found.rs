//! The page for addresses that lead nowhere. Private and missing repositories look the same.

use leptos::prelude::*;

use crate::web::components::page_head::PageHead;
use crate::web::components::search_box::{SearchBox, SearchBoxPlace};
use crate::web::response::set_status;

/// Says that there is nothing here, and offers search.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    set_status(404);
    view! {
        <PageHead title="Not found" />
        <section class="message-page">
            <p class="message-code">"404"</p>
            <h1>"There is nothing here"</h1>
            <p>
                "The address may be mistyped, or it leads to something private. If it is yours, log in first."
            </p>
            <SearchBox place=SearchBoxPlace::Page />
            <div class="form-actions">
                <a class="button" href="/">
                    "Go to the front page"
                </a>
            </div>
        </section>
    }
}
