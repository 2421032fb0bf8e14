//! Where a watcher's snapshots come from.

use std::sync::Arc;

use crate::error::Result;
use crate::model::{Options, Snapshot};
use crate::task::{self, Publication, TaskMemory};

/// What takes snapshots of one target. It runs on the thread that replies, while the target waits: it must be done
/// soon, and wait for nobody.
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

/// Reads what dyld publishes in the memory of a task. The record of the shared cache is taken from the snapshot before,
/// else from beside the cache on this machine: nobody else is asked.
pub struct TaskSource {
    task: Arc<dyn TaskMemory>,
    options: Options,
    /// The last snapshot, and what the task announced of it.
    last: Option<(Arc<Snapshot>, Publication)>,
}

impl TaskSource {
    /// Snapshots of `task`, opened as `options` say.
    #[must_use]
    pub fn new(task: Arc<dyn TaskMemory>, options: Options) -> Self {
        Self { task, options, last: None }
    }
}

impl SnapshotSource for TaskSource {
    fn take(&mut self, current: Option<&Arc<Snapshot>>) -> Result<Arc<Snapshot>> {
        let is_current = |last: &&(Arc<Snapshot>, _)| current.is_some_and(|current| Arc::ptr_eq(current, &last.0));
        let known = self.last.as_ref().filter(is_current).map(|last| last.1);
        let taken = task::take(&*self.task, known, self.options)?;
        match (taken.opening, current) {
            (None, Some(current)) => Ok(Arc::clone(current)),
            (None, None) => Err(crate::Error::watcher("the task says that nothing changed since no snapshot at all")),
            (Some(mut opening), current) => {
                if let Some(current) = current {
                    opening.offer_cache_of(current);
                }
                opening.offer_installed();
                let snapshot = Arc::new(opening.finish()?);
                self.last = Some((Arc::clone(&snapshot), taken.publication));
                Ok(snapshot)
            }
        }
    }
}
