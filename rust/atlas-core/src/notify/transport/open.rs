//! From the number of a process to the way by which it tells, by what this operating system offers.

use super::Transport;
use crate::error::Result;

/// A way to be told by process `pid`. Nothing is registered yet.
///
/// # Errors
/// No descriptor is left; [`crate::ErrorKind::UnsupportedPlatform`] where this operating system has no such processes.
#[cfg(target_os = "linux")]
pub fn open(pid: u32) -> Result<Box<dyn Transport>> {
    Ok(Box::new(super::socket::SocketTransport::new(pid)?))
}

/// A way to be told by process `pid`. Nothing is registered yet.
///
/// # Errors
/// [`crate::ErrorKind::TaskGone`] where there is no such process, [`crate::ErrorKind::TaskAccess`] where it may not be
/// read; no port is left.
#[cfg(target_os = "macos")]
pub fn open(pid: u32) -> Result<Box<dyn Transport>> {
    Ok(Box::new(super::mach::MachTransport::new(&crate::task::mach::attach(pid)?)?))
}

/// A way to be told by process `pid`.
///
/// # Errors
/// [`crate::ErrorKind::UnsupportedPlatform`]
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub fn open(pid: u32) -> Result<Box<dyn Transport>> {
    Err(crate::Error::unsupported(format!("process {pid} cannot be watched: no process tells of changes here"))
        .with_hint("here, dyld_atlas reads saved snapshots and Mach-O core files; live processes are watched on macOS"))
}
