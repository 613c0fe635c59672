//! What a user tells about themselves, the password, and the end of an account.

use std::net::IpAddr;

use super::{AccountError, Accounts, User};
use crate::db::retrying;
use crate::db::tables::{
    access_tokens, blobs, former_users, outbox, repositories, sessions, stars, users,
};
use crate::{Secret, text};

/// Longest name of a person in characters.
const DISPLAY_NAME_MAX_CHARS: usize = 60;
/// Longest text about a user in characters: a line or two.
pub const ABOUT_MAX_CHARS: usize = 200;

/// What others see of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub display_name: String,
    /// Plain text.
    pub about: String,
    /// Seen by the user alone.
    pub email: Option<String>,
    pub created_ms: i64,
}

/// The fate of personal tokens in a password change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonalTokens {
    Keep,
    Revoke,
}

impl Accounts {
    /// Shows what a user tells.
    pub async fn profile_of(&self, user: &User) -> Result<Profile, AccountError> {
        let found = users::find_profile(&self.db, user.id).await?;
        found.ok_or(AccountError::Anonymous)
    }

    /// Changes what a user tells.
    ///
    /// Errors: `ProfileInvalid`, `EmailInvalid`.
    pub async fn change_profile(
        &self,
        user: &User,
        display_name: &str,
        about: &str,
        email: Option<String>,
    ) -> Result<(), AccountError> {
        let display_name = one_line(display_name, "a name", DISPLAY_NAME_MAX_CHARS)?;
        let about = one_line(about, "this text", ABOUT_MAX_CHARS)?;
        let email = super::service::checked_email(email)?;
        Ok(users::update_profile(&self.db, user.id, &display_name, &about, email).await?)
    }

    /// Changes the password, and ends every session, what `docker login` keeps, registry tokens, and whatever was begun
    /// with them; personal tokens as well with `PersonalTokens::Revoke`.
    ///
    /// Returns the user to make a new session for. Errors: `PasswordWrong`, `TooManyTries`, `PasswordWeak`; `Anonymous`
    /// when another change came first.
    pub async fn change_password(
        &self,
        user: &User,
        current: &Secret<String>,
        new: &Secret<String>,
        tokens: PersonalTokens,
        from: IpAddr,
    ) -> Result<User, AccountError> {
        self.check_password(user, current, from).await?;
        let hash = self.passwords.hash(new, true).await?;
        retrying(|| self.replace_password(user, &hash, tokens)).await?;
        Ok(User {
            generation: user.generation + 1,
            ..user.clone()
        })
    }

    async fn replace_password(
        &self,
        user: &User,
        hash: &str,
        tokens: PersonalTokens,
    ) -> Result<(), AccountError> {
        let (id, generation) = (user.id, user.generation);
        let mut tx = self.db.begin().await?;
        if !users::update_password(&mut tx, id, generation, hash).await? {
            return Err(AccountError::Anonymous);
        }
        if tokens == PersonalTokens::Keep {
            access_tokens::carry_over(&mut tx, id, generation).await?;
        }
        access_tokens::delete_ended(&mut tx, id, generation).await?;
        sessions::delete_all_of(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }

    /// Deletes an account with its repositories, tokens, stars and sessions, all at once.
    ///
    /// Errors: `PasswordWrong`, `TooManyTries`, `LastAdministrator`.
    pub async fn delete(
        &self,
        user: &User,
        password: &Secret<String>,
        from: IpAddr,
    ) -> Result<(), AccountError> {
        self.check_password(user, password, from).await?;
        retrying(|| self.delete_rows(user)).await
    }

    async fn delete_rows(&self, user: &User) -> Result<(), AccountError> {
        let now_ms = self.clock.now_ms();
        let mut tx = self.db.begin().await?;
        // First of all, so that whatever the user's tokens do meanwhile waits, and then is refused.
        users::end_credentials(&mut tx, user.id).await?;
        if user.is_admin && users::count_admins(&mut tx).await? == 1 {
            return Err(AccountError::LastAdministrator);
        }
        stars::delete_all_of(&mut tx, user.id).await?;
        for id in repositories::ids_of_owner(&mut tx, user.id).await? {
            blobs::touch_all_of(&mut tx, id, now_ms).await?;
            repositories::delete(&mut tx, id).await?;
            outbox::insert(&mut tx, id, now_ms).await?;
        }
        users::delete(&mut tx, user.id).await?;
        former_users::insert(&mut tx, &user.name, now_ms).await?;
        Ok(tx.commit().await?)
    }

    async fn check_password(
        &self,
        user: &User,
        password: &Secret<String>,
        from: IpAddr,
    ) -> Result<(), AccountError> {
        match self.log_in(user.name.as_str(), password, from).await {
            Ok(_) => Ok(()),
            Err(AccountError::WrongCredentials) => Err(AccountError::PasswordWrong),
            Err(error) => Err(error),
        }
    }
}

fn one_line(text: &str, what: &str, max_chars: usize) -> Result<String, AccountError> {
    let line = text::one_line(text);
    if !text::is_plain(&line) {
        let text =
            format!("{what} has no control characters, and none that turn the direction of text");
        return Err(AccountError::ProfileInvalid(text));
    }
    if line.chars().count() > max_chars {
        let text = format!("{what} has at most {max_chars} characters");
        return Err(AccountError::ProfileInvalid(text));
    }
    Ok(line)
}
