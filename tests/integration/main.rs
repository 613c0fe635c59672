//! The server over HTTP, one file a feature, in one binary.

mod access;
mod accounts;
mod app;
mod blobs;
mod collector;
mod collector_failures;
mod deleting;
mod error_codes;
mod faults;
mod listing;
mod long_imports;
mod manifests;
mod mounting;
mod process;
mod pull;
mod push_blobs;
mod push_manifests;
mod race;
mod referrers;
mod restart;
mod search;
mod stalls;
mod tarballs;
mod tokens;
mod upload_model;
mod uploads;
