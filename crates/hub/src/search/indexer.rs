//! Tails the outbox into the index.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tantivy::IndexWriter;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::index::SearchIndex;
use super::queue::Queue;
use super::{Opened, SearchError};
use crate::Id;
use crate::clock::Clock;
use crate::db::Db;
use crate::db::tables::{outbox, repositories};
use crate::images::Repository;

/// Changes read at once.
const BATCH: u32 = 500;
/// Repositories indexed at once: their READMEs are in memory together.
const AT_ONCE: u32 = 64;
/// How often to look for changes that other nodes wrote.
const POLL: Duration = Duration::from_secs(1);
/// Pause after a batch: a busy registry commits twice a second and not for each push, since a commit
/// costs several syncs of the disk; still a change can be found within a second.
const BREATH: Duration = Duration::from_millis(500);

/// Pause after a failure, before the index is opened again: longer than a hiccup of the database, and
/// not so long that anybody restarts the server for it.
const RETRY: Duration = Duration::from_secs(5);

/// How long a missing row of the outbox is waited for: longer than a transaction may last.
const SETTLED: Duration = Duration::from_mins(2);

/// How long the writer stays after the last change: longer than the pauses between the pushes of a busy hour.
const WRITER_IDLE: Duration = Duration::from_mins(1);

/// What an indexer works with.
pub(super) struct Indexer {
    pub folder: PathBuf,
    pub db: Db,
    /// The clock that the times of changes come from.
    pub clock: Clock,
    /// Wakes it when something changed.
    pub changed: Arc<Notify>,
    pub stop: CancellationToken,
    pub opened: watch::Sender<Opened>,
}

impl Indexer {
    /// Opens the index, hands it out, builds it where needed, and keeps it up to date until told to
    /// stop; after a failure it begins anew.
    pub(super) async fn run(self) {
        while let Err(error) = self.follow().await {
            error!(%error, "the search index does not follow changes; it is opened again in a moment");
            self.opened.send_if_modified(Opened::give_up);
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = self.stop.cancelled() => return,
            }
        }
    }

    /// Is the number of the newest change before which none can come any more.
    async fn settled(&self) -> Result<i64, SearchError> {
        if !self.db.is_shared() {
            return Ok(outbox::newest(&self.db).await?);
        }
        let settled_ms = i64::try_from(SETTLED.as_millis()).unwrap_or_default();
        let until_ms = self.clock.now_ms() - settled_ms;
        Ok(outbox::newest_until(&self.db, until_ms).await?)
    }

    async fn follow(&self) -> Result<(), SearchError> {
        let db = &self.db;
        let (oldest, newest) = (outbox::oldest(db).await?, outbox::newest(db).await?);
        let folder = self.folder.clone();
        let index = spawn_blocking(move || open_usable(&folder, oldest, newest))
            .await
            .unwrap_or(Err(SearchError::Stopped))?;
        let index = Arc::new(index);
        self.opened.send_replace(Opened::Index(Arc::clone(&index)));
        let cursor = index.cursor();
        let follower = Follower {
            index,
            writer: None,
            wrote: Instant::now(),
            db: db.clone(),
            cursor: cursor.unwrap_or_default(),
            seen: BTreeSet::new(),
            queue: Queue::default(),
            waiting: None,
        };
        let follower = match cursor {
            Some(_) => follower,
            None => follower.rebuild(self.settled().await?, &self.stop).await?,
        };
        follower.run(&self.changed, &self.stop).await
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
    /// There while something is written: it has threads and memory of its own.
    writer: Option<IndexWriter>,
    wrote: Instant,
    db: Db,
    /// The last outbox row up to which all were read, and none can come any more.
    cursor: i64,
    /// Those after it that were read.
    seen: BTreeSet<i64>,
    queue: Queue,
    /// Since when the row after the cursor is waited for.
    waiting: Option<(i64, Instant)>,
}

impl Follower {
    async fn run(mut self, changed: &Notify, stop: &CancellationToken) -> Result<(), SearchError> {
        while !stop.is_cancelled() {
            tokio::select! {
                () = changed.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                () = stop.cancelled() => break,
            }
            self = self.catch_up(stop).await?;
            if self.writer.is_some() && self.wrote.elapsed() > WRITER_IDLE {
                let writer = self.writer.take();
                // Waits for its threads.
                let _ = spawn_blocking(move || drop(writer)).await;
            }
            tokio::select! {
                () = tokio::time::sleep(BREATH) => {}
                () = stop.cancelled() => break,
            }
        }
        Ok(())
    }

    /// Takes every change that is due, also of those that come meanwhile.
    async fn catch_up(mut self, stop: &CancellationToken) -> Result<Self, SearchError> {
        while !stop.is_cancelled() {
            self.read_changes().await?;
            let ids = self.queue.take(AT_ONCE as usize, Instant::now());
            if ids.is_empty() {
                break;
            }
            let found = repositories::find_many(&self.db, &ids).await?;
            // The cursor stays before changes that wait, so that a restart reads them again.
            let first = self.queue.first().map_or(i64::MAX, |first| first - 1);
            let cursor = self.cursor.min(first);
            self = self.put(ids, found, Some(cursor)).await?;
        }
        Ok(self)
    }

    /// Lets what changed wait to be indexed.
    async fn read_changes(&mut self) -> Result<(), SearchError> {
        let mut after = self.cursor;
        loop {
            let changes = outbox::list(&self.db, after, BATCH).await?;
            let Some((last, _)) = changes.last().copied() else {
                return Ok(());
            };
            after = last;
            let is_last = changes.len() < BATCH as usize;
            for (sequence, id) in changes {
                if self.seen.insert(sequence) {
                    self.queue.add(id, sequence);
                }
            }
            self.settle();
            if is_last {
                return Ok(());
            }
        }
    }

    /// Moves the cursor on as far as no row can be missing.
    ///
    /// Where several processes write, a row may be committed after one with a higher number, and some numbers are
    /// never used: one that is missing is waited for as long as a transaction can last.
    fn settle(&mut self) {
        if !self.db.is_shared() {
            self.cursor = self.seen.pop_last().unwrap_or(self.cursor);
            self.seen.clear();
            return;
        }
        while let Some(first) = self.seen.first().copied() {
            if first > self.cursor + 1 {
                match self.waiting {
                    Some((at, since)) if at == self.cursor => {
                        if since.elapsed() < SETTLED {
                            return;
                        }
                    }
                    _ => {
                        self.waiting = Some((self.cursor, Instant::now()));
                        return;
                    }
                }
            }
            self.seen.pop_first();
            self.cursor = first;
        }
    }

    /// Indexes every repository there is. Told to stop, it leaves the index unfinished, to be built
    /// anew at the next start.
    async fn rebuild(mut self, newest: i64, stop: &CancellationToken) -> Result<Self, SearchError> {
        let (mut after, mut count) = (String::new(), 0);
        while !stop.is_cancelled() {
            let found = repositories::list_after(&self.db, &after, AT_ONCE).await?;
            let ids: Vec<Id> = found.iter().map(|repository| repository.id).collect();
            let Some(last) = ids.last() else {
                self.cursor = newest;
                if count == 0 {
                    // Nothing is what is in the index; a writer would take megabytes to say so.
                    return Ok(self);
                }
                info!(repositories = count, "built the search index");
                return self.put(Vec::new(), Vec::new(), Some(newest)).await;
            };
            (after, count) = (last.to_string(), count + ids.len());
            self = self.put(ids, found, None).await?;
        }
        Ok(self)
    }

    /// Writes a batch and commits it, off the async threads.
    async fn put(
        mut self,
        ids: Vec<Id>,
        found: Vec<Repository>,
        cursor: Option<i64>,
    ) -> Result<Self, SearchError> {
        spawn_blocking(move || {
            let mut writer = match self.writer.take() {
                Some(writer) => writer,
                None => self.index.writer()?,
            };
            for id in ids {
                let repository = found.iter().find(|repository| repository.id == id);
                self.index.put(&writer, id, repository)?;
            }
            self.index.commit(&mut writer, cursor)?;
            (self.writer, self.wrote) = (Some(writer), Instant::now());
            Ok(self)
        })
        .await
        .unwrap_or(Err(SearchError::Stopped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::DatabaseUrl;
    use crate::db::values;

    /// An empty index beside a database with one repository.
    async fn follower(folder: &Path) -> Follower {
        let db = Db::open(&DatabaseUrl::Sqlite(folder.join("dockyard.db")))
            .await
            .unwrap();
        let user = "INSERT INTO users (id, name, password_hash, is_admin, created_ms)
            VALUES ('01900000-0000-7000-8000-000000000000', 'alice', '', 0, 0)";
        db.execute(user, values![]).await.unwrap();
        let repository = "INSERT INTO repositories
                (id, name, owner_id, visibility, description, readme, created_ms)
            SELECT id, 'alice/app', id, 'public', '', '', 0 FROM users";
        db.execute(repository, values![]).await.unwrap();
        let index = SearchIndex::open(&folder.join("search")).unwrap();
        Follower {
            writer: None,
            wrote: Instant::now(),
            index: Arc::new(index),
            db,
            cursor: 0,
            seen: BTreeSet::new(),
            queue: Queue::default(),
            waiting: None,
        }
    }

    #[tokio::test]
    async fn an_index_counts_as_built_only_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let follower = follower(folder.path()).await;
        let found = repositories::list_after(&follower.db, "", BATCH).await;
        let found = found.unwrap();
        let follower = follower.put(vec![found[0].id], found, None).await.unwrap();
        assert_eq!(follower.index.cursor(), None);

        let stop = CancellationToken::new();
        let follower = follower.rebuild(7, &stop).await.unwrap();
        assert_eq!((follower.cursor, follower.index.cursor()), (7, Some(7)));
    }

    #[tokio::test]
    async fn an_index_of_nothing_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let follower = follower(folder.path()).await;
        let none = "DELETE FROM repositories";
        follower.db.execute(none, values![]).await.unwrap();
        let stop = CancellationToken::new();
        let follower = follower.rebuild(7, &stop).await.unwrap();
        assert!(follower.writer.is_none());
        assert_eq!((follower.cursor, follower.index.cursor()), (7, None));
    }

    #[tokio::test]
    async fn building_stops_when_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        stop.cancel();
        let follower = follower(folder.path()).await.rebuild(7, &stop).await;
        assert_eq!(follower.unwrap().index.cursor(), None);
    }
}
