//! What a person sees of their own account.

use serde::{Deserialize, Serialize};

use super::{Moment, ServerAddress};

/// What a user tells, to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileForm {
    pub username: String,
    pub display_name: String,
    pub about: String,
    pub email: String,
}

/// A browser that is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Names the session without being its secret.
    pub handle: String,
    /// `Firefox on Linux`.
    pub client: String,
    pub created: Moment,
    pub seen: Moment,
    pub is_this: bool,
}

/// The page with a user's tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokensPage {
    pub username: String,
    pub server: ServerAddress,
    pub tokens: Vec<TokenRow>,
    /// The secret of one that was just made; it is shown once.
    pub fresh: Option<String>,
}

/// A token in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    pub id: String,
    pub name: String,
    /// What it is good for, in words.
    pub reach: String,
    pub created: Moment,
    pub used: Option<Moment>,
    pub expires: Option<String>,
}

/// What goes with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPage {
    pub username: String,
    pub repositories: u64,
    pub bytes: u64,
}
