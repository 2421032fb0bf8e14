//! What a process must offer so that a snapshot can be taken of it.

use std::ops::ControlFlow;

use crate::bytes::Bytes;
use crate::error::{Error, Result};

/// The memory of a process: live, in a core file, or recorded.
///
/// Nothing here may change the process, but [`Self::suspend`].
pub trait TaskMemory: Send + Sync {
    /// The process's number; `None` where the memory does not tell, as in a core file.
    fn pid(&self) -> Option<u32>;

    /// Where dyld keeps its `dyld_all_image_infos`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::TaskGone`], [`crate::ErrorKind::TaskAccess`], [`crate::ErrorKind::Mach`];
    /// [`crate::ErrorKind::UnsupportedPlatform`] where the process announces nothing.
    fn dyld_info(&self) -> Result<DyldInfo>;

    /// Copies memory from `address` on into `buffer` and says how many bytes that were, from its start. Fewer than
    /// asked for are no error: what follows is not mapped, or cannot be read.
    ///
    /// # Errors
    /// What the operating system says, where it is about the process and not about the address.
    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<usize>;

    /// What is mapped, by ascending address, as far as that can be told.
    ///
    /// # Errors
    /// As [`Self::dyld_info`].
    fn regions(&self) -> Result<Vec<TaskRegion>>;

    /// Shows the same to `visit`, one by one, until that says that it has seen enough. By default all were looked up
    /// before.
    ///
    /// # Errors
    /// As [`Self::regions`]; and those of `visit`.
    fn walk(&self, visit: &mut dyn FnMut(TaskRegion) -> Result<ControlFlow<()>>) -> Result<()> {
        for region in self.regions()? {
            if visit(region)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Stops the process until the value is dropped; `None` where that is not possible or makes no sense.
    ///
    /// # Errors
    /// As [`Self::dyld_info`].
    fn suspend(&self) -> Result<Option<Suspension>>;

    /// Where this memory can never change, the bytes at `address`, if possible without a copy: `Some(None)` where they
    /// are not all there. `None`, by default, where it can change.
    fn unchanging(&self, address: u64, size: usize) -> Option<Option<Bytes>> {
        let _ = (address, size);
        None
    }
}

/// `task_dyld_info` of `<mach/task_info.h>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DyldInfo {
    /// Where `dyld_all_image_infos` is; 0 in a process without dyld.
    pub address: u64,
    /// How many bytes it has. It grows with the releases of dyld.
    pub size: u64,
    /// How wide its pointers are.
    pub format: PointerFormat,
}

/// The width of a pointer in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerFormat {
    /// `TASK_DYLD_ALL_IMAGE_INFO_32`
    Bits32,
    /// `TASK_DYLD_ALL_IMAGE_INFO_64`
    Bits64,
}

impl PointerFormat {
    /// By the number in `all_image_info_format`; `None` where that is neither.
    #[must_use]
    pub const fn from_raw(format: i32) -> Option<Self> {
        match format {
            0 => Some(Self::Bits32),
            1 => Some(Self::Bits64),
            _ => None,
        }
    }

    /// Bytes of a pointer.
    #[must_use]
    pub const fn pointer_size(self) -> usize {
        match self {
            Self::Bits32 => 4,
            Self::Bits64 => 8,
        }
    }
}

/// A range of mapped memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRegion {
    /// Where it begins.
    pub address: u64,
    /// In bytes.
    pub size: u64,
    /// 1 read, 2 write, 4 execute.
    pub protection: u32,
    /// The file behind it, where that can be told; never opened here.
    pub path: Option<String>,
}

/// Keeps a process stopped; dropping it lets the process go on.
pub struct Suspension(Option<Box<dyn FnOnce() + Send>>);

impl Suspension {
    /// With what is to be done at the end. It must not fail loudly: the process may be gone by then.
    #[must_use]
    pub fn until_dropped(resume: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(resume)))
    }
}

impl Drop for Suspension {
    fn drop(&mut self) {
        if let Some(resume) = self.0.take() {
            resume();
        }
    }
}

impl std::fmt::Debug for Suspension {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Suspension")
    }
}

/// Fills `buffer` from `address` on.
///
/// # Errors
/// Those of [`TaskMemory::read`]; [`crate::ErrorKind::UnmappedAddress`] with the first address that is not there.
pub fn read_exactly(task: &dyn TaskMemory, address: u64, buffer: &mut [u8]) -> Result<()> {
    let wanted = buffer.len();
    let count = task.read(address, buffer)?;
    if count == wanted {
        return Ok(());
    }
    Err(Error::new(crate::ErrorKind::UnmappedAddress(address.wrapping_add(count as u64))))
}

/// What is copied before it is known that the memory is there at all.
const FIRST: usize = 4 << 20;

/// `size` bytes from `address` on, in memory that grows only as bytes arrive; `None` where fewer are there.
///
/// # Errors
/// Those of [`TaskMemory::read`]; [`crate::ErrorKind::Limit`] where this process has not that much memory.
pub(super) fn read_all(task: &dyn TaskMemory, address: u64, size: usize) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    while bytes.len() < size {
        let done = bytes.len();
        let next = size.min(done.saturating_mul(2).max(FIRST));
        let more = next.saturating_sub(done);
        if bytes.try_reserve_exact(more).is_err() {
            return Err(Error::limit("bytes of memory for a snapshot", done as u64, size as u64));
        }
        bytes.resize(next, 0);
        let Some(place) = address.checked_add(done as u64) else { return Ok(None) };
        let count = task.read(place, bytes.get_mut(done..).unwrap_or_default())?;
        if count < more {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}
