//! The ways by which messages of dyld come. What they say and what follows is decided elsewhere.
//!
//! A transport belongs to one thread. Others only have its [`Handle`].

#[cfg(any(target_os = "macos", all(test, unix)))]
pub mod mach;
mod open;
#[cfg(target_os = "linux")]
pub mod socket;

use std::sync::Arc;

use crate::error::{Error, TaskFailure};

use super::message::Header;

pub use open::open;

/// A way to be told by one target. All calls but those of its handle come from one thread.
pub trait Transport: Send {
    /// Makes a port, or the like, and registers it with the target. It is called only when there is none.
    ///
    /// # Errors
    /// Why not; nothing of it is left then.
    fn connect(&mut self) -> Result<(), Rejection>;

    /// Waits for a message or a call of [`Handle::wake`]. A message that was not replied to is given up: the target
    /// goes on then, too.
    fn receive(&mut self) -> Received;

    /// Replies to the message that came last, so that the target goes on. Must not wait for the target.
    ///
    /// # Errors
    /// The reply could not be sent; the message was given up, so that the target goes on if it is there.
    fn reply(&mut self, reply: Header) -> Result<(), Loss>;

    /// Deregisters and gives back all that [`Self::connect`] made, a message without reply included.
    fn disconnect(&mut self);

    /// What other threads may use.
    fn handle(&self) -> Arc<dyn Handle>;
}

/// What threads other than a transport's own may do with it.
pub trait Handle: Send + Sync {
    /// Makes [`Transport::receive`] return, the running call or the next one.
    fn wake(&self);

    /// In a forked child: closes what the child has of the connection, so that the target does not take it for the
    /// parent. Takes no lock, for whoever holds one does not exist in the child. Mach ports are not inherited.
    fn close_in_child(&self) {}
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message: its header, and how many bytes came with it, header included, trailer not.
    Message {
        /// The header.
        header: Header,
        /// Bytes.
        size: usize,
    },
    /// [`Handle::wake`] was called.
    Woken,
    /// Nothing will come any more.
    Lost(Loss),
}

/// Why a connection is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The target is gone.
    Exited,
    /// A call failed.
    Failed(TaskFailure),
}

/// Why there is no connection.
#[derive(Debug)]
pub struct Rejection {
    /// What failed, to be kept.
    pub failure: TaskFailure,
    /// The same with what the user can do about it.
    pub error: Error,
}
