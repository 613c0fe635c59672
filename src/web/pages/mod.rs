//! The pages, one module for each address.

mod activity;
mod delete_tags;
pub mod home;
pub mod login;
pub mod new;
pub mod not_found;
pub mod repository;
mod repository_settings;
pub mod search;
pub mod settings;
pub mod setup;
pub mod signup;
#[cfg(all(debug_assertions, feature = "ssr"))]
pub mod styleguide;
mod tag;
mod tags;
pub mod upload;
pub mod user;
