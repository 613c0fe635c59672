//! The footer of every page.

use leptos::prelude::*;

use super::theme_switch::ThemeSwitch;
use crate::web::session::Session;

/// Shows the version, what machines ask for, and the theme.
#[component]
pub fn SiteFooter() -> impl IntoView {
    let viewer = Session::here().viewer;
    view! {
        <footer class="site-footer">
            <div class="site-footer-inner">
                <span>"Dockyard " {env!("CARGO_PKG_VERSION")}</span>
                <nav aria-label="About">
                    <a href="/api/v1" rel="external">
                        "API"
                    </a>
                    <a href="/healthz" rel="external">
                        "Health"
                    </a>
                </nav>
                <Transition>
                    {move || Suspend::new(async move {
                        let theme = viewer.await.unwrap_or_default().theme;
                        view! { <ThemeSwitch theme /> }
                    })}
                </Transition>
            </div>
        </footer>
    }
}
