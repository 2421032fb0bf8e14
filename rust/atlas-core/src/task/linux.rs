//! A process on Linux that stands for a Darwin one.
//!
//! It announces itself by a mapping: its `dyld_all_image_infos` lies at the start of a memory file of that name, with
//! `32` behind the name where the structure is the 32-bit one. Everything else lies wherever it likes. Code of an image
//! that has no file here is a memory file named by the image's path.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::memory::{DyldInfo, PointerFormat, Suspension, TaskMemory, TaskRegion};
use crate::error::{Error, ErrorKind, Result, SystemStatus, TaskFailure};
use crate::sys::LinuxProcess;

/// The names under which `/proc/PID/maps` shows the announcement, with the width and the size of the structure.
const ANNOUNCEMENTS: [(&str, PointerFormat, u64); 2] = [
    ("/memfd:dyld_all_image_infos", PointerFormat::Bits64, 368),
    ("/memfd:dyld_all_image_infos32", PointerFormat::Bits32, 224),
];

/// What the kernel writes before the name of a memory file.
const MEMORY_FILE: &str = "/memfd:";

/// What the kernel writes behind the name of a file that has none any more, as memory files never have.
const DELETED: &str = " (deleted)";

/// A process that announces itself.
#[derive(Debug)]
pub struct LinuxTask {
    process: LinuxProcess,
    /// Where the announcement was last seen. A process that runs another program announces itself anew.
    announced: Mutex<Option<DyldInfo>>,
}

/// Attaches to process `pid`. Nothing is changed in it, and it need not help.
///
/// # Errors
/// [`ErrorKind::TaskGone`] where there is no such process, [`ErrorKind::TaskAccess`] where it may not be read,
/// [`ErrorKind::UnsupportedPlatform`] where it announces no `dyld_all_image_infos`.
pub fn attach(pid: u32) -> Result<LinuxTask> {
    let process = LinuxProcess::open(pid).map_err(|error| failure("pidfd_open", pid, &error))?;
    let task = LinuxTask { process, announced: Mutex::new(None) };
    let info = task.dyld_info()?;
    // Mappings may be seen where memory may not be read: better to say so now.
    task.read(info.address, &mut [0; 4])?;
    Ok(task)
}

impl LinuxTask {
    fn find(&self) -> Result<DyldInfo> {
        let found = self.process.find_mapping(|mapping| {
            let name = mapping.name.strip_suffix(DELETED).unwrap_or(&mapping.name);
            let (_, format, size) = ANNOUNCEMENTS.iter().find(|(known, ..)| *known == name)?;
            let size = mapping.end.saturating_sub(mapping.start).min(*size);
            (mapping.offset == 0).then_some(DyldInfo { address: mapping.start, size, format: *format })
        });
        let pid = self.process.pid();
        if let Some(info) = found.map_err(|error| failure("/proc/PID/maps", pid, &error))? {
            return Ok(info);
        }
        if self.process.is_gone() {
            return Err(gone("/proc/PID/maps", pid));
        }
        Err(Error::unsupported(format!("process {pid} is no Darwin process: it announces no dyld_all_image_infos"))
            .with_hint(
                "on Linux, dyld_atlas reads saved snapshots, Mach-O core files, and the processes that \
                 dyld_atlas.testing.SimulatedProcess starts; live Darwin processes are read on macOS",
            ))
    }
}

impl TaskMemory for LinuxTask {
    fn pid(&self) -> Option<u32> {
        Some(self.process.pid())
    }

    fn dyld_info(&self) -> Result<DyldInfo> {
        // The number may mean another process by now.
        if self.process.is_gone() {
            return Err(gone("poll", self.process.pid()));
        }
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(info) = *announced {
            return Ok(info);
        }
        let info = self.find()?;
        *announced = Some(info);
        Ok(info)
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<usize> {
        let pid = self.process.pid();
        let count = self.process.read(address, buffer).map_err(|error| failure("process_vm_readv", pid, &error))?;
        if count == 0 && !buffer.is_empty() {
            let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
            *announced = announced.filter(|info| info.address != address);
        }
        Ok(count)
    }

    fn regions(&self) -> Result<Vec<TaskRegion>> {
        let mut regions = Vec::new();
        let all = self.process.find_mapping(|mapping| {
            regions.push(TaskRegion {
                address: mapping.start,
                size: mapping.end.saturating_sub(mapping.start),
                protection: mapping.protection,
                path: image_path(&mapping.name),
            });
            None::<()>
        });
        all.map_err(|error| failure("/proc/PID/maps", self.process.pid(), &error))?;
        Ok(regions)
    }

    /// Never: stopping by a signal is something that the parent of the process would see.
    fn suspend(&self) -> Result<Option<Suspension>> {
        Ok(None)
    }
}

/// The path of the image that is mapped under this name.
pub(super) fn image_path(name: &str) -> Option<String> {
    let unnamed = name.strip_suffix(DELETED).unwrap_or(name);
    let path = unnamed.strip_prefix(MEMORY_FILE).filter(|path| path.starts_with('/')).unwrap_or(name);
    Some(path.to_owned()).filter(|path| !path.is_empty())
}

fn gone(call: &'static str, pid: u32) -> Error {
    failure(call, pid, &io::Error::from_raw_os_error(ESRCH))
}

// The same on every architecture of Linux.
const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const ESRCH: i32 = 3;
const EACCES: i32 = 13;

/// What a call that was to reach the process says, as an error that says what to do.
pub(super) fn failure(call: &'static str, pid: u32, error: &io::Error) -> Error {
    let errno = error.raw_os_error().unwrap_or(EPERM);
    let failure = TaskFailure { call, pid: Some(pid), status: SystemStatus::Errno(errno) };
    match errno {
        ESRCH | ENOENT => {
            let failure = TaskFailure { status: SystemStatus::Errno(ESRCH), ..failure };
            Error::new(ErrorKind::TaskGone(failure))
        }
        EPERM | EACCES => Error::new(ErrorKind::TaskAccess(failure)).with_hint(
            "reading another process needs the same user and, where kernel.yama.ptrace_scope is 1, being its parent \
             or its ancestor; root, or CAP_SYS_PTRACE (in a container: --cap-add=SYS_PTRACE), may read any",
        ),
        _ => Error::io(format!("/proc/{pid}"), io::Error::from_raw_os_error(errno)),
    }
}
