//! Where a watcher's snapshots come from.

use std::sync::Arc;

use crate::error::Result;
use crate::model::{Options, Snapshot};
use crate::task::{self, TaskMemory};

/// What takes snapshots of one target. It runs on the thread that replies, while the target waits: it must be done soon, and
/// wait for nobody.
pub trait SnapshotSource: Send {
    /// The target as it is now; `current` where nothing changed since.
    ///
    /// # Errors
    /// What is wrong. [`crate::ErrorKind::TaskGone`] ends the watcher, anything else is tried again.
    fn take(&mut self, current: Option<&Arc<Snapshot>>) -> Result<Arc<Snapshot>>;
}

impl<F: FnMut(Option<&Arc<Snapshot>>) -> Result<Arc<Snapshot>> + Send> SnapshotSource for F {
    fn take(&mut self, current: Option<&Arc<Snapshot>>) -> Result<Arc<Snapshot>> {
        self(current)
    }
}

/// Reads what dyld publishes in the memory of a task. The record of the shared cache is taken from the snapshot before, else
/// from beside the cache on this machine: nobody else is asked.
pub struct TaskSource {
    /// The task.
    pub task: Arc<dyn TaskMemory>,
    /// How snapshots are opened.
    pub options: Options,
}

impl SnapshotSource for TaskSource {
    fn take(&mut self, current: Option<&Arc<Snapshot>>) -> Result<Arc<Snapshot>> {
        let opening = task::snapshot(&*self.task, current.map(|current| &**current), self.options)?;
        match (opening, current) {
            (None, Some(current)) => Ok(Arc::clone(current)),
            (None, None) => Err(crate::Error::watcher("the task says that nothing changed since no snapshot at all")),
            (Some(mut opening), current) => {
                if let Some(current) = current {
                    opening.offer_cache_of(current);
                }
                opening.offer_installed();
                Ok(Arc::new(opening.finish()?))
            }
        }
    }
}
