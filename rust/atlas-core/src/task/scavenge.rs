//! What a process has loaded before dyld has published anything: its main executable and dyld, found in its memory.

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
    let regions = task.regions()?;
    let (mut executable, mut dyld, mut budget) = (None, None, FEW);
    for region in regions.iter().filter(|region| region.protection == READ_EXECUTE) {
        let Some(header) = header_at(task, region.address, &mut budget)? else { continue };
        let place = match header.file_type {
            file_type::EXECUTE => &mut executable,
            file_type::DYLINKER => &mut dyld,
            _ => continue,
        };
        if place.is_none() {
            let mut image = image(region.address, &header);
            image.file_path.clone_from(&region.path);
            *place = Some(image);
        }
        if executable.is_some() && dyld.is_some() {
            break;
        }
    }
    drop(suspension);
    if executable.is_none() && dyld.is_none() {
        let found = format!("neither in {} regions", regions.len());
        return Err(Error::macho(0, "a main executable or dyld in the memory of the process", found)
            .with_hint("the process has published nothing yet; it may only just have started"));
    }
    let images = executable.into_iter().chain(dyld).collect();
    let pid = task.pid().unwrap_or(0);
    let process =
        WrittenProcess { pid, timestamp: TIMESTAMP, initial_image_count: Some(1), images, ..WrittenProcess::default() };
    process.open(options)
}
