//! The server: HTTP in front of the hub.

mod admin;
pub mod api;
mod archive;
pub mod assets;
mod body;
mod caller;
pub mod config;
mod connection;
pub mod dev;
mod documents;
mod download;
mod error;
mod failures;
mod headers;
mod imports;
pub mod markdown;
mod oci;
mod ops;
mod peer;
mod preview;
mod range;
mod requests;
mod router;
mod routes;
mod serve;
mod session;
mod state;
mod upload_form;
pub mod web;

pub use documents::ROBOTS;
pub use router::{router, routes};
pub use routes::Route;
pub use serve::run;
pub use state::AppState;
