//! Everything of Dockyard that is not HTTP: the blob store, the database, images, accounts and search.
//!
//! Nothing here names axum, http or leptos. Services take domain types and streams and return
//! outcomes; the server maps those to answers.

pub mod accounts;
pub mod admission;
pub mod backup;
pub mod clock;
pub mod db;
pub mod fault;
mod hub;
mod id;
pub mod images;
mod private;
pub mod search;
mod secret;
pub mod store;
mod text;

pub use hub::{Caretaker, Hub, HubOptions, NotReady, OpenError, Vitals};
pub use id::Id;
pub use secret::Secret;
