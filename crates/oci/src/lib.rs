//! The vocabulary of the OCI specifications: names, digests, references, media types, descriptors,
//! manifests, token scopes and error codes.
//!
//! Every type is built by parsing and holds only what the grammar allows. Nothing here reads, writes
//! or hashes, so the browser, the command line and the server share it.

mod characters;
mod config;
mod digest;
mod error_code;
mod manifest;
mod media_type;
mod name;
mod platform;
mod range;
mod reference;
mod saved_name;
mod scope;
mod tag;
pub mod tar;
mod text;
mod version_order;
mod visibility;

pub use characters::is_harmful;
pub use config::{HistoryStep, ImageConfig, RunConfig};
pub use digest::{Algorithm, Digest, DigestError};
pub use error_code::ErrorCode;
pub use manifest::{
    Descriptor, Manifest, ManifestError, ManifestKind, Reference as ManifestReference,
};
pub use media_type::{MediaType, MediaTypeError};
pub use name::{RepositoryName, RepositoryNameError, UserName, UserNameError};
pub use platform::{Platform, PlatformError};
pub use range::{ContentRange, ContentRangeError, Requested};
pub use reference::{ImageName, ImageNameError, Reference};
pub use saved_name::SavedName;
pub use scope::{Action, Scope, parse_scopes};
pub use tag::{Tag, TagError};
pub use visibility::{Visibility, VisibilityError};
