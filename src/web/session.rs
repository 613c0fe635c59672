//! Who is logged in, and what changes it; shared by all components of a page.

use leptos::prelude::*;

use super::api::accounts::{LogIn, LogOut, SetUp, SignUp, viewer};
use super::api::theme::SetTheme;
use super::dto::Viewer;
use super::load::{Loading, load};

/// The actions of the frame and of the forms about accounts, and who looks at the page.
#[derive(Clone, Copy)]
pub struct Session {
    pub viewer: Loading<Viewer>,
    pub log_in: ServerAction<LogIn>,
    pub log_out: ServerAction<LogOut>,
    pub sign_up: ServerAction<SignUp>,
    pub set_up: ServerAction<SetUp>,
    pub set_theme: ServerAction<SetTheme>,
}

impl Session {
    /// Starts loading who is there, and provides itself to every component below.
    pub fn provide() {
        let (log_in, log_out) = (ServerAction::new(), ServerAction::new());
        let (sign_up, set_up) = (ServerAction::new(), ServerAction::new());
        let version = versions(log_in, log_out, sign_up, set_up);
        let viewer = load(version, |_| viewer());
        let set_theme = ServerAction::new();
        provide_context(Self {
            viewer,
            log_in,
            log_out,
            sign_up,
            set_up,
            set_theme,
        });
    }

    /// Is the session of the page.
    pub fn here() -> Self {
        expect_context()
    }

    /// Counts the changes of who is logged in; data that depends on it tracks this.
    pub fn version(self) -> u32 {
        versions(self.log_in, self.log_out, self.sign_up, self.set_up)()
    }
}

fn versions(
    log_in: ServerAction<LogIn>,
    log_out: ServerAction<LogOut>,
    sign_up: ServerAction<SignUp>,
    set_up: ServerAction<SetUp>,
) -> impl Fn() -> u32 + Copy + Send + Sync + 'static {
    move || {
        let counts = [
            log_in.version(),
            log_out.version(),
            sign_up.version(),
            set_up.version(),
        ];
        counts
            .into_iter()
            .map(|count| u32::try_from(count.get()).unwrap_or(u32::MAX))
            .sum()
    }
}
