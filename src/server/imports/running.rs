//! The tarballs that are coming in, in this process.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use dockyard_hub::accounts::{Caller, Grant, Push};
use dockyard_hub::admission::Places;
use dockyard_hub::images::archive::{IMPORTS_OF_ONE, ImportOptions};
use dockyard_hub::{Hub, Id};
use dockyard_oci::RepositoryName;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::error;

use crate::server::archive;
use crate::server::error::ApiError;

/// How long an import waits for its next piece, and how long what became of it can be asked for.
const IDLE: Duration = Duration::from_mins(15);
/// Imports of all users at a time.
const AT_ONCE: usize = 1024;
/// What became of imports that can still be asked for, of one user.
const REMEMBERED_OF_ONE: usize = 256;
/// Chunks that may wait between a request and the import.
const QUEUE: usize = 4;

/// What became of a tarball: the answer to its sender.
pub type Outcome = Result<Value, ApiError>;

/// All imports of this process. Cheap to clone.
#[derive(Clone)]
pub struct Imports {
    by_id: Arc<Mutex<HashMap<Id, Arc<Import>>>>,
    /// Held by the tasks that import: one that was cancelled counts until it has stopped.
    places: Places<Id>,
}

impl Default for Imports {
    fn default() -> Self {
        Self {
            by_id: Arc::default(),
            places: Places::new(AT_ONCE, IMPORTS_OF_ONE),
        }
    }
}

/// A tarball that is coming in.
pub struct Import {
    pub id: Id,
    pub repository: RepositoryName,
    pub options: ImportOptions,
    /// Length of the whole tarball, where it was announced.
    pub size_bytes: Option<u64>,
    user: Id,
    /// Whether everything came.
    is_whole: Arc<AtomicBool>,
    offset: AtomicU64,
    /// Where its bytes go; closed after the last. Held by the one request that sends.
    input: tokio::sync::Mutex<Option<mpsc::Sender<Bytes>>>,
    outcome: watch::Receiver<Option<Outcome>>,
    touched: Mutex<Instant>,
    /// Stops the import.
    task: AbortHandle,
}

impl Imports {
    /// Begins an import that runs while its bytes come.
    pub fn begin(
        &self,
        hub: &Hub,
        grant: Grant<Push>,
        (user, from): (Id, IpAddr),
        options: ImportOptions,
        size_bytes: Option<u64>,
    ) -> Result<Arc<Import>, ApiError> {
        let place = self.places.take(user).map_err(|_| too_many())?;
        let mut imports = self.lock();
        if imports
            .values()
            .filter(|import| import.user == user)
            .count()
            >= REMEMBERED_OF_ONE
        {
            return Err(too_many());
        }
        let (input, mut bytes) = mpsc::channel(QUEUE);
        let (told, outcome) = watch::channel(None);
        let (hub, repository) = (hub.clone(), grant.repository().clone());
        let of_task = options.clone();
        let is_whole = Arc::new(AtomicBool::new(false));
        // Given up before its end, it is cut off, even if only the padding of the tarball was still to come; said once.
        let (whole, mut is_cut) = (Arc::clone(&is_whole), false);
        let bytes = futures::stream::poll_fn(move |cx| {
            let next = ready!(bytes.poll_recv(cx));
            Poll::Ready(match next {
                None if !whole.load(Ordering::Acquire) && !std::mem::replace(&mut is_cut, true) => {
                    Some(Err(io::ErrorKind::ConnectionReset.into()))
                }
                next => next.map(Ok),
            })
        });
        let task = tokio::spawn(async move {
            let _place = place;
            let imported = hub.archives.import(&grant, from, bytes, &of_task).await;
            let outcome = imported.map_err(ApiError::from);
            if let Some(cause) = outcome.as_ref().err().and_then(ApiError::for_log) {
                error!(error = cause, "a tarball could not be stored");
            }
            let stored = outcome.map(|imported| archive::describe(grant.repository(), &imported));
            told.send_replace(Some(stored));
        });
        let import = Arc::new(Import {
            id: Id::new(),
            repository,
            options,
            size_bytes,
            user,
            is_whole,
            offset: AtomicU64::new(0),
            input: tokio::sync::Mutex::new(Some(input)),
            outcome,
            touched: Mutex::new(Instant::now()),
            task: task.abort_handle(),
        });
        imports.insert(import.id, Arc::clone(&import));
        drop(imports);
        tokio::spawn(self.clone().watch(Arc::downgrade(&import)));
        Ok(import)
    }

    /// Finds an import of the caller's own.
    pub fn find(&self, caller: &Caller, id: &str) -> Result<Arc<Import>, ApiError> {
        let found = id.parse().ok().and_then(|id| self.lock().get(&id).cloned());
        let user = caller.writer().map(|user| user.id);
        found
            .filter(|import| Some(import.user) == user)
            .ok_or_else(unknown)
    }

    /// Lets go of an import, and stops it.
    pub fn forget(&self, id: Id) {
        if let Some(import) = self.lock().remove(&id) {
            import.task.abort();
        }
    }

    /// Forgets an import once nothing happened to it for long.
    async fn watch(self, import: std::sync::Weak<Import>) {
        while let Some((id, end)) = import.upgrade().map(|import| (import.id, import.ends_at())) {
            if Instant::now() >= end {
                return self.forget(id);
            }
            tokio::time::sleep_until(end).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Arc<Import>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_many() -> ApiError {
    let message = format!(
        "{IMPORTS_OF_ONE} of your uploads are not finished: finish or cancel one of them, or wait a quarter of an hour"
    );
    let status = StatusCode::TOO_MANY_REQUESTS;
    ApiError::new(status, "TOO_MANY_IMPORTS", message)
}

fn unknown() -> ApiError {
    let message = "there is no such upload (any more): begin anew";
    ApiError::new(StatusCode::NOT_FOUND, "IMPORT_UNKNOWN", message)
}

impl Import {
    /// Is how many bytes were taken.
    pub fn offset(&self) -> u64 {
        self.offset.load(Ordering::Acquire)
    }

    /// Tells whether everything came.
    pub fn is_whole(&self) -> bool {
        self.is_whole.load(Ordering::Acquire)
    }

    /// Is what became of it, once that is known.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome.borrow().clone()
    }

    /// Makes the caller the one who sends. Errors: `IMPORT_BUSY`.
    pub fn receive(&self) -> Result<Receiving<'_>, ApiError> {
        self.touch();
        let input = self.input.try_lock().map_err(|_| {
            let message = "another request is sending this tarball: wait until it is done";
            ApiError::new(StatusCode::CONFLICT, "IMPORT_BUSY", message)
        })?;
        Ok(Receiving(input))
    }

    fn touch(&self) {
        *self.touched.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn ends_at(&self) -> Instant {
        *self.touched.lock().unwrap_or_else(PoisonError::into_inner) + IDLE
    }
}

/// The right to send the next bytes.
pub struct Receiving<'a>(tokio::sync::MutexGuard<'a, Option<mpsc::Sender<Bytes>>>);

impl Receiving<'_> {
    /// Hands bytes to the import and counts them; false when it takes no more, as it ended.
    pub async fn pass(&mut self, import: &Import, bytes: Bytes) -> bool {
        let length = bytes.len() as u64;
        import.touch();
        let Some(input) = self.0.as_ref() else {
            return false;
        };
        // Dropped while it waits, it sends nothing and counts nothing.
        let taken = input.send(bytes).await.is_ok();
        if taken {
            import.offset.fetch_add(length, Ordering::AcqRel);
        }
        taken
    }

    /// Tells the import that there is no more.
    pub fn end(&mut self, import: &Import) {
        import.is_whole.store(true, Ordering::Release);
        *self.0 = None;
    }

    /// Waits for what became of it if it takes no more; `None` while it waits for bytes.
    pub async fn outcome(&self, import: &Import) -> Option<Outcome> {
        let takes_more = self.0.as_ref().is_some_and(|input| !input.is_closed());
        if takes_more {
            return None;
        }
        let mut outcome = import.outcome.clone();
        let told = outcome.wait_for(Option::is_some).await;
        // Cancelled meanwhile, it ends without one.
        told.map_or_else(|_| Some(Err(unknown())), |outcome| outcome.clone())
    }
}
