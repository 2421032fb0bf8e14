//! The calls that are to be made for the handlers of a watcher. Who makes them is another's affair: nothing foreign
//! runs here.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::change::Happening;
use super::watcher::Shared;

/// A call that is to be made.
#[derive(Debug)]
pub struct Due {
    /// The number of the handler.
    pub number: u64,
    /// What it is to hear.
    pub happening: Happening,
}

/// The calls of one watcher, one after the other. It does not keep the watcher alive.
pub struct Calls {
    shared: Arc<Shared>,
    /// Whether one was taken that is not yet made.
    out: bool,
}

impl Calls {
    /// Those of a watcher; `None` while somebody has them.
    pub(super) fn of(shared: &Arc<Shared>) -> Option<Self> {
        let free = !shared.calls_taken.swap(true, Ordering::AcqRel);
        free.then(|| Self { shared: Arc::clone(shared), out: false })
    }

    /// The next call. The one before counts as made, and until it does the target may wait for it. Waits for one as
    /// long as it takes; `None` when none will come: the watcher was closed or dropped, or has ended, or this is a
    /// forked child.
    #[expect(clippy::should_implement_trait, reason = "an iterator would go on before the call was made")]
    pub fn next(&mut self) -> Option<Due> {
        self.made();
        if !self.shared.is_here() {
            return None;
        }
        let call = self.shared.hub.call()?;
        self.out = true;
        drop(call.spent);
        Some(Due { number: call.id, happening: call.item })
    }

    fn made(&mut self) {
        // In a forked child somebody may hold the lock who is not there.
        if std::mem::take(&mut self.out) && self.shared.is_here() {
            self.shared.hub.called();
        }
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.made();
        self.shared.calls_taken.store(false, Ordering::Release);
    }
}
