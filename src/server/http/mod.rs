//! Bounds on what clients may send and hold.

pub mod bodies;
pub mod gates;
pub mod told;
pub mod unsent;
