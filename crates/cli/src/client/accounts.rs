//! Accounts and personal tokens.

use anyhow::{Result, bail};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::Client;
use crate::answers::{NewToken, TokenList, User};
use crate::failure::{self, explain};
use crate::password::Secret;

impl Client {
    /// Creates an account.
    pub async fn create_user(&self, username: &str, password: &Secret) -> Result<User> {
        let body = json!({ "username": username, "password": password.expose() });
        let request = self.call(Method::POST, "/api/v1/users").json(&body);
        let created = self.answer(request).await;
        created.map_err(|error| {
            explain(error, |refusal| {
                (refusal.code == "USERNAME_TAKEN").then(|| {
                    format!(
                        "the name {username} is taken at {}: choose another, or, if it is yours, \
                        run `mydocker login --username {username}`",
                        self.server
                    )
                })
            })
        })
    }

    /// Makes a personal token for the caller; it lasts for ever without `days`.
    pub async fn create_token(
        &self,
        name: &str,
        reach: &str,
        days: Option<u32>,
    ) -> Result<NewToken> {
        let request = self.call(Method::POST, "/api/v1/tokens");
        let body = json!({ "name": name, "reach": reach, "days": days });
        self.answer(request.json(&body)).await
    }

    /// Lists the caller's tokens.
    pub async fn list_tokens(&self) -> Result<TokenList> {
        self.answer(self.call(Method::GET, "/api/v1/tokens")).await
    }

    /// Revokes a token of the caller's.
    pub async fn revoke_token(&self, id: &str) -> Result<()> {
        // An id is a UUID; whatever else was typed must not become another address.
        if !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            bail!("{id} is no id of a token: see `mydocker token list`");
        }
        let path = format!("/api/v1/tokens/{id}");
        let revoked = self.send(self.call(Method::DELETE, &path)).await;
        revoked.map(drop).map_err(|error| {
            explain(error, |refusal| {
                (refusal.status == StatusCode::NOT_FOUND)
                    .then(|| format!("you have no token {id}: see `mydocker token list`"))
            })
        })
    }

    /// Gives back the token that this client uses; an invalid one counts as given back.
    pub async fn delete_current_token(&self) -> Result<()> {
        let request = self.call(Method::DELETE, "/api/v1/tokens/current");
        let response = request.send().await;
        let response = response.map_err(|error| failure::connection(&self.server, &error))?;
        if response.status() == StatusCode::UNAUTHORIZED {
            return Ok(());
        }
        self.accept(response).await.map(drop)
    }

    /// Asks who the caller is.
    pub async fn user(&self) -> Result<User> {
        self.answer(self.call(Method::GET, "/api/v1/user")).await
    }
}
