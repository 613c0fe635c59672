//! The whole of it, opened and closed together.

use std::fs::{File, TryLockError};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::accounts::{Access, AccountError, Accounts, PasswordCost, SignUpLimits};
use crate::backup::{self, BackupError, Progress, Told};
use crate::clock::Clock;
use crate::db::tables::{outbox, uploads};
use crate::db::{DatabaseUrl, Db, DbError};
use crate::images::archive::Archives;
use crate::images::{
    Blobs, Collector, History, Manifests, Pulls, Repositories, Stars, Tags, UploadLimits, Uploads,
    Verifier,
};
use crate::private::{self, claim_folder};
use crate::search::Search;
use crate::store::{BlobStore, FsStore, S3Options, StoreError};

/// How often a backup looks, a second apart, whether the collector is done: a node that died in a pass is over by then.
const BUSY_TRIES: u32 = 320;
/// How long database and store may take to say that they are there.
const PATIENCE: Duration = Duration::from_secs(4);

/// Names of the services that a hub depends on, for error messages.
const DATABASE: &str = "database";
const STORE: &str = "store of the blobs";

/// Where a hub keeps its data, and which clock it goes by.
#[derive(Debug, Clone)]
pub struct HubOptions {
    /// Folder of this process alone: the search index (`search/`), and unless they are elsewhere the database
    /// (`dockyard.db`) and the blobs (`blobs/`).
    pub data_dir: PathBuf,
    /// `None` for a file in the data folder.
    pub database: Option<DatabaseUrl>,
    /// `None` for a folder in the data folder.
    pub bucket: Option<S3Options>,
    pub clock: Clock,
    pub sign_ups: SignUpLimits,
    pub passwords: PasswordCost,
    pub uploads: UploadLimits,
}

impl HubOptions {
    /// Keeps everything in one folder.
    pub fn embedded(data_dir: PathBuf, clock: Clock) -> Self {
        Self {
            data_dir,
            database: None,
            bucket: None,
            clock,
            sign_ups: SignUpLimits::default(),
            passwords: PasswordCost::default(),
            uploads: UploadLimits::default(),
        }
    }

    pub(crate) fn database(&self) -> DatabaseUrl {
        let embedded = || DatabaseUrl::Sqlite(self.data_dir.join("dockyard.db"));
        self.database.clone().unwrap_or_else(embedded)
    }

    pub(crate) async fn open_store(&self) -> Result<Arc<dyn BlobStore>, OpenError> {
        if let Some(bucket) = &self.bucket {
            return Box::pin(open_bucket(bucket)).await;
        }
        let folder = self.data_dir.join("blobs");
        match FsStore::open(&folder) {
            Ok(store) => Ok(Arc::new(store)),
            Err(error) => Err(OpenError::Folder(folder, error)),
        }
    }
}

#[cfg(feature = "s3")]
async fn open_bucket(options: &S3Options) -> Result<Arc<dyn BlobStore>, OpenError> {
    let store = crate::store::S3Store::open(options.clone()).await;
    let store = store.map_err(OpenError::Store)?;
    store.ping().await.map_err(OpenError::Store)?;
    Ok(Arc::new(store))
}

#[cfg(not(feature = "s3"))]
async fn open_bucket(_options: &S3Options) -> Result<Arc<dyn BlobStore>, OpenError> {
    Err(OpenError::NoBuckets)
}

/// Every service, behind one pointer: each request has its own. Cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<Services>);

/// What a hub does.
pub struct Services {
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
    lock: Mutex<Option<File>>,
}

impl Deref for Hub {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

impl Hub {
    /// Opens the data folder, makes it when missing, and starts what runs in the background.
    pub async fn open(options: HubOptions) -> Result<Self, OpenError> {
        claim_folder(&options.data_dir)
            .map_err(|error| OpenError::Folder(options.data_dir.clone(), error))?;
        let lock = lock(&options.data_dir)?;
        let store = options.open_store().await?;
        let database = options.database();
        let is_new = database.file().is_some_and(|file| !file.exists());
        if is_new && store.list().next().await.is_some() {
            return Err(OpenError::NoDatabase(options.data_dir));
        }
        let db = Db::open(&database).await?;
        let HubOptions {
            data_dir,
            clock,
            sign_ups,
            passwords,
            uploads,
            ..
        } = options;
        let clock = db.clock(clock).await?;
        // Changes are settled by the real time, whatever a test makes of it.
        let wall = if clock.is_set() {
            db.clock(Clock::system()).await?
        } else {
            clock.clone()
        };
        let changed = Arc::new(Notify::new());
        let search = Search::open(data_dir.join("search"), db.clone(), wall, changed.clone());
        let uploads = Uploads::new(db.clone(), store.clone(), clock.clone(), uploads);
        let blobs = Blobs::new(db.clone(), store.clone(), clock.clone());
        let accounts = Accounts::open(db.clone(), clock.clone(), sign_ups, passwords).await?;
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
        Ok(Self(Arc::new(Services {
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
            lock: Mutex::new(Some(lock)),
        })))
    }

    /// Fails with the reason when requests can't be served. Takes four seconds at most.
    pub async fn ready(&self) -> Result<(), NotReady> {
        let database = async { self.db.ping().await.map_err(NotReady::Database) };
        let store = async { self.store.ping().await.map_err(NotReady::Store) };
        let in_time = |what| move |_| Err(NotReady::Silent(what));
        let (database, store) = tokio::join!(timeout(PATIENCE, database), timeout(PATIENCE, store));
        database.unwrap_or_else(in_time(DATABASE))?;
        store.unwrap_or_else(in_time(STORE))
    }

    /// Tells how the hub is, for whoever watches it; `None` when the database does not say within four seconds.
    /// Costs two counts over an index.
    pub async fn vitals(&self) -> Option<Vitals> {
        timeout(PATIENCE, self.look()).await.ok()?.ok()
    }

    async fn look(&self) -> Result<Vitals, DbError> {
        let (connections, idle_connections) = self.db.connections();
        let cursor = self.search.cursor();
        Ok(Vitals {
            open_uploads: uploads::count(&self.db).await?,
            connections,
            idle_connections,
            changes_waiting: match cursor {
                Some(cursor) => outbox::count_after(&self.db, cursor).await?,
                None => 0,
            },
        })
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

/// How a hub is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vitals {
    pub open_uploads: u64,
    /// To the database.
    pub connections: u64,
    pub idle_connections: u64,
    /// Changes that the search index has yet to take; 0 while there is none.
    pub changes_waiting: u64,
}

/// What looks after the data without serving it: may be opened beside a hub on the same folder, by
/// another process too.
pub struct Caretaker {
    pub collector: Collector,
    pub verifier: Verifier,
    accounts: Accounts,
    options: HubOptions,
    store: Arc<dyn BlobStore>,
    db: Db,
}

impl Caretaker {
    /// Opens a data folder that is there already.
    ///
    /// Errors: `NoData` when it is not.
    pub async fn open(options: HubOptions) -> Result<Self, OpenError> {
        let database = options.database();
        if database.file().is_some_and(|file| !file.is_file()) {
            return Err(OpenError::NoData(options.data_dir));
        }
        let store = options.open_store().await?;
        let db = Db::open(&database).await?;
        let clock = db.clock(options.clock.clone()).await?;
        let uploads = Uploads::new(db.clone(), store.clone(), clock.clone(), options.uploads);
        let (sign_ups, passwords) = (options.sign_ups, options.passwords);
        let accounts = Accounts::open(db.clone(), clock.clone(), sign_ups, passwords).await?;
        let tokens = accounts.tokens.clone();
        Ok(Self {
            collector: Collector::new(db.clone(), store.clone(), uploads, tokens, clock.clone()),
            verifier: Verifier::new(db.clone(), store.clone(), clock),
            accounts,
            options,
            store,
            db,
        })
    }

    /// Makes new keys, so that whoever saw the old ones can do nothing with them.
    pub async fn rotate_keys(&self) -> Result<(), DbError> {
        self.accounts.rotate_keys().await
    }

    /// Makes a backup of the embedded database and all blobs in a folder, while the server goes on; what is there
    /// from a backup before is not copied again.
    ///
    /// Errors: `Server` for a database that is not embedded, `SameFolder`, `Busy`.
    pub async fn back_up(
        &self,
        to: &Path,
        tell: &mut (dyn FnMut(Told<'_>) + Send),
    ) -> Result<Progress, BackupError> {
        let database = self.options.database();
        if database.file().is_none() {
            return Err(BackupError::Server(database));
        }
        let is_own = to.join("lock").exists() || to == self.options.data_dir;
        if is_own {
            return Err(BackupError::SameFolder(to.to_owned()));
        }
        let now_ms = self.options.clock.now_ms();
        let mut tries = BUSY_TRIES;
        loop {
            let work = backup::back_up(&self.db, &*self.store, to, now_ms, &mut *tell);
            match self.collector.keep_off(work).await? {
                Some(done) => return done,
                None if tries > 0 => tries -= 1,
                None => return Err(BackupError::Busy),
            }
            tell(Told::Waiting);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

/// Makes sure that no other process works on the folder: the search index has one writer, and uploads
/// are claimed within a process. The system lets go of the lock when the process ends, however it does.
pub(crate) fn lock(data_dir: &Path) -> Result<File, OpenError> {
    let failed = |error| OpenError::Folder(data_dir.to_owned(), error);
    let file = private::file_options()
        .create(true)
        .open(data_dir.join("lock"))
        .map_err(failed)?;
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
    Folder(PathBuf, std::io::Error),
    #[error("can't use the store of the blobs: {0}. Look at --bucket and the settings beside it")]
    Store(StoreError),
    #[cfg(not(feature = "s3"))]
    #[error(
        "this build has no S3 client, so that it compiles sooner: use the program that `make build` makes, or no --bucket"
    )]
    NoBuckets,
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
    #[error("the {0} did not answer in {PATIENCE:?}")]
    Silent(&'static str),
}

impl NotReady {
    /// Names what is missing, without the cause, which is for the log.
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Database(_) => DATABASE,
            Self::Store(_) => STORE,
            Self::Silent(what) => what,
        }
    }
}
