//! The whole of it, opened and closed together.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use tokio::sync::Notify;

use crate::accounts::{Access, AccountError, Accounts};
use crate::clock::Clock;
use crate::db::{Db, DbError};
use crate::images::archive::Archives;
use crate::images::{
    Blobs, Collector, History, Manifests, Pulls, Repositories, Stars, Tags, Uploads, Verifier,
};
use crate::search::Search;
use crate::store::{BlobStore, FsStore, StoreError};

/// Where a hub keeps its data, and which clock it goes by.
#[derive(Debug, Clone)]
pub struct HubOptions {
    /// Folder of the database (`dockyard.db`), the blobs (`blobs/`) and the search index (`search/`).
    pub data_dir: PathBuf,
    pub clock: Clock,
}

/// Every service. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    pub accounts: Accounts,
    pub access: Access,
    pub repositories: Repositories,
    pub uploads: Uploads,
    pub blobs: Blobs,
    pub manifests: Manifests,
    pub tags: Tags,
    pub history: History,
    pub stars: Stars,
    pub pulls: Pulls,
    pub archives: Archives,
    pub search: Search,
    pub collector: Collector,
    db: Db,
    store: Arc<dyn BlobStore>,
    lock: Arc<Mutex<Option<File>>>,
}

impl Hub {
    /// Opens the data folder, makes it when missing, and starts what runs in the background.
    pub async fn open(options: HubOptions) -> Result<Self, OpenError> {
        let HubOptions { data_dir, clock } = options;
        std::fs::create_dir_all(&data_dir)
            .map_err(|error| OpenError::Folder(data_dir.clone(), error))?;
        let lock = lock(&data_dir)?;
        let store = open_store(&data_dir)?;
        let file = data_dir.join("dockyard.db");
        if !file.exists() && store.list().next().await.is_some() {
            return Err(OpenError::NoDatabase(data_dir));
        }
        let db = Db::open(&file).await?;
        let changed = Arc::new(Notify::new());
        let search = Search::open(data_dir.join("search"), db.clone(), changed.clone());
        let uploads = Uploads::new(db.clone(), store.clone(), clock.clone());
        let blobs = Blobs::new(db.clone(), store.clone(), clock.clone());
        let accounts = Accounts::open(db.clone(), clock.clone()).await?;
        let collector = Collector::new(
            db.clone(),
            store.clone(),
            uploads.clone(),
            accounts.tokens.clone(),
            clock.clone(),
        );
        let pulls = Pulls::open(db.clone(), clock.clone());
        let manifests = Manifests::new(
            db.clone(),
            clock.clone(),
            changed.clone(),
            blobs.clone(),
            pulls.clone(),
        );
        Ok(Self {
            accounts,
            access: Access::new(db.clone(), clock.clone()),
            repositories: Repositories::new(db.clone(), clock.clone(), changed.clone()),
            history: History::new(db.clone(), clock.clone(), changed.clone()),
            stars: Stars::new(db.clone(), clock.clone()),
            pulls,
            tags: Tags::new(db.clone(), clock, changed),
            archives: Archives::new(
                db.clone(),
                uploads.clone(),
                blobs.clone(),
                manifests.clone(),
            ),
            uploads,
            blobs,
            manifests,
            search,
            collector,
            db,
            store,
            lock: Arc::new(Mutex::new(Some(lock))),
        })
    }

    /// Fails with the reason when requests can't be served.
    pub async fn ready(&self) -> Result<(), NotReady> {
        self.db.ping().await?;
        Ok(self.store.ping().await?)
    }

    /// Stops what runs in the background and closes the database. What was acknowledged is durable
    /// already.
    pub async fn close(&self) {
        self.search.close().await;
        self.pulls.close().await;
        self.db.close().await;
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// What looks after the data without serving it: may be opened beside a hub on the same folder, by
/// another process too.
pub struct Caretaker {
    pub collector: Collector,
    pub verifier: Verifier,
    db: Db,
}

impl Caretaker {
    /// Opens a data folder that is there already.
    ///
    /// Errors: `NoData` when it is not.
    pub async fn open(options: HubOptions) -> Result<Self, OpenError> {
        let HubOptions { data_dir, clock } = options;
        if !data_dir.join("dockyard.db").is_file() {
            return Err(OpenError::NoData(data_dir));
        }
        let store = open_store(&data_dir)?;
        let db = Db::open(&data_dir.join("dockyard.db")).await?;
        let uploads = Uploads::new(db.clone(), store.clone(), clock.clone());
        let tokens = Accounts::open(db.clone(), clock.clone()).await?.tokens;
        Ok(Self {
            collector: Collector::new(db.clone(), store.clone(), uploads, tokens, clock.clone()),
            verifier: Verifier::new(db.clone(), store, clock),
            db,
        })
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

fn open_store(data_dir: &Path) -> Result<Arc<dyn BlobStore>, OpenError> {
    let folder = data_dir.join("blobs");
    match FsStore::open(&folder) {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(OpenError::Folder(folder, error)),
    }
}

/// Makes sure that no other process works on the folder: the search index has one writer, and uploads
/// are claimed within a process. The system lets go of the lock when the process ends, however it does.
fn lock(data_dir: &Path) -> Result<File, OpenError> {
    let failed = |error| OpenError::Folder(data_dir.to_owned(), error);
    let file = File::create(data_dir.join("lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(data_dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Why a hub could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("another dockyard is running on the folder {0}: stop it, or choose another --data-dir")]
    InUse(PathBuf),
    #[error("there is no Dockyard data in {0}: name its folder with --data-dir")]
    NoData(PathBuf),
    #[error(
        "{0} has blobs but no dockyard.db: a new one would make them garbage. Put the database back, or \
         move the folder's blobs/ away to start anew"
    )]
    NoDatabase(PathBuf),
    #[error("the folder {0} can't be used: {1}")]
    Folder(PathBuf, #[source] std::io::Error),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Accounts(#[from] AccountError),
}

/// What is missing for requests to be served.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Store(#[from] StoreError),
}
