//! The server over HTTP, one file a feature, in one binary.

mod access;
mod accounts;
mod app;
mod blobs;
mod listing;
mod manifests;
mod restart;
mod search;
mod tarballs;
mod uploads;
