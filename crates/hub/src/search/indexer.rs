//! Tails the outbox into the index.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tantivy::IndexWriter;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::SearchError;
use super::index::SearchIndex;
use crate::Id;
use crate::db::Db;
use crate::db::tables::{outbox, repositories};
use crate::images::Repository;

/// Changes taken at once.
const BATCH: u32 = 500;
/// How often to look for changes that other nodes wrote.
const POLL: Duration = Duration::from_secs(1);
/// Pause after a batch: a busy registry commits twice a second and not for each push, since a commit
/// costs several syncs of the disk; still a change can be found within a second.
const BREATH: Duration = Duration::from_millis(500);

/// Opens the index, hands it out, builds it where needed, and keeps it up to date until told to stop.
pub(super) async fn run(
    folder: PathBuf,
    db: Db,
    changed: Arc<Notify>,
    stop: CancellationToken,
    opened: watch::Sender<Option<Arc<SearchIndex>>>,
) {
    let follower = match open(folder, db, &opened).await {
        Ok(follower) => follower,
        Err(error) => {
            error!(%error, "there is no search until the next start");
            return;
        }
    };
    follower.run(changed, stop).await;
}

async fn open(
    folder: PathBuf,
    db: Db,
    opened: &watch::Sender<Option<Arc<SearchIndex>>>,
) -> Result<Follower, SearchError> {
    let (oldest, newest) = (outbox::oldest(&db).await?, outbox::newest(&db).await?);
    let (index, writer) = spawn_blocking(move || {
        let index = open_usable(&folder, oldest, newest)?;
        let writer = index.writer()?;
        Ok::<_, SearchError>((Arc::new(index), writer))
    })
    .await
    .unwrap_or(Err(SearchError::Stopped))?;
    opened.send_replace(Some(Arc::clone(&index)));
    let cursor = index.cursor();
    let follower = Follower {
        index,
        writer,
        db,
        cursor: cursor.unwrap_or_default(),
    };
    match cursor {
        Some(_) => Ok(follower),
        None => follower.rebuild(newest).await,
    }
}

/// Opens the index if it can be gone on with, and an empty one otherwise: one that is ahead of the
/// database, or that lags behind what is kept of the changes, can't.
fn open_usable(folder: &Path, oldest: i64, newest: i64) -> Result<SearchIndex, SearchError> {
    if !folder.exists() {
        return SearchIndex::open(folder);
    }
    let kept = oldest - 1..=newest;
    if let Ok(index) = SearchIndex::open(folder)
        && index.cursor().is_some_and(|cursor| kept.contains(&cursor))
    {
        return Ok(index);
    }
    std::fs::remove_dir_all(folder)?;
    SearchIndex::open(folder)
}

struct Follower {
    index: Arc<SearchIndex>,
    writer: IndexWriter,
    db: Db,
    /// The last outbox row that is in the index.
    cursor: i64,
}

impl Follower {
    async fn run(mut self, changed: Arc<Notify>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = changed.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                () = stop.cancelled() => return,
            }
            self = match self.catch_up().await {
                Ok(follower) => follower,
                Err(error) => {
                    error!(%error, "the search index stops following changes until the next start");
                    return;
                }
            };
            tokio::select! {
                () = tokio::time::sleep(BREATH) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Takes every change that is waiting; those that come meanwhile wait for the next turn.
    async fn catch_up(mut self) -> Result<Self, SearchError> {
        loop {
            let changes = match outbox::list(&self.db, self.cursor, BATCH).await {
                Ok(changes) => changes,
                Err(error) => {
                    error!(%error, "the search index could not read what changed");
                    return Ok(self);
                }
            };
            let Some((cursor, _)) = changes.last().copied() else {
                return Ok(self);
            };
            let is_last = changes.len() < BATCH as usize;
            let ids: BTreeSet<Id> = changes.into_iter().map(|(_, id)| id).collect();
            let ids: Vec<Id> = ids.into_iter().collect();
            let found = repositories::find_many(&self.db, &ids).await?;
            self.cursor = cursor;
            self = self.put(ids, found).await?;
            if is_last {
                return Ok(self);
            }
        }
    }

    /// Indexes every repository there is.
    async fn rebuild(mut self, newest: i64) -> Result<Self, SearchError> {
        let (mut after, mut count) = (String::new(), 0);
        self.cursor = newest;
        loop {
            let found = repositories::list_after(&self.db, &after, BATCH).await?;
            let ids: Vec<Id> = found.iter().map(|repository| repository.id).collect();
            let Some(last) = ids.last() else { break };
            (after, count) = (last.to_string(), count + ids.len());
            self = self.put(ids, found).await?;
        }
        self = self.put(Vec::new(), Vec::new()).await?;
        info!(repositories = count, "built the search index");
        Ok(self)
    }

    /// Writes a batch and commits it, off the async threads.
    async fn put(mut self, ids: Vec<Id>, found: Vec<Repository>) -> Result<Self, SearchError> {
        spawn_blocking(move || {
            for id in ids {
                let repository = found.iter().find(|repository| repository.id == id);
                self.index.put(&self.writer, id, repository)?;
            }
            self.index.commit(&mut self.writer, self.cursor)?;
            Ok(self)
        })
        .await
        .unwrap_or(Err(SearchError::Stopped))
    }
}
