//! The server: HTTP in front of the hub.

mod admin;
pub mod api;
mod archive;
pub mod assets;
mod body;
mod caller;
pub mod card;
pub mod config;
mod connection;
pub mod dev;
mod download;
mod error;
mod feed;
pub mod markdown;
mod oci;
mod ops;
mod peer;
mod preview;
mod range;
mod requests;
mod robots;
mod router;
mod routes;
mod serve;
mod session;
mod state;
mod upload_form;
pub mod web;
mod xml;

pub use router::{router, routes};
pub use routes::Route;
pub use serve::run;
pub use state::AppState;
