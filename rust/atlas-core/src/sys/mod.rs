//! Owns what only the operating system can do: mapping files, reading other processes, descriptors to wait on, sockets. The
//! only folder of the crate with `unsafe`.
//!
//! Must not know any format.
#![allow(unsafe_code)]

mod bell;
mod file;
#[cfg(all(test, target_os = "linux"))]
mod linux_pages;
#[cfg(target_os = "linux")]
mod linux_process;
#[cfg(target_os = "linux")]
mod seqpacket;

pub use bell::Descriptor;
pub use file::{FileIdentity, MappedFile};
#[cfg(all(test, target_os = "linux"))]
pub(crate) use linux_pages::Pages;
#[cfg(target_os = "linux")]
pub use linux_process::{LinuxMapping, LinuxProcess};
#[cfg(target_os = "linux")]
pub use seqpacket::{Connection, ForkedDescriptor, Listener, Peer};

#[cfg(test)]
mod tests;
