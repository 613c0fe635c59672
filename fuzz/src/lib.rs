//! The bodies of the fuzz targets, one module each.
//!
//! The targets themselves, in `fuzz_targets/`, hand libFuzzer's bytes over. `scripts/fuzz.sh` runs them.

mod hub;
pub mod import;
pub mod manifest;
pub mod range;
pub mod reference;
pub mod request;
pub mod scope;
pub mod tar;
