//! From the number of a process to its memory, by what this operating system offers.

use super::memory::TaskMemory;
use crate::error::Result;

/// Attaches to process `pid`.
///
/// # Errors
/// [`crate::ErrorKind::TaskGone`] where there is no such process, [`crate::ErrorKind::TaskAccess`] where it may not be
/// read, [`crate::ErrorKind::UnsupportedPlatform`] where this operating system has no Darwin processes, or that one is
/// none.
#[cfg(target_os = "linux")]
pub fn attach(pid: u32) -> Result<Box<dyn TaskMemory>> {
    Ok(Box::new(super::linux::attach(pid)?))
}

/// Attaches to process `pid`.
///
/// # Errors
/// [`crate::ErrorKind::TaskGone`] where there is no such process, [`crate::ErrorKind::TaskAccess`] where it may not be
/// read.
#[cfg(target_os = "macos")]
pub fn attach(pid: u32) -> Result<Box<dyn TaskMemory>> {
    Ok(Box::new(super::mach::attach(pid)?))
}

/// Attaches to process `pid`.
///
/// # Errors
/// [`crate::ErrorKind::UnsupportedPlatform`]
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub fn attach(pid: u32) -> Result<Box<dyn TaskMemory>> {
    Err(crate::Error::unsupported(format!(
        "process {pid} cannot be read: there are no Darwin processes on this system"
    ))
    .with_hint("here, dyld_atlas reads saved snapshots and Mach-O core files; live processes are read on macOS"))
}
