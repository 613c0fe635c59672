//! What people see: pages, the components they are made of, and the server functions behind them.
//!
//! Pages and components know `dto` and the signatures of `api`; only `api` reaches the hub.

pub mod addresses;
pub mod api;
pub mod app;
mod browser;
#[cfg(feature = "ssr")]
mod clients;
mod commands;
mod components;
pub mod dto;
pub mod error;
#[cfg(feature = "ssr")]
pub mod error_document;
mod escape;
mod form;
mod load;
mod pages;
mod query;
mod response;
#[cfg(all(debug_assertions, feature = "ssr"))]
pub use pages::styleguide;
mod session;
#[cfg(feature = "ssr")]
mod shell;
