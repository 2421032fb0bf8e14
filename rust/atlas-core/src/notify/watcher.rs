//! One target watched: its thread, and what users have of it.
//!
//! The *receiver* replies to the target. It holds nothing that keeps the watcher alive. Handlers have no thread here:
//! whoever registers them takes [`Calls`] and makes them, on a thread that suits what is called.
//!
//! A forked child has no such thread, and locks may be held by nobody in it. So everything here looks first whether
//! this is still the process that made it; in a child nothing is locked, joined or dropped.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

use crate::error::{Error, Result, TaskFailure};
use crate::model::Snapshot;
use crate::sys::Descriptor;

use super::calls::Calls;
use super::change::{Interest, News};
use super::changes::Changes;
use super::hub::{Denied, End, Hub, Kind, Left};
use super::machine::State;
use super::message::ProcessEvent;
use super::receiver::{Receiver, Trouble};
use super::roster::{Bell, Role};
use super::source::SnapshotSource;
use super::sync::lock;
use super::transport::{Handle, Transport};

/// How long closing waits for the thread, which may be in the code of a source.
const GRACE: Duration = Duration::from_secs(2);

/// What a watcher's hub is made of.
#[derive(Debug)]
pub struct Watching;

impl Kind for Watching {
    type Batch = News;
    type Bell = Arc<Descriptor>;
    type Failure = TaskFailure;
    type Error = Error;
}

impl Bell for Arc<Descriptor> {
    fn ring(&self) {
        Descriptor::ring(self);
    }

    fn hush(&self) {
        Descriptor::hush(self);
    }
}

/// How a target is watched.
#[derive(Clone, Debug)]
pub struct WatchOptions {
    /// The longest time that the target waits for handlers. What they have not heard by then, they hear late.
    pub reply_within: Duration,
    /// A snapshot that was taken before, to save taking it again.
    pub current: Option<Arc<Snapshot>>,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self { reply_within: Duration::from_millis(500), current: None }
    }
}

/// A thread, and how to know that it has ended.
struct Worker {
    handle: JoinHandle<()>,
    ended: mpsc::Receiver<()>,
}

/// What the handles of one watcher share.
pub(super) struct Shared {
    pub(super) hub: Arc<Hub<Watching>>,
    pub(super) handle: Arc<dyn Handle>,
    /// Whether somebody makes the calls.
    pub(super) calls_taken: AtomicBool,
    owner: u32,
}

/// A target that is watched, until this is closed or dropped.
pub struct Watcher {
    shared: Arc<Shared>,
    trouble: Arc<Trouble>,
    receiver: Mutex<Option<Worker>>,
}

impl Shared {
    /// Whether this is still the process that made it.
    pub(super) fn is_here(&self) -> bool {
        std::process::id() == self.owner
    }

    /// An error where it is not.
    pub(super) fn check(&self) -> Result<()> {
        if self.is_here() {
            return Ok(());
        }
        Err(Error::watcher("the watcher belongs to the process that this one was forked from")
            .with_hint("make another one in this process: threads and registrations do not follow a fork"))
    }

    /// Strikes a listener off; whether there was one.
    pub(super) fn unregister(&self, id: u64) -> bool {
        let left = self.hub.unregister(id);
        self.finish(left)
    }

    /// Does what is left to do for somebody who left; whether there was anybody.
    fn finish(&self, left: Left<Watching>) -> bool {
        if left.wake {
            self.handle.wake();
        }
        !left.removed.is_empty()
    }
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> Result<Worker> {
    let (running, ended) = mpsc::channel();
    let body = move || {
        run();
        drop(running);
    };
    let handle = thread::Builder::new().name(name.to_owned()).spawn(body);
    Ok(Worker { handle: handle.map_err(|error| Error::watcher(format!("no thread can be started: {error}")))?, ended })
}

impl Worker {
    fn is_this_thread(&self) -> bool {
        let this: ThreadId = thread::current().id();
        self.handle.thread().id() == this
    }

    /// Waits for the end of the thread; one that is in foreign code for too long ends by itself when it comes back.
    fn join(self) {
        if self.is_this_thread() {
            return;
        }
        if self.ended.recv_timeout(GRACE) == Err(mpsc::RecvTimeoutError::Disconnected) {
            let _ = self.handle.join();
        }
    }
}

/// The error that stands for the end of a watcher.
pub(super) fn ended(end: End<TaskFailure>) -> Error {
    match end {
        End::Closed => Error::watcher("the watcher is closed"),
        End::Exited => Error::watcher("the process has exited"),
        End::Failed(failure) => Error::watcher(format!("watching failed: {failure}")),
    }
}

fn denied(denied: Denied<TaskFailure, Error>) -> Error {
    match denied {
        Denied::Ended(end) => ended(end),
        Denied::Attempt(error) => error,
    }
}

impl Watcher {
    /// Registers with the target and begins to watch it.
    ///
    /// # Errors
    /// What the transport and the source say. [`TaskGone`](crate::ErrorKind::TaskGone),
    /// [`TaskAccess`](crate::ErrorKind::TaskAccess), [`SnapshotTorn`](crate::ErrorKind::SnapshotTorn) among it.
    pub fn start(
        transport: Box<dyn Transport>,
        source: Box<dyn SnapshotSource>,
        options: WatchOptions,
    ) -> Result<Self> {
        let hub = Arc::new(Hub::default());
        let trouble = Arc::new(Trouble::default());
        let shared = Shared {
            hub: Arc::clone(&hub),
            handle: transport.handle(),
            owner: std::process::id(),
            calls_taken: AtomicBool::new(false),
        };
        let receiver = Receiver {
            hub,
            transport,
            source,
            reply_within: options.reply_within,
            current: options.current,
            trouble: Arc::clone(&trouble),
            stale: false,
        };
        let worker = start("dyld_atlas receiver", || receiver.run())?;
        let watcher = Self { shared: Arc::new(shared), trouble, receiver: Mutex::new(Some(worker)) };
        // An error drops the watcher, and that ends the thread.
        watcher.shared.hub.connect().map_err(denied)?;
        Ok(watcher)
    }

    /// A number for a handler to come. It may be called for before [`Self::subscribe`] or [`Self::on`] have returned.
    ///
    /// # Errors
    /// This is a forked child.
    pub fn reserve(&self) -> Result<u64> {
        self.shared.check()?;
        Ok(self.shared.hub.reserve())
    }

    /// Has [`Calls`] name `number`, which [`Self::reserve`] gave, for every image that is there, then for every change.
    /// The target waits for the calls, but no longer than [`WatchOptions::reply_within`].
    ///
    /// # Errors
    /// The watcher has ended; or it was without listeners and could not be connected again.
    pub fn subscribe(&self, number: u64) -> Result<()> {
        self.register(number, Interest::Changes, Role::Handler)
    }

    /// Has [`Calls`] name `number` whenever `event` comes. All else is as with [`Self::subscribe`].
    ///
    /// # Errors
    /// As [`Self::subscribe`].
    pub fn on(&self, number: u64, event: ProcessEvent) -> Result<()> {
        self.register(number, Interest::Event(event), Role::Handler)
    }

    /// The calls that are to be made; `None` while somebody makes them already.
    ///
    /// # Errors
    /// This is a forked child.
    pub fn calls(&self) -> Result<Option<Calls>> {
        self.shared.check()?;
        Ok(Calls::of(&self.shared))
    }

    fn register(&self, number: u64, interest: Interest, role: Role<Arc<Descriptor>>) -> Result<()> {
        self.shared.check()?;
        self.shared.hub.register(number, interest, role).map_err(denied)
    }

    /// A queue of every image that is there, then of every change. Nobody waits for it, but one that is left unread for
    /// a thousand changes slows the target down, by [`WatchOptions::reply_within`] for each.
    ///
    /// # Errors
    /// As [`Self::subscribe`].
    pub fn changes(&self) -> Result<Changes> {
        self.shared.check()?;
        let bell =
            Arc::new(Descriptor::new().map_err(|error| Error::watcher(format!("no descriptor is left: {error}")))?);
        let id = self.shared.hub.reserve();
        match self.shared.hub.register(id, Interest::Changes, Role::Stream(Arc::clone(&bell))) {
            Err(Denied::Ended(End::Exited)) => {
                let late = self.shared.hub.register_after_exit(id, Interest::Changes, Arc::clone(&bell));
                late.ok_or_else(|| ended(End::Exited))?;
            }
            registered => registered.map_err(denied)?,
        }
        Ok(Changes::new(Arc::clone(&self.shared), id, bell))
    }

    /// Strikes a handler or a queue off, and says whether there was one of that number. A call that has begun goes on;
    /// no other follows. When nobody listens any more, the target is left alone until somebody does.
    ///
    /// # Errors
    /// This is a forked child.
    pub fn unsubscribe(&self, id: u64) -> Result<bool> {
        self.shared.check()?;
        Ok(self.shared.unregister(id))
    }

    /// The last snapshot that subscribers were told.
    ///
    /// # Errors
    /// This is a forked child.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>> {
        self.shared.check()?;
        let current = match self.shared.hub.current() {
            Some(News::Initial(snapshot) | News::Changes { snapshot, .. }) => Some(snapshot),
            _ => None,
        };
        current.ok_or_else(|| ended(End::Closed))
    }

    /// Where the registration stands.
    ///
    /// # Errors
    /// This is a forked child.
    pub fn state(&self) -> Result<State<TaskFailure>> {
        self.shared.check()?;
        Ok(self.shared.hub.state())
    }

    /// Why nothing more will come; `None` while something may.
    ///
    /// # Errors
    /// This is a forked child.
    pub fn end(&self) -> Result<Option<End<TaskFailure>>> {
        self.shared.check()?;
        Ok(self.shared.hub.ended())
    }

    /// What was wrong with the last snapshot, if it could not be taken: it is tried again at the next message.
    ///
    /// # Errors
    /// This is a forked child.
    pub fn trouble(&self) -> Result<Option<Arc<Error>>> {
        self.shared.check()?;
        Ok(self.trouble.get())
    }

    /// Ends everything: no more calls come, queues end, the target is left alone. Waits for the thread. In a forked
    /// child it closes the child's part and nothing else.
    pub fn close(&self) {
        if !self.shared.is_here() {
            return self.shared.handle.close_in_child();
        }
        let left = self.shared.hub.close();
        self.shared.finish(left);
        let worker = lock(&self.receiver).take();
        if let Some(worker) = worker {
            worker.join();
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.close();
        if !self.shared.is_here() {
            // There is no such thread here; even letting go of it would touch what belongs to it.
            let worker = self.receiver.get_mut().map(std::mem::take).unwrap_or_default();
            std::mem::forget(worker);
        }
    }
}
