//! A watcher whose handlers are closures: one thread makes the calls, as that of the binding does.
//!
//! `tests/notify` uses it, too.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread;

use super::Error;
use super::outer::{Calls, Change, Happening, ProcessEvent, Watcher};

type ForChanges = Box<dyn FnMut(&Change) + Send>;
type ForEvents = Box<dyn FnMut() + Send>;

enum Handler {
    Change(ForChanges),
    Event(ForEvents),
}

/// By number; `None` while it is called.
type Handlers = Arc<Mutex<BTreeMap<u64, Option<Handler>>>>;

/// A watcher with handlers.
pub struct Called {
    watcher: Watcher,
    handlers: Handlers,
}

impl Deref for Called {
    type Target = Watcher;

    fn deref(&self) -> &Watcher {
        &self.watcher
    }
}

fn deliver(mut calls: Calls, handlers: &Handlers) {
    while let Some(due) = calls.next() {
        let handler = handlers.lock().unwrap().get_mut(&due.number).and_then(Option::take);
        let Some(mut handler) = handler else { continue };
        // One that panics is called again next time.
        let _ = catch_unwind(AssertUnwindSafe(|| match (&mut handler, &due.happening) {
            (Handler::Change(handler), Happening::Change(change)) => handler(change),
            (Handler::Event(handler), Happening::Event) => handler(),
            _ => unreachable!(),
        }));
        let mut spent = Some(handler);
        if let Some(place) = handlers.lock().unwrap().get_mut(&due.number) {
            *place = spent.take();
        }
        drop(spent);
    }
}

impl Called {
    pub fn new(watcher: Watcher) -> Self {
        Self { watcher, handlers: Handlers::default() }
    }

    fn register(&self, handler: Handler, register: impl FnOnce(u64) -> Result<(), Error>) -> Result<u64, Error> {
        let number = self.watcher.reserve()?;
        if let Some(calls) = self.watcher.calls()? {
            let handlers = Arc::clone(&self.handlers);
            let thread = thread::Builder::new().name("dyld_atlas deliverer".to_owned());
            thread.spawn(move || deliver(calls, &handlers)).unwrap();
        }
        self.handlers.lock().unwrap().insert(number, Some(handler));
        if let Err(error) = register(number) {
            self.handlers.lock().unwrap().remove(&number);
            return Err(error);
        }
        Ok(number)
    }

    pub fn subscribe(&self, handler: ForChanges) -> Result<u64, Error> {
        self.register(Handler::Change(handler), |number| self.watcher.subscribe(number))
    }

    pub fn on(&self, event: ProcessEvent, handler: ForEvents) -> Result<u64, Error> {
        self.register(Handler::Event(handler), |number| self.watcher.on(number, event))
    }

    pub fn unsubscribe(&self, number: u64) -> Result<bool, Error> {
        let there = self.watcher.unsubscribe(number)?;
        let removed = self.handlers.lock().unwrap().remove(&number);
        drop(removed);
        Ok(there)
    }

    pub fn close(&self) {
        self.watcher.close();
        let removed = std::mem::take(&mut *self.handlers.lock().unwrap());
        drop(removed);
    }
}

impl Drop for Called {
    fn drop(&mut self) {
        self.close();
    }
}
