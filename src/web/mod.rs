//! What people see: pages, the components they are made of, and the server functions behind them.
//!
//! Pages and components know `dto` and the signatures of `api`; only `api` reaches the hub.

pub mod addresses;
pub mod api;
pub mod app;
mod browser;
mod commands;
mod components;
pub mod dto;
pub mod error;
#[cfg(feature = "ssr")]
pub mod error_document;
mod form;
mod origin;
mod pages;
mod response;
mod session;
#[cfg(feature = "ssr")]
mod shell;
