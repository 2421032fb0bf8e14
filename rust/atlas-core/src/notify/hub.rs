//! What the threads of a watcher share: the machine and the roster under one lock, and one condition.
//!
//! Three kinds of threads meet here. The *receiver* owns the connection: it asks [`Hub::task`] what to do, and tells.
//! The
//! *deliverer* calls handlers. All others register, take from streams, and leave. Nothing foreign runs under the lock,
//! and nothing foreign is dropped under it: a handler may hold anything, a lock of its own among it.
//!
//! What a listener hears first and what it hears then meet without a gap, because both happen under the lock:
//! 1. the receiver publishes a change and the new current list together;
//! 2. a listener is added together with the current list as its first batch.
//!
//! So a change is either in its first batch (2 after 1) or comes as a change (1 after 2), and never both.

use std::time::Instant;

use super::machine::{Input, Machine, Output, Refusal, State};
use super::roster::{Batch, Bell, Call, Removed, Role, Roster};
use super::sync::{Condvar, Mutex, is_past, lock, wait};

/// What a hub is made of.
pub trait Kind {
    /// What is told.
    type Batch: Batch;
    /// What wakes those who wait on a descriptor.
    type Bell: Bell;
    /// Why a registration failed.
    type Failure: Copy;
    /// What was wrong with an attempt to connect, for the one who asked for it.
    type Error;
}

type RemovedOf<K> = Removed<<K as Kind>::Batch, <K as Kind>::Bell>;

/// Why nothing more will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End<F> {
    /// The watcher was closed, or the listener unregistered.
    Closed,
    /// The target is gone.
    Exited,
    /// The registration failed.
    Failed(F),
}

/// Why somebody was not admitted.
#[derive(Debug)]
pub enum Denied<F, E> {
    /// Nobody will be.
    Ended(End<F>),
    /// The connection could not be made.
    Attempt(E),
}

/// How an attempt to connect went.
pub enum Attempt<K: Kind> {
    /// It stands, and this is the current list.
    Made(K::Batch),
    /// The target refused it. No other attempt will be made.
    Refused(K::Failure, K::Error),
    /// It stood, but the list could not be read, so it was given back.
    Unread(K::Error),
}

/// What the receiver is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Connect, and say how it went.
    Connect,
    /// Wait for a message.
    Receive,
    /// Give the connection back.
    Release,
    /// Give back what is left, and end.
    Stop,
}

/// What somebody who left has to do.
#[must_use]
pub struct Left<K: Kind> {
    /// Wake the receiver: it may wait for messages that nobody wants any more.
    pub wake: bool,
    /// Drop this.
    pub removed: Vec<RemovedOf<K>>,
}

/// How many batches may wait for one listener before the target has to wait for it.
pub const BACKLOG: usize = 1000;

struct Inner<K: Kind> {
    machine: Machine<K::Failure>,
    roster: Roster<K::Batch, K::Bell>,
    /// What a new listener hears first.
    current: Option<K::Batch>,
    /// Whether the receiver is to connect.
    connect: bool,
    /// How many attempts to connect there were.
    attempts: u64,
    /// What was wrong with the last one, until somebody takes it.
    error: Option<K::Error>,
    /// Whether handlers were not waited for to their end.
    overdue: bool,
    closed: bool,
}

impl<K: Kind> Inner<K> {
    fn end(&self) -> End<K::Failure> {
        match self.machine.state() {
            State::Failing(failure) | State::Failed(failure) => End::Failed(failure),
            _ if self.machine.has_exited() && !self.closed => End::Exited,
            _ => End::Closed,
        }
    }

    fn feed(&mut self, input: Input<K::Failure>) -> Output<K::Failure> {
        let output = self.machine.step(input);
        if matches!(self.machine.state(), State::Failing(_) | State::Failed(_)) || self.machine.has_exited() {
            // What was told before is still heard.
            self.roster.end();
        }
        output
    }
}

/// What the threads of a watcher share.
pub struct Hub<K: Kind> {
    inner: Mutex<Inner<K>>,
    changed: Condvar,
}

impl<K: Kind> Default for Hub<K> {
    fn default() -> Self {
        let inner = Inner {
            machine: Machine::default(),
            roster: Roster::default(),
            current: None,
            connect: false,
            attempts: 0,
            error: None,
            overdue: false,
            closed: false,
        };
        Self { inner: Mutex::new(inner), changed: Condvar::new() }
    }
}

impl<K: Kind> Hub<K> {
    /// Where the registration stands.
    pub fn state(&self) -> State<K::Failure> {
        lock(&self.inner).machine.state()
    }

    /// Why nothing more will come; `None` while something may.
    pub fn ended(&self) -> Option<End<K::Failure>> {
        let inner = lock(&self.inner);
        let failed = matches!(inner.machine.state(), State::Failing(_) | State::Failed(_));
        (inner.closed || failed || inner.machine.has_exited()).then(|| inner.end())
    }

    /// What a new listener would hear first.
    pub fn current(&self) -> Option<K::Batch> {
        lock(&self.inner).current.clone()
    }

    /// Connects, if nothing is connected, and waits for it.
    ///
    /// # Errors
    /// Why not.
    pub fn connect(&self) -> Result<(), Denied<K::Failure, K::Error>> {
        self.admitted(|_, ()| (), ())
    }

    /// A number for a listener to come, so that who it is can be known before it is called.
    pub fn reserve(&self) -> u64 {
        lock(&self.inner).roster.reserve()
    }

    /// Adds a listener of the number `id`, and connects before if need be; its first batch is the current list, when
    /// that is for it.
    ///
    /// # Errors
    /// Why not.
    pub fn register(
        &self,
        id: u64,
        interest: <K::Batch as Batch>::Interest,
        role: Role<K::Bell>,
    ) -> Result<(), Denied<K::Failure, K::Error>> {
        let add = |inner: &mut Inner<K>, (interest, role)| inner.roster.add(id, interest, role, inner.current.clone());
        self.admitted(add, (interest, role))
    }

    /// Adds a stream after the target has exited: it hears the last list, and the end. `None` where there is neither.
    pub fn register_after_exit(&self, id: u64, interest: <K::Batch as Batch>::Interest, bell: K::Bell) -> Option<()> {
        let mut inner = lock(&self.inner);
        let last = inner.current.clone().filter(|_| inner.machine.has_exited() && !inner.closed)?;
        inner.roster.add(id, interest, Role::Stream(bell), Some(last));
        Some(())
    }

    /// Does `act` at the first moment at which a client may be admitted.
    fn admitted<A, R>(
        &self,
        act: impl FnOnce(&mut Inner<K>, A) -> R,
        argument: A,
    ) -> Result<R, Denied<K::Failure, K::Error>> {
        let mut inner = lock(&self.inner);
        loop {
            if inner.closed {
                return Err(Denied::Ended(End::Closed));
            }
            match inner.feed(Input::Register) {
                Output::Refuse(Refusal::Failed(failure)) => return Err(Denied::Ended(End::Failed(failure))),
                Output::Refuse(Refusal::Exited) => return Err(Denied::Ended(End::Exited)),
                Output::Connect => {
                    let before = inner.attempts;
                    inner.connect = true;
                    self.changed.notify_all();
                    while inner.attempts == before && !inner.closed {
                        inner = wait(&self.changed, inner, None);
                    }
                    // One of those who wait gets the error. The others see a failed machine, or try for themselves.
                    if let Some(error) = inner.error.take() {
                        return Err(Denied::Attempt(error));
                    }
                }
                _ => {
                    let result = act(&mut inner, argument);
                    drop(inner);
                    self.changed.notify_all();
                    return Ok(result);
                }
            }
        }
    }

    /// Strikes a listener off. A call that has begun goes on, but no other follows.
    pub fn unregister(&self, id: u64) -> Left<K> {
        let mut inner = lock(&self.inner);
        let removed: Vec<_> = inner.roster.remove(id).into_iter().collect();
        let last = !removed.is_empty() && inner.roster.is_empty();
        let wake = last && matches!(inner.feed(Input::LastGone), Output::Cancel);
        drop(inner);
        self.changed.notify_all();
        Left { wake, removed }
    }

    /// Strikes everybody off, for good.
    pub fn close(&self) -> Left<K> {
        let mut inner = lock(&self.inner);
        inner.closed = true;
        let removed = inner.roster.remove_all();
        inner.roster.end();
        let _ = inner.feed(Input::LastGone);
        drop(inner);
        self.changed.notify_all();
        Left { wake: true, removed }
    }

    /// The next thing for a stream: waits until there is one, or until `deadline`, which gives `None`.
    ///
    /// # Errors
    /// Nothing will ever come.
    pub fn next(
        &self,
        id: u64,
        deadline: Option<Instant>,
    ) -> Result<Option<<K::Batch as Batch>::Item>, End<K::Failure>> {
        let mut inner = lock(&self.inner);
        loop {
            match inner.roster.take(id) {
                Err(()) => return Err(inner.end()),
                Ok(Some((item, spent))) => {
                    let backlog = inner.roster.backlog();
                    drop(inner);
                    // Only a receiver that waits for this listener waits for that.
                    if spent.is_some() && backlog.saturating_add(1) >= BACKLOG {
                        self.changed.notify_all();
                    }
                    drop(spent);
                    return Ok(Some(item));
                }
                Ok(None) if is_past(deadline) => return Ok(None),
                Ok(None) => inner = wait(&self.changed, inner, deadline),
            }
        }
    }

    /// For the receiver: what to do. Waits while there is nothing to do.
    pub fn task(&self) -> Task {
        let mut inner = lock(&self.inner);
        loop {
            match inner.machine.state() {
                State::Connected => return Task::Receive,
                State::Disconnecting | State::Failing(_) => {
                    let _ = inner.feed(Input::Cancelled);
                    self.changed.notify_all();
                    return Task::Release;
                }
                State::Disconnected | State::Failed(_) if inner.closed => return Task::Stop,
                State::Disconnected if inner.connect => return Task::Connect,
                State::Disconnected | State::Failed(_) => inner = wait(&self.changed, inner, None),
            }
        }
    }

    /// For the receiver: how the connection that it was to make went. True if it is to be given back at once.
    pub fn attempted(&self, attempt: Attempt<K>) -> bool {
        let mut inner = lock(&self.inner);
        inner.connect = false;
        inner.attempts = inner.attempts.wrapping_add(1);
        let mut spent = None;
        let release = match attempt {
            Attempt::Made(current) => {
                spent = inner.current.replace(current);
                inner.error = None;
                let output = inner.feed(Input::Connected);
                if inner.closed {
                    // Whoever closed saw nothing connected, so nobody else will end this.
                    let _ = inner.feed(Input::LastGone);
                }
                matches!(output, Output::Release)
            }
            Attempt::Refused(failure, error) => {
                let _ = inner.feed(Input::Refused(failure));
                inner.error = Some(error);
                false
            }
            Attempt::Unread(error) => {
                inner.error = Some(error);
                false
            }
        };
        drop(inner);
        self.changed.notify_all();
        drop(spent);
        release
    }

    /// For the receiver: an error, or the end of the target.
    pub fn feed(&self, input: Input<K::Failure>) {
        let _ = lock(&self.inner).feed(input);
        self.changed.notify_all();
    }

    /// For the receiver: tells everybody whom it concerns; `current` is what new listeners hear first from now on.
    pub fn publish(&self, batch: &K::Batch, current: Option<K::Batch>) {
        let mut inner = lock(&self.inner);
        inner.roster.publish(batch);
        let spent = current.and_then(|current| inner.current.replace(current));
        drop(inner);
        self.changed.notify_all();
        drop(spent);
    }

    /// For the receiver: waits until all handlers have heard all, and until nobody is too far behind, or until
    /// `deadline`. Handlers that were overtaken once are not waited for again before they have caught up: one that
    /// blocks costs the target one wait, not one for each message.
    pub fn settle(&self, deadline: Option<Instant>) {
        let mut inner = lock(&self.inner);
        loop {
            let busy = inner.roster.handlers_are_busy();
            if !busy {
                inner.overdue = false;
            }
            let may_go_on = (!busy || inner.overdue) && inner.roster.backlog() < BACKLOG;
            if may_go_on || inner.closed {
                return;
            }
            if is_past(deadline) {
                inner.overdue = busy;
                return;
            }
            inner = wait(&self.changed, inner, deadline);
        }
    }

    /// For the deliverer: the next call to make. Waits for one; `None` when none will come.
    pub fn call(&self) -> Option<Call<K::Batch>> {
        let mut inner = lock(&self.inner);
        loop {
            if let Some(call) = inner.roster.call() {
                return Some(call);
            }
            if inner.closed || inner.roster.has_ended() {
                return None;
            }
            inner = wait(&self.changed, inner, None);
        }
    }

    /// For the deliverer: a call has returned.
    pub fn called(&self) {
        lock(&self.inner).roster.called();
        self.changed.notify_all();
    }
}
