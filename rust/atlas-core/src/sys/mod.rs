//! Owns what only the operating system can do: files kept open and mapped, and address space laid out piece by piece.
//! The only folder of the crate with `unsafe`.
//!
//! Must not know any format.
#![allow(unsafe_code)]

mod clock;
mod file;
mod reservation;
#[cfg(any(not(unix), test))]
mod space_copied;
#[cfg(unix)]
mod space_unix;
#[cfg(test)]
mod tests;

pub use clock::tick;
pub use file::{FileIdentity, MappedFile, OpenFile};
pub use reservation::{Reservation, Reserved};
