//! Owns what the façade (`dyld_atlas.processes`) is made of: a process that is read, one that is watched, a queue of
//! changes.
//!
//! Two rules for every file here. Whatever waits, waits without the interpreter. And the thread that replies to a
//! process never waits for the interpreter: callbacks are called, and objects made, on threads of Python's own, with no
//! frame of ours below what users wrote. Must not know how a process is read or watched.
#![forbid(unsafe_code)]

pub mod calls;
pub mod change;
pub mod changes;
pub mod task;
pub mod watch;
