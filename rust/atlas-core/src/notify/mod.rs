//! Owns change notifications: the state machine of a registration, who listens and what each is told, the messages of
//! dyld, and the ways by which they come.
//!
//! dyld stops the thread that loads an image until whoever watches has replied, so the one rule above all others here
//! is that the thread that replies waits for nobody without a bound. Must not read the target's memory (that is
//! `task`'s) nor decode what was read (`model`'s).
#![forbid(unsafe_code)]

mod calls;
mod change;
mod changes;
mod delta;
mod hub;
mod legacy;
mod machine;
mod message;
mod receiver;
mod roster;
mod source;
mod sync;
pub mod transport;
mod watcher;

#[cfg(test)]
mod tests;

pub use calls::{Calls, Due};
pub use change::{Change, ChangeKind, Happening};
pub use changes::{Changes, Next};
pub use hub::End;
pub use legacy::{LegacyImage, LegacyMessage};
pub use machine::State;
pub use message::{
    EVENT_BASE, HEADER_SIZE, Header, LEGACY_LOAD, LEGACY_MAIN, LEGACY_UNLOAD, MAX_MESSAGE_SIZE, Notice, ProcessEvent,
};
pub use source::{SnapshotSource, TaskSource};
pub use watcher::{WatchOptions, Watcher};
