//! The pages, one module for each address.

pub mod home;
pub mod login;
pub mod new;
pub mod not_found;
pub mod repository;
pub mod search;
pub mod setup;
pub mod signup;
mod tag;
mod tags;
pub mod upload;
mod upload_progress;
pub mod user;
