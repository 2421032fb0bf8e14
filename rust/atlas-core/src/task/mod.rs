//! Owns the memory of a process, live or in a core file, and the way to the snapshot that dyld publishes there.
//!
//! * [`TaskMemory`]: what a process must offer; its backends are `mach`, `linux`, [`core`](mod@core) and [`recorded`]
//! * [`AllImageInfos`]: `dyld_all_image_infos` of either width and any version
//! * [`take`]: the loop that reads until what it has was not changed meanwhile
//! * [`scavenge`]: what is there before dyld has published anything
//!
//! Whatever the target says of itself is hostile: sizes are bounded before anything is allocated, pointers are looked
//! up and never followed blindly. Must not wait for notifications, know users' providers, or decode what a record
//! means.
#![forbid(unsafe_code)]

pub mod all_image_infos;
mod attach;
pub mod core;
mod header;
#[cfg(target_os = "linux")]
pub mod linux;
#[cfg(any(target_os = "macos", all(test, unix)))]
pub mod mach;
mod memory;
pub mod recorded;
mod scavenge;
mod snapshot_loop;
mod written;

#[cfg(test)]
mod tests;

pub use all_image_infos::{AllImageInfos, Publication};
pub use attach::attach;
pub use memory::{DyldInfo, PointerFormat, Suspension, TaskMemory, TaskRegion, read_exactly};
pub use scavenge::scavenge;
pub use snapshot_loop::{ATTEMPTS, Taken, take};
