//! The registry protocol: a request is parsed once into an action, and the action calls the hub.
//!
//! Source: OCI distribution-spec, with docker's token service.

mod action;
mod dispatch;
mod error;
mod listing;
pub mod search_v1;
pub mod token;
mod uploads;

pub use action::{redirect, routes};
pub use dispatch::handle;
