//! Repositories and their tags.

use anyhow::Result;
use dockyard_oci::{RepositoryName, Tag};
use reqwest::Method;
use serde_json::json;

use super::Client;
use crate::answers::{Described, Repository, RepositoryPage, SearchResults, TagPage};

/// How many tags are asked for at a time.
const TAGS_A_PAGE: &str = "100";

impl Client {
    /// Fetches one page of the caller's repositories, those after `last`.
    pub async fn repositories(&self, last: Option<&str>) -> Result<RepositoryPage> {
        let request = self.call(Method::GET, "/api/v1/repositories");
        self.answer(request.query(&[("last", last)])).await
    }

    /// Creates a repository; `visibility` is left to the server's default when `None`.
    pub async fn create_repository(
        &self,
        name: &str,
        visibility: Option<dockyard_oci::Visibility>,
        description: Option<&str>,
    ) -> Result<Repository> {
        let mut body = json!({ "name": name });
        if let Some(visibility) = visibility {
            body["visibility"] = visibility.as_str().into();
        }
        if let Some(description) = description {
            body["description"] = description.into();
        }
        let request = self.call(Method::POST, "/api/v1/repositories");
        self.answer(request.json(&body)).await
    }

    /// Shows a repository with its README.
    pub async fn repository(&self, repository: &RepositoryName) -> Result<Described> {
        let path = format!("/api/v1/repositories/{repository}");
        let shown = self.answer(self.call(Method::GET, &path)).await;
        shown.map_err(|error| self.explain_missing(error, repository))
    }

    /// Changes what is said of a repository; what is `None` stays.
    pub async fn describe(
        &self,
        repository: &RepositoryName,
        description: Option<&str>,
        readme: Option<&str>,
    ) -> Result<Described> {
        let mut body = serde_json::Map::new();
        for (name, text) in [("description", description), ("readme", readme)] {
            if let Some(text) = text {
                body.insert(name.to_owned(), text.into());
            }
        }
        let path = format!("/api/v1/repositories/{repository}");
        let changed = self.answer(self.call(Method::PATCH, &path).json(&body));
        let changed = changed.await;
        changed.map_err(|error| self.explain_missing(error, repository))
    }

    /// Changes who may see a repository.
    pub async fn set_visibility(
        &self,
        repository: &RepositoryName,
        visibility: &str,
    ) -> Result<()> {
        let path = format!("/api/v1/repositories/{repository}");
        let request = self.call(Method::PATCH, &path);
        let changed = self
            .send(request.json(&json!({ "visibility": visibility })))
            .await;
        changed
            .map(drop)
            .map_err(|error| self.explain_missing(error, repository))
    }

    /// Deletes a repository with all that is in it.
    pub async fn delete_repository(&self, repository: &RepositoryName) -> Result<()> {
        let path = format!("/api/v1/repositories/{repository}");
        let deleted = self.send(self.call(Method::DELETE, &path)).await;
        deleted
            .map(drop)
            .map_err(|error| self.explain_missing(error, repository))
    }

    /// Deletes a tag; what it points to stays while another tag does.
    pub async fn delete_tag(&self, repository: &RepositoryName, tag: &Tag) -> Result<()> {
        let path = format!("/v2/{repository}/manifests/{tag}");
        let deleted = self.send(self.call(Method::DELETE, &path)).await;
        deleted
            .map(drop)
            .map_err(|error| self.explain_missing(error, repository))
    }

    /// Finds repositories by words.
    pub async fn search(&self, words: &str, limit: u32) -> Result<SearchResults> {
        let request = self.call(Method::GET, "/api/v1/search");
        self.answer(request.query(&[("q", words), ("n", &limit.to_string())]))
            .await
    }

    /// Fetches one page of tags, those after `last`.
    pub async fn tags(&self, repository: &RepositoryName, last: Option<&str>) -> Result<TagPage> {
        let path = format!("/api/v1/repositories/{repository}/-/tags");
        let mut request = self.call(Method::GET, &path).query(&[("n", TAGS_A_PAGE)]);
        if let Some(last) = last {
            request = request.query(&[("last", last)]);
        }
        let page = self.answer(request).await;
        page.map_err(|error| self.explain_missing(error, repository))
    }
}
