//! What a process has loaded before dyld has published anything: its main executable and dyld, found in its memory.

use std::ops::ControlFlow;

use super::header::{FEW, header_at, image};
use super::memory::TaskMemory;
use super::written::WrittenProcess;
use crate::error::{Error, Result};
use crate::macho::constants::file_type;
use crate::model::{Opening, Options};

/// Read and execute, and no more: only code is mapped so.
const READ_EXECUTE: u32 = 5;

/// dyld's own reader writes 1, since tools take 0 for a failure.
pub(super) const TIMESTAMP: u64 = 1;

/// Finds the main executable and dyld by their headers, in that part of memory which can be executed.
///
/// As dyld's own reader does, the record has platform 0, state 0 (not started) and one initial image.
///
/// # Errors
/// Those of the process; [`crate::ErrorKind::MachO`] where neither is found.
pub fn scavenge(task: &dyn TaskMemory, options: Options) -> Result<Opening> {
    // Whether that works or not: a process that runs on meanwhile is read all the same.
    let suspension = task.suspend().unwrap_or_default();
    let (mut executable, mut dyld, mut budget, mut seen) = (None, None, FEW, 0_usize);
    // The process stands still meanwhile, so no further than need be.
    task.walk(&mut |region| {
        seen = seen.saturating_add(1);
        if region.protection != READ_EXECUTE {
            return Ok(ControlFlow::Continue(()));
        }
        let header = header_at(task, region.address, &mut budget)?;
        let place = match header.as_ref().map(|header| header.file_type) {
            Some(file_type::EXECUTE) => &mut executable,
            Some(file_type::DYLINKER) => &mut dyld,
            _ => return Ok(ControlFlow::Continue(())),
        };
        if let (None, Some(header)) = (&place, &header) {
            let mut image = image(region.address, header);
            image.file_path = region.path;
            *place = Some(image);
        }
        let found_both = executable.is_some() && dyld.is_some();
        Ok(if found_both { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    drop(suspension);
    if executable.is_none() && dyld.is_none() {
        let found = format!("neither in {seen} regions");
        return Err(Error::macho(0, "a main executable or dyld in the memory of the process", found)
            .with_hint("the process has published nothing yet; it may only just have started"));
    }
    let images = executable.into_iter().chain(dyld).collect();
    let pid = task.pid().unwrap_or(0);
    let process =
        WrittenProcess { pid, timestamp: TIMESTAMP, initial_image_count: Some(1), images, ..WrittenProcess::default() };
    process.open(options)
}
