//! Every server function, by feature. Each is a public endpoint: it parses, asks who is there and
//! whether they may, calls one service, and maps the outcome.

pub mod accounts;
pub mod repositories;
pub mod search;
pub mod theme;

/// Where the server functions are mounted.
#[cfg(feature = "ssr")]
pub const PREFIX: &str = "/api/web/";
