//! Owns change notifications: the state machine of a registration, who listens and what each is told, the messages of dyld,
//! and the ways by which they come.
//!
//! dyld stops the thread that loads an image until whoever watches has replied, so the one rule above all others here is
//! that the thread that replies waits for nobody without a bound. Must not read the target's memory (that is
//! `task`'s) nor decode what was read (`model`'s).
#![forbid(unsafe_code)]

mod change;
mod delta;
mod hub;
mod legacy;
mod machine;
mod message;
mod roster;
mod sync;

#[cfg(test)]
mod tests;
