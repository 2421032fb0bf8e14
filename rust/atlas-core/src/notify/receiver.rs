//! The thread that owns the connection. While it has a message the target stands still, so it waits for nobody without
//! a bound.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result, TaskFailure};
use crate::model::Snapshot;

use super::change::News;
use super::hub::{Attempt, Hub, Task};
use super::machine::Input;
use super::message::{Header, INVALID_MESSAGE, Notice, ProcessEvent};
use super::source::SnapshotSource;
use super::sync::lock;
use super::transport::{Loss, Received, Transport};
use super::watcher::Watching;

/// What is wrong with the snapshot that could not be taken last, until one can.
#[derive(Debug, Default)]
pub struct Trouble(Mutex<Option<Arc<Error>>>);

impl Trouble {
    /// What is wrong.
    pub fn get(&self) -> Option<Arc<Error>> {
        lock(&self.0).clone()
    }

    fn set(&self, error: Option<Error>) {
        *lock(&self.0) = error.map(Arc::new);
    }
}

/// What the thread has.
pub struct Receiver {
    pub hub: Arc<Hub<Watching>>,
    pub transport: Box<dyn Transport>,
    pub source: Box<dyn SnapshotSource>,
    pub reply_within: Duration,
    /// The snapshot that everybody was told.
    pub current: Option<Arc<Snapshot>>,
    pub trouble: Arc<Trouble>,
    /// Whether the snapshot that a message spoke of could not be taken.
    pub stale: bool,
}

impl Receiver {
    /// Does what the hub says until it says stop.
    pub fn run(mut self) {
        loop {
            match self.hub.task() {
                Task::Connect => self.connect(),
                Task::Receive => self.receive(),
                Task::Release => self.transport.disconnect(),
                Task::Stop => return self.transport.disconnect(),
            }
        }
    }

    /// First the connection, then the snapshot: what changes in between is told by a message, and is either in the
    /// snapshot or newer than it.
    fn connect(&mut self) {
        let attempt = match self.transport.connect() {
            Err(rejection) => Attempt::Refused(rejection.failure, rejection.error),
            Ok(()) => match self.take() {
                Ok(snapshot) => {
                    self.stale = false;
                    self.current = Some(Arc::clone(&snapshot));
                    Attempt::Made(News::Initial(snapshot))
                }
                Err(error) => {
                    self.transport.disconnect();
                    Attempt::Unread(error)
                }
            },
        };
        if self.hub.attempted(attempt) {
            self.transport.disconnect();
        }
    }

    fn receive(&mut self) {
        match self.transport.receive() {
            Received::Woken => {}
            Received::Message { header, size } => self.answer(header, size),
            Received::Lost(loss) => self.lose(loss),
        }
    }

    /// Tells what the message says, gives those who were called their time, and lets the target go on.
    fn answer(&mut self, header: Header, size: usize) {
        let deadline = Instant::now().checked_add(self.reply_within);
        let Some(notice) = header.accept(size) else {
            // Nobody but dyld should know where to send. Going on would let whoever does tell this process what to
            // believe.
            let failure = TaskFailure { call: "notification", pid: None, status: INVALID_MESSAGE };
            return self.lose(Loss::Failed(failure));
        };
        // What could not be read at the last message may be readable now, whatever this one is about.
        if self.stale || notice == Notice::Event(ProcessEvent::ATLAS_CHANGED) {
            self.refresh();
        }
        if let Notice::Event(event) = notice {
            self.hub.publish(&News::Event(event), None);
        }
        self.hub.settle(deadline);
        if let Err(loss) = self.transport.reply(header.reply()) {
            return self.lose(loss);
        }
        if self.stale {
            // The target goes on, so that nothing is half done there for long.
            self.refresh();
        }
    }

    fn refresh(&mut self) {
        match self.take() {
            Ok(new) => {
                self.stale = false;
                self.trouble.set(None);
                self.tell(new);
            }
            Err(error) if matches!(error.kind(), ErrorKind::TaskGone(_)) => self.hub.feed(Input::Exited),
            Err(error) => {
                self.stale = true;
                self.trouble.set(Some(error));
            }
        }
    }

    /// Publishes what is new. A message may be about a change that the snapshot before had already.
    fn tell(&mut self, new: Arc<Snapshot>) {
        if let Some(old) = &self.current {
            if new.record().timestamp <= old.record().timestamp {
                return;
            }
            self.hub.publish(&News::between(old, &new), Some(News::Initial(Arc::clone(&new))));
        }
        self.current = Some(new);
    }

    fn take(&mut self) -> Result<Arc<Snapshot>> {
        // A source may be anybody's. If it panicked through here, nobody would ever reply.
        let taken = catch_unwind(AssertUnwindSafe(|| self.source.take(self.current.as_ref())));
        taken.unwrap_or_else(|_| Err(Error::watcher("the source of snapshots panicked")))
    }

    fn lose(&self, loss: Loss) {
        self.hub.feed(match loss {
            Loss::Exited => Input::Exited,
            Loss::Failed(failure) => Input::Error(failure),
        });
    }
}
