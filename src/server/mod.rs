//! The server: HTTP in front of the hub.

pub mod api;
mod archive;
pub mod assets;
mod body;
mod caller;
pub mod config;
mod error;
mod oci;
mod ops;
mod range;
mod requests;
mod router;
mod serve;
mod session;
mod state;
mod upload_form;
pub mod web;

pub use router::router;
pub use serve::run;
pub use state::AppState;
