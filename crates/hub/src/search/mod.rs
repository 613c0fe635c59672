//! Full-text search over repositories. The index is derived from the database and can be thrown away.

mod facets;
mod index;
mod indexer;
#[cfg(test)]
mod judged;
mod query;
mod queue;
mod typed;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use dockyard_oci::{RepositoryName, Visibility};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::Id;
use crate::accounts::{Access, Caller};
use crate::admission::{Busy, Places, Turns, network};
use crate::clock::Clock;
use crate::db::tables::{manifests, repositories};
use crate::db::{Db, DbError};
use crate::images::Repository;
use index::SearchIndex;
use indexer::Indexer;
use query::Reading;
use typed::Typed;

/// Most results of one request.
pub const LIMIT_MAX: u32 = 100;
/// Furthest into the results that a request may reach: ranking deeper costs memory for nobody.
const REACH_MAX: u32 = 10_000;
/// Searches that run at once, and that wait; those with mistakes cost a hundred times as much.
const RUNNING: usize = 4;
const WAITING: usize = 64;
const MISTAKEN_RUNNING: usize = 2;
const MISTAKEN_WAITING: usize = 16;
/// Of all of them, so many are for one network.
const OF_ONE_NETWORK: usize = 24;

/// Most results that come near, of which the nearest come first; longest name in characters that is compared.
const NEAR: u32 = 200;
const NAME_CHARS_MAX: usize = 64;

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct SearchRequest {
    pub text: String,
    pub filter: SearchFilter,
    pub sort: SearchSort,
    pub limit: u32,
    pub offset: u32,
}

/// What all results have to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchFilter {
    /// `linux/amd64`.
    pub platform: Option<String>,
    pub namespace: Option<String>,
    pub visibility: Option<Visibility>,
}

impl SearchFilter {
    /// Tells whether nothing is asked for.
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The order of results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SearchSort {
    /// What fits best, with a little weight for stars and pulls.
    #[default]
    Best,
    Stars,
    Pulls,
    /// Pushed last first.
    Pushed,
}

/// What was found, in the order that was asked for.
#[derive(Debug, Clone, Default)]
pub struct SearchResults {
    /// How many there are in all that the caller may see.
    pub total: u64,
    pub repositories: Vec<Repository>,
    /// What everything that the words find has in common, whatever the filter.
    pub facets: Facets,
    /// The words that were looked for.
    pub words: Vec<String>,
    /// Whether nothing was as it was typed, and this is what comes near.
    pub is_near: bool,
}

/// Values and how many results have them, most first; counted over what the caller may see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    pub platforms: Vec<(String, u64)>,
    pub namespaces: Vec<(String, u64)>,
    pub visibilities: Vec<(String, u64)>,
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
    typed: Turns,
    mistaken: Turns,
    places: Places<u128>,
}

impl Search {
    /// Opens the index in a folder, builds it anew where it is missing, old or damaged, and keeps it
    /// up to date from then on, all of it in the background: only searches wait for it.
    pub(crate) fn open(folder: PathBuf, db: Db, clock: Clock, changed: Arc<Notify>) -> Self {
        let stop = CancellationToken::new();
        let (opened, index) = watch::channel(Opened::NotYet);
        let indexer = Indexer {
            folder,
            db: db.clone(),
            clock,
            changed,
            stop: stop.clone(),
            opened,
        };
        Self {
            db,
            index,
            stop,
            follower: Arc::new(Mutex::new(Some(tokio::spawn(indexer.run())))),
            typed: Turns::new(RUNNING, WAITING),
            mistaken: Turns::new(MISTAKEN_RUNNING, MISTAKEN_WAITING),
            places: Places::new(RUNNING + WAITING, OF_ONE_NETWORK),
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

    /// Is the last change that the index has taken; `None` while there is no index.
    pub(crate) fn cursor(&self) -> Option<i64> {
        match &*self.index.borrow() {
            Opened::Index(index) => index.cursor(),
            Opened::NotYet | Opened::Failed => None,
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
    /// last letters of a word may be missing. Where there are none, a letter or two of a longer word may be wrong.
    /// An empty text finds everything that fits the filter. `from` is where the request comes from.
    /// Errors: `Busy`.
    pub async fn find(
        &self,
        caller: &Caller,
        from: IpAddr,
        request: SearchRequest,
    ) -> Result<SearchResults, SearchError> {
        let typed = Typed::read(&request.text);
        let words = query::words(&typed.name);
        // Words that are none, such as punctuation alone, find nothing.
        let is_odd = words.is_empty() && typed.digest.is_none() && !request.text.trim().is_empty();
        let limit = request.limit.min(LIMIT_MAX);
        if is_odd || limit == 0 || request.offset > REACH_MAX {
            return Ok(SearchResults::default());
        }
        let _place = self.places.take(network(from))?;
        if let Some(digest) = typed.digest.as_ref().filter(|_| request.filter.is_empty()) {
            let found = self.by_digest(caller, digest, &words, &request).await?;
            if !found.repositories.is_empty() || words.is_empty() {
                return Ok(found);
            }
        }
        let index = self.index().await?;
        let request = SearchRequest { limit, ..request };
        let look_for = |reading| {
            let (index, who) = (Arc::clone(&index), caller.clone());
            let (typed, words, request) = (typed.clone(), words.clone(), request.clone());
            move || look(&index, &who, (&typed.name, &words), &request, reading)
        };
        let mut found = self.typed.run(look_for(Reading::Typed)).await??;
        if found.is_nothing() && query::may_be_mistaken(&words) {
            found = self.mistaken.run(look_for(Reading::Mistaken)).await??;
        }
        if found.is_near {
            let (total, ids) = self.nearest(&typed.name, found.ids, &request).await?;
            (found.total, found.ids) = (total, ids);
        }
        let (total, repositories) = self.rows(caller, found.total, &found.ids).await?;
        Ok(SearchResults {
            total,
            repositories,
            facets: found.facets,
            words,
            is_near: found.is_near,
        })
    }

    /// Orders what comes near by how near it is, where no other order is asked for, and takes the page that is wanted.
    async fn nearest(
        &self,
        typed: &str,
        ids: Vec<Id>,
        request: &SearchRequest,
    ) -> Result<(u64, Vec<Id>), SearchError> {
        let mut ids = ids;
        if request.sort == SearchSort::Best {
            let mut named = repositories::names_of(&self.db, &ids).await?;
            named.sort_by_cached_key(|(id, name)| {
                (
                    distance(typed, name),
                    ids.iter().position(|other| other == id),
                )
            });
            ids = named.into_iter().map(|(id, _)| id).collect();
        }
        let total = ids.len() as u64;
        let page = ids
            .into_iter()
            .skip(as_usize(request.offset))
            .take(as_usize(request.limit));
        Ok((total, page.collect()))
    }

    /// Finds the repositories that have a manifest with a digest that begins so.
    async fn by_digest(
        &self,
        caller: &Caller,
        digest: &str,
        words: &[String],
        request: &SearchRequest,
    ) -> Result<SearchResults, SearchError> {
        let user = caller.user().filter(|_| caller.lists());
        let who = (
            user.is_some_and(|user| user.is_admin),
            user.map(|user| &user.id),
        );
        let page = (request.limit.min(LIMIT_MAX), request.offset);
        let ids = manifests::find_repositories(&self.db, digest, who, page).await?;
        let (_, repositories) = self.rows(caller, 0, &ids).await?;
        Ok(SearchResults {
            total: u64::from(request.offset) + repositories.len() as u64,
            repositories,
            words: words.to_vec(),
            ..SearchResults::default()
        })
    }

    /// Finds names that hold words beginning as the text does, the liked ones first. Errors: `Busy`.
    pub async fn suggest(
        &self,
        caller: &Caller,
        from: IpAddr,
        text: &str,
        limit: u32,
    ) -> Result<Vec<RepositoryName>, SearchError> {
        let typed = Typed::read(text);
        let words = query::words(&typed.name);
        if words.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let _place = self.places.take(network(from))?;
        let index = self.index().await?;
        let (who, filter) = (caller.clone(), SearchFilter::default());
        let work = move || {
            let typed = (&*typed.name, &*words);
            let query = query::build(&index, &who, typed, &filter, Reading::Names);
            index.find(&*query, (SearchSort::Best, limit.min(LIMIT_MAX), 0))
        };
        let (total, ids) = self.typed.run(work).await??;
        let (_, repositories) = self.rows(caller, total, &ids).await?;
        Ok(repositories.into_iter().map(|row| row.name).collect())
    }

    /// Reads the rows of what was found, in its order. The index may lag behind by a moment: what may be seen is
    /// decided on the row.
    async fn rows(
        &self,
        caller: &Caller,
        total: u64,
        ids: &[Id],
    ) -> Result<(u64, Vec<Repository>), SearchError> {
        let mut found = repositories::find_many(&self.db, ids).await?;
        found.retain(|repository| Access::sees(caller, repository));
        let hidden = ids.len() - found.len();
        found.sort_by_key(|repository| ids.iter().position(|id| *id == repository.id));
        Ok((total.saturating_sub(hidden as u64), found))
    }
}

struct Found {
    total: u64,
    ids: Vec<Id>,
    facets: Facets,
    is_near: bool,
}

impl Found {
    /// Tells whether the words find nothing, whatever the filter.
    fn is_nothing(&self) -> bool {
        self.facets.visibilities.is_empty()
    }
}

/// Asks the index for the results and for what they have in common: at once, unless a filter tells them apart.
fn look(
    index: &SearchIndex,
    caller: &Caller,
    typed: (&str, &[String]),
    request: &SearchRequest,
    reading: Reading,
) -> Result<Found, SearchError> {
    // Without words, nothing fits better than anything else.
    let sort = match request.sort {
        SearchSort::Best if typed.1.is_empty() => SearchSort::Pulls,
        sort => sort,
    };
    let is_mistaken = reading == Reading::Mistaken;
    // What is near is put in order by how near it is, which the index does not know.
    let page = if is_mistaken {
        (sort, NEAR, 0)
    } else {
        (sort, request.limit, request.offset)
    };
    let query = query::build(index, caller, typed, &request.filter, reading);
    let everything = SearchFilter::default();
    let (total, ids, facets) = if request.filter.is_empty() {
        index.find_with_facets(&*query, page)?
    } else {
        let (total, ids) = index.find(&*query, page)?;
        let all = query::build(index, caller, typed, &everything, reading);
        (total, ids, index.facets(&*all)?)
    };
    Ok(Found {
        total,
        ids,
        is_near: is_mistaken && !facets.visibilities.is_empty(),
        facets,
    })
}

/// Counts the letters in which what was typed differs from a name, or from its last part.
fn distance(typed: &str, name: &RepositoryName) -> usize {
    let name = name.as_str();
    let last = name.rsplit('/').next().unwrap_or(name);
    let typed = typed.replace(' ', "-");
    let short = |text: &str| text.chars().take(NAME_CHARS_MAX).collect::<String>();
    let typed = short(&typed);
    [name, last]
        .map(|name| strsim::osa_distance(&typed, &short(name)))
        .into_iter()
        .min()
        .unwrap_or_default()
}

fn as_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
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
    Busy(#[from] Busy),
    #[error(transparent)]
    Database(#[from] DbError),
}
