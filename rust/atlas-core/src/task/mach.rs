//! A process on macOS, by its task port.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::all_image_infos::ADDRESS_BITS;
use super::memory::{DyldInfo, PointerFormat, Suspension, TaskMemory, TaskRegion};
use crate::error::{Error, ErrorKind, Result, SystemStatus, TaskFailure};
use crate::sys::mach::{
    KERN_DENIED, KERN_FAILURE, KERN_INVALID_ADDRESS, KERN_INVALID_ARGUMENT, KERN_INVALID_TASK, KERN_MEMORY_ERROR,
    KERN_MEMORY_FAILURE, KERN_NO_ACCESS, KERN_PROTECTION_FAILURE, KERN_TERMINATED, MACH_SEND_INVALID_DEST, MachFailure,
    TaskPort, TaskRights, is_running, region_file_name,
};

/// The smallest page that a task on macOS has. Those of Apple silicon are four times as large.
const PAGE: u64 = 4096;
/// Read and execute.
const READ_EXECUTE: u32 = 5;
/// No task comes near this many; a walk that does is led in circles.
const MOST_REGIONS: usize = 1 << 20;

/// A process that may be read.
#[derive(Clone, Debug)]
pub struct MachTask {
    pid: u32,
    port: Arc<TaskPort>,
}

/// Attaches to process `pid`. Nothing is changed in it, and it need not help.
///
/// # Errors
/// [`ErrorKind::TaskGone`] where there is no such process, [`ErrorKind::TaskAccess`] where it may not be read.
pub fn attach(pid: u32) -> Result<MachTask> {
    match TaskPort::of_process(pid) {
        Ok(port) => Ok(MachTask { pid, port: Arc::new(port) }),
        // The kernel says the same of a process that is not there and of one that is not to be read.
        Err(failure) if !is_running(pid) => Err(gone(failure, pid)),
        Err(failure) => Err(match failure.kern_return {
            KERN_FAILURE | KERN_INVALID_ARGUMENT => refused(failure, pid),
            _ => classify(failure, pid),
        }),
    }
}

impl MachTask {
    /// The task port, for those who register with it.
    pub(crate) const fn port(&self) -> &Arc<TaskPort> {
        &self.port
    }

    /// Names of ports mean nothing, or something else, in a forked child.
    fn here(&self) -> Result<&TaskPort> {
        if self.port.is_here() {
            return Ok(&self.port);
        }
        Err(Error::unsupported(format!("process {} was attached to before this process was forked", self.pid))
            .with_hint("attach again in this process: rights to other processes do not follow a fork"))
    }

    /// What a failure means for the user.
    pub(crate) fn error(&self, failure: MachFailure) -> Error {
        match failure.kern_return {
            // The arguments are ours, so one that is invalid is the task: it is gone, or there and refused.
            KERN_INVALID_ARGUMENT if self.port.is_gone() => gone(failure, self.pid),
            KERN_INVALID_ARGUMENT => refused(failure, self.pid),
            _ => classify(failure, self.pid),
        }
    }
}

impl TaskMemory for MachTask {
    fn pid(&self) -> Option<u32> {
        Some(self.pid)
    }

    fn dyld_info(&self) -> Result<DyldInfo> {
        let (address, size, format) = self.here()?.dyld_info().map_err(|failure| self.error(failure))?;
        let format = PointerFormat::from_raw(format).ok_or_else(|| {
            Error::unsupported(format!("process {}: dyld_all_image_infos has the unknown format {format}", self.pid))
        })?;
        Ok(DyldInfo { address, size, format })
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<usize> {
        let port = self.here()?;
        // The topmost byte may hold a tag of the memory, which the kernel does not take.
        let address = address & ADDRESS_BITS;
        // What would lead out of the address space is not there.
        let most = usize::try_from(ADDRESS_BITS.saturating_sub(address)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(most);
        let mut done = 0_usize;
        let mut piece = wanted;
        // The kernel copies all or nothing. Where something is missing, halves find the end, which lies between two
        // pages.
        while done < wanted {
            let place = address.saturating_add(done as u64);
            piece = piece.min(wanted.saturating_sub(done));
            let end = done.saturating_add(piece);
            let Some(part) = buffer.get_mut(done..end).filter(|part| !part.is_empty()) else { break };
            match port.read(place, part) {
                Ok(0) => break,
                Ok(count) => done = done.saturating_add(count),
                Err(failure) if is_about_the_address(failure) => match smaller(place, piece) {
                    Some(less) => piece = less,
                    None => break,
                },
                Err(failure) => return Err(self.error(failure)),
            }
        }
        Ok(done)
    }

    fn regions(&self) -> Result<Vec<TaskRegion>> {
        let mut regions = Vec::new();
        self.walk(&mut |region| {
            regions.push(region);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(regions)
    }

    /// With the files of what can be executed; those of other regions are not asked for, at one call each.
    fn walk(&self, visit: &mut dyn FnMut(TaskRegion) -> Result<ControlFlow<()>>) -> Result<()> {
        let port = self.here()?;
        let mut next = 0;
        for _ in 0..MOST_REGIONS {
            let Some(region) = port.region_from(next).map_err(|failure| self.error(failure))? else { break };
            let end = region.address.saturating_add(region.size);
            if end <= next {
                break;
            }
            next = end;
            let path =
                (region.protection & READ_EXECUTE == READ_EXECUTE).then(|| region_file_name(self.pid, region.address));
            let region = TaskRegion {
                address: region.address,
                size: region.size,
                protection: region.protection,
                path: path.flatten().map(|path| path.to_string_lossy().into_owned()),
            };
            if visit(region)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Never this process itself, which would not wake up again; and not where the port only reads.
    fn suspend(&self) -> Result<Option<Suspension>> {
        let port = self.here()?;
        if port.rights() == TaskRights::Read || self.pid == std::process::id() {
            return Ok(None);
        }
        port.suspend().map_err(|failure| self.error(failure))?;
        let port = Arc::clone(&self.port);
        Ok(Some(Suspension::until_dropped(move || {
            // Whoever is gone needs no waking. In a forked child it is not for this process to do.
            if port.is_here() {
                let _ = port.resume();
            }
        })))
    }
}

/// A smaller piece that ends between two pages; `None` where all of it lies in one page.
fn smaller(address: u64, size: usize) -> Option<usize> {
    let end = address.checked_add(size as u64)?;
    let first = (address | (PAGE - 1)).checked_add(1)?;
    if first >= end {
        return None;
    }
    let half = address.checked_add(size as u64 / 2)? & !(PAGE - 1);
    usize::try_from(half.max(first).checked_sub(address)?).ok()
}

fn is_about_the_address(failure: MachFailure) -> bool {
    matches!(
        failure.kern_return,
        KERN_INVALID_ADDRESS | KERN_PROTECTION_FAILURE | KERN_MEMORY_FAILURE | KERN_MEMORY_ERROR
    )
}

/// A failure, with the process that it is about.
pub(crate) const fn task_failure(failure: MachFailure, pid: Option<u32>) -> TaskFailure {
    TaskFailure { call: failure.call, pid, status: SystemStatus::KernReturn(failure.kern_return) }
}

/// What a failure of a call on a task port means.
fn classify(failure: MachFailure, pid: u32) -> Error {
    match failure.kern_return {
        KERN_INVALID_TASK | KERN_TERMINATED | MACH_SEND_INVALID_DEST => gone(failure, pid),
        KERN_NO_ACCESS | KERN_DENIED => refused(failure, pid),
        _ => Error::mach(failure.call, failure.kern_return),
    }
}

fn gone(failure: MachFailure, pid: u32) -> Error {
    Error::new(ErrorKind::TaskGone(task_failure(failure, Some(pid))))
}

/// The process may not be read, with what can be done about that.
fn refused(failure: MachFailure, pid: u32) -> Error {
    Error::new(ErrorKind::TaskAccess(task_failure(failure, Some(pid)))).with_hint(
        "reading another process on macOS needs root (sudo), or a python that is signed with the entitlement \
         com.apple.security.cs.debugger; a target with the hardened runtime also needs com.apple.security.get-task-allow \
         in its own signature, and what System Integrity Protection covers refuses even root",
    )
}
