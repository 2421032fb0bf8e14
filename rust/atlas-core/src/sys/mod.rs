//! Owns what only the operating system can do: mapping files, and reading other processes. The only folder of the crate with `unsafe`.
//!
//! Must not know any format.
#![allow(unsafe_code)]

mod file;
#[cfg(all(test, target_os = "linux"))]
mod linux_pages;
#[cfg(target_os = "linux")]
mod linux_process;

pub use file::{FileIdentity, MappedFile};
#[cfg(all(test, target_os = "linux"))]
pub(crate) use linux_pages::Pages;
#[cfg(target_os = "linux")]
pub use linux_process::{LinuxMapping, LinuxProcess};
