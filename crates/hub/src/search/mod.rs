//! Full-text search over repositories. The index is derived from the database and can be thrown away.

mod index;
mod indexer;
mod query;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::accounts::{Access, Caller};
use crate::db::{Db, DbError};
use crate::images::Repository;
use index::SearchIndex;
use indexer::Indexer;

/// Most results of one request.
pub const LIMIT_MAX: u32 = 100;
/// Furthest into the results that a request may reach: ranking deeper costs memory for nobody.
const REACH_MAX: u32 = 10_000;

/// What is looked for.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    pub text: String,
    pub limit: u32,
    pub offset: u32,
}

/// What was found, best first.
#[derive(Debug, Clone)]
pub struct SearchResults {
    /// How many there are in all that the caller may see.
    pub total: u64,
    pub repositories: Vec<Repository>,
}

/// Whether there is an index to search in.
enum Opened {
    NotYet,
    /// It could not be opened so far.
    Failed,
    Index(Arc<SearchIndex>),
}

impl Opened {
    /// Lets searches fail that wait for the first index; one that was open goes on being searched.
    fn give_up(&mut self) -> bool {
        let waits = matches!(self, Self::NotYet);
        if waits {
            *self = Self::Failed;
        }
        waits
    }
}

/// Finds repositories.
#[derive(Clone)]
pub struct Search {
    db: Db,
    index: watch::Receiver<Opened>,
    stop: CancellationToken,
    follower: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Search {
    /// Opens the index in a folder, builds it anew where it is missing, old or damaged, and keeps it
    /// up to date from then on, all of it in the background: only searches wait for it.
    pub(crate) fn open(folder: PathBuf, db: Db, changed: Arc<Notify>) -> Self {
        let stop = CancellationToken::new();
        let (opened, index) = watch::channel(Opened::NotYet);
        let indexer = Indexer {
            folder,
            db: db.clone(),
            changed,
            stop: stop.clone(),
            opened,
        };
        Self {
            db,
            index,
            stop,
            follower: Arc::new(Mutex::new(Some(tokio::spawn(indexer.run())))),
        }
    }

    /// Waits until the index is open. Errors: `Stopped` when it could not be opened.
    async fn index(&self) -> Result<Arc<SearchIndex>, SearchError> {
        let mut index = self.index.clone();
        let opened = index.wait_for(|state| !matches!(state, Opened::NotYet));
        match &*opened.await.map_err(|_| SearchError::Stopped)? {
            Opened::Index(index) => Ok(Arc::clone(index)),
            Opened::NotYet | Opened::Failed => Err(SearchError::Stopped),
        }
    }

    /// Stops following changes and lets go of the index.
    pub(crate) async fn close(&self) {
        self.stop.cancel();
        let task = self
            .follower
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = task {
            let _ = task.await;
        }
    }

    /// Finds the repositories whose name, description or README holds every word of the text; the
    /// last letters of a word may be missing. An empty text finds nothing.
    pub async fn find(
        &self,
        caller: &Caller,
        request: SearchRequest,
    ) -> Result<SearchResults, SearchError> {
        let nothing = SearchResults {
            total: 0,
            repositories: Vec::new(),
        };
        let limit = request.limit.min(LIMIT_MAX);
        if limit == 0 || request.offset > REACH_MAX {
            return Ok(nothing);
        }
        let index = self.index().await?;
        let Some(query) = query::build(&index, caller, &request.text) else {
            return Ok(nothing);
        };
        let offset = request.offset;
        let found = tokio::task::spawn_blocking(move || index.find(&query, limit, offset)).await;
        let (total, ids) = found.map_err(|_| SearchError::Stopped)??;
        let mut repositories = crate::db::tables::repositories::find_many(&self.db, &ids).await?;
        // The index may lag behind by a moment; what may be seen is decided on the row.
        repositories.retain(|repository| Access::sees(caller, repository));
        let hidden = ids.len() - repositories.len();
        let total = total.saturating_sub(hidden as u64);
        repositories.sort_by_key(|repository| ids.iter().position(|id| *id == repository.id));
        Ok(SearchResults {
            total,
            repositories,
        })
    }
}

/// What can go wrong with searching.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("the search index failed: {0}")]
    Index(#[from] tantivy::TantivyError),
    #[error("the search index can't be written: {0}")]
    Io(#[from] std::io::Error),
    #[error("the search stopped")]
    Stopped,
    #[error(transparent)]
    Database(#[from] DbError),
}
