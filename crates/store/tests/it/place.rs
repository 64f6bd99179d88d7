//! Where the records of a test are.

use std::any::Any;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ripcord_store::Records;
use ripcord_testkit::PostgresServer;

/// Empty records, which are gone with the place.
pub(crate) struct Place {
    pub(crate) setting: String,
    _kept: Box<dyn Any + Send + Sync>,
}

/// The server that tests share which do not stop it; it ends with the last of them.
static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("incidents.sqlite");
        Self {
            setting: format!("sqlite:{}", file.display()),
            _kept: Box::new(folder),
        }
    }

    pub(crate) fn postgres() -> Self {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let server = shared
            .upgrade()
            .unwrap_or_else(|| Arc::new(PostgresServer::start().unwrap()));
        *shared = Arc::downgrade(&server);
        drop(shared);
        let name = format!("test_{}", DATABASES.fetch_add(1, SeqCst));
        Self {
            setting: server.database(&name).unwrap(),
            _kept: Box::new(server),
        }
    }

    pub(crate) fn open(&self) -> Box<dyn Records> {
        ripcord_store::open(&self.setting).unwrap()
    }
}
