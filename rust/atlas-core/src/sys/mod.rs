//! Owns what only the operating system can do: files kept open and mapped, address space laid out piece by piece,
//! reading other processes, Mach, descriptors to wait on, sockets. The only folder of the crate with `unsafe`.
//!
//! Must not know any format.
#![allow(unsafe_code)]

mod bell;
mod clock;
mod file;
#[cfg(all(test, target_os = "linux"))]
mod linux_pages;
#[cfg(target_os = "linux")]
mod linux_process;
#[cfg(any(target_os = "macos", all(test, unix)))]
pub mod mach;
mod reservation;
#[cfg(target_os = "linux")]
mod seqpacket;
#[cfg(any(not(unix), test))]
mod space_copied;
#[cfg(unix)]
mod space_unix;
#[cfg(test)]
mod tests;

pub use bell::Descriptor;
pub use clock::tick;
pub use file::{FileIdentity, MappedFile, OpenFile};
#[cfg(all(test, target_os = "linux"))]
pub(crate) use linux_pages::Pages;
#[cfg(target_os = "linux")]
pub use linux_process::{LinuxMapping, LinuxProcess};
pub use reservation::{Reservation, Reserved};
#[cfg(target_os = "linux")]
pub use seqpacket::{Connection, ForkedDescriptor, Listener, Peer};
