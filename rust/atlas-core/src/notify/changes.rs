//! A queue of changes that its owner empties: by asking, by waiting, or from an event loop.

use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};

use crate::error::{Result, TaskFailure};
use crate::sys::Descriptor;

use super::change::{Change, Happening};
use super::hub::End;
use super::watcher::{Shared, ended};

/// Every image that was there, then every change. Dropping it unsubscribes.
pub struct Changes {
    shared: Arc<Shared>,
    id: u64,
    bell: Arc<Descriptor>,
}

/// What is next in a queue.
#[derive(Debug)]
pub enum Next {
    /// A change.
    Change(Change),
    /// Nothing came in time.
    Nothing,
    /// Nothing will come: the watcher was closed, or the target has exited.
    Ended(End<TaskFailure>),
}

impl Changes {
    pub(super) const fn new(shared: Arc<Shared>, id: u64, bell: Arc<Descriptor>) -> Self {
        Self { shared, id, bell }
    }

    /// The number of the subscription.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// The next change: waits for it as long as `timeout` says, without end for `None`. What was queued before the
    /// watcher ended still comes.
    ///
    /// # Errors
    /// Watching failed; or this is a forked child.
    pub fn next(&self, timeout: Option<Duration>) -> Result<Next> {
        self.shared.check()?;
        // A time that no clock reaches is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        match self.shared.hub.next(self.id, deadline) {
            Ok(Some(Happening::Change(change))) => Ok(Next::Change(change)),
            // Events are not for queues of changes.
            Ok(Some(Happening::Event) | None) => Ok(Next::Nothing),
            Err(end @ End::Failed(_)) => Err(ended(end)),
            Err(end) => Ok(Next::Ended(end)),
        }
    }
}

#[cfg(unix)]
impl AsFd for Changes {
    /// Readable exactly while [`Changes::next`] would not wait. It must not be read from.
    fn as_fd(&self) -> BorrowedFd<'_> {
        (*self.bell).as_fd()
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        if self.shared.is_here() {
            self.shared.unregister(self.id);
        }
    }
}
