//! The frame around every page, and the routes.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::hooks::use_url;
use leptos_router::{SsrMode, path};

use super::browser;
use super::components::footer::SiteFooter;
use super::components::header::SiteHeader;
use super::components::page_head;
use super::escape;
use super::pages::home::HomePage;
use super::pages::login::LogInPage;
use super::pages::new::NewRepositoryPage;
use super::pages::not_found::NotFoundPage;
use super::pages::repository::RepositoryRoute;
use super::pages::search::SearchResultsPage;
use super::pages::settings::{SettingsIndex, SettingsRoute};
use super::pages::setup::SetUpPage;
use super::pages::signup::SignUpPage;
use super::pages::upload::UploadPage;
use super::pages::user::UserRoute;
use super::session::Session;

#[cfg(feature = "ssr")]
pub use super::shell::shell;

/// Is everything in the body: the frame and the page that the address asks for.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    page_head::provide();
    view! {
        <Title formatter=title />
        <Router>
            <Frame />
        </Router>
    }
}

/// Is what stands around every page. Inside the router, since the answer to a form that was sent
/// without JavaScript stands in the URL, and the session's actions must find it there.
#[component]
fn Frame() -> impl IntoView {
    use_url().read_untracked().provide_server_action_error();
    Session::provide();
    browser::listen_to_keys();
    view! {
        <div class="site">
            <a class="skip-link" href="#site-header" rel="external">
                "Skip to search and menus"
            </a>
            <main id="main" class="site-main">
                <Pages />
            </main>
            <SiteHeader />
            <SiteFooter />
        </div>
    }
}

/// Returns the title of the window: the page's own, and the name. Every title passes here: Leptos does not escape it
/// in the HTML that the server sends.
fn title(page: String) -> String {
    let title = if page.is_empty() {
        "Dockyard".to_owned()
    } else {
        page + " · Dockyard"
    };
    if cfg!(feature = "ssr") {
        escape::text(&title).into_owned()
    } else {
        title
    }
}

#[component]
fn Pages() -> impl IntoView {
    view! {
        <FlatRoutes fallback=NotFoundPage>
            <Route path=path!("/") view=HomePage ssr=SsrMode::Async />
            <Route path=path!("/search") view=SearchResultsPage ssr=SsrMode::Async />
            <Route path=path!("/signup") view=SignUpPage ssr=SsrMode::Async />
            <Route path=path!("/login") view=LogInPage ssr=SsrMode::Async />
            <Route path=path!("/setup") view=SetUpPage ssr=SsrMode::Async />
            <Route path=path!("/new") view=NewRepositoryPage ssr=SsrMode::Async />
            <Route path=path!("/upload") view=UploadPage ssr=SsrMode::Async />
            <Route path=path!("/settings") view=SettingsIndex ssr=SsrMode::Async />
            <Route path=path!("/settings/:part") view=SettingsRoute ssr=SsrMode::Async />
            <Route path=path!("/u/:user") view=UserRoute ssr=SsrMode::Async />
            <Route path=path!("/r/*path") view=RepositoryRoute ssr=SsrMode::Async />
        </FlatRoutes>
    }
}
