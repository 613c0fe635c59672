//! Every server function, by feature. Each is a public endpoint: it parses, asks who is there and
//! whether they may, calls one service, and maps the outcome.

#[cfg(feature = "ssr")]
mod access;
pub mod accounts;
#[cfg(feature = "ssr")]
mod image;
pub mod repositories;
pub mod repository_settings;
pub mod search;
pub mod settings;
pub mod tags;
pub mod theme;
pub mod users;

/// Where the server functions are mounted.
#[cfg(feature = "ssr")]
pub const PREFIX: &str = "/api/web/";
