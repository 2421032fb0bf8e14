//! Snapshots of processes that are recorded, published to under the reader's hands, or real.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod core_files;
mod core_lists;
#[path = "../../../tests/support/cores.rs"]
#[allow(dead_code, reason = "each test uses its part")]
mod cores;
mod errors;
mod hostile_cores;
mod infos;
#[cfg(target_os = "linux")]
mod live;
mod looping;
#[cfg(all(unix, not(target_os = "macos")))]
mod mach;
#[cfg(target_os = "linux")]
mod mappings;
mod memory;
mod publisher;
mod scavenging;

use super::all_image_infos::Publication;
use super::memory::{DyldInfo, PointerFormat, TaskMemory};
use super::recorded::{Contents, RecordedMemory};
use super::snapshot_loop::{Taken, take};
use crate::model::{Options, Snapshot};
use publisher::{Publisher, RecordedPlant};

/// Where the structure lies in recorded memory.
const INFOS: u64 = 0x4000;

/// A recorded process that has published nothing, and who publishes there.
fn process(format: PointerFormat) -> (RecordedMemory, Publisher<RecordedPlant>) {
    let size = if format == PointerFormat::Bits64 { 368 } else { 224 };
    let info = DyldInfo { address: INFOS, size, format };
    let mut contents = Contents::new(Some(77), Some(info));
    contents.map(INFOS, vec![0; 0x1000], 3, None);
    let memory = RecordedMemory::new(contents);
    let publisher = Publisher::new(RecordedPlant::new(memory.clone()), INFOS, format);
    (memory, publisher)
}

/// A snapshot that differs from `known`, and what was announced of it.
fn fresh(task: &dyn TaskMemory, known: Option<Publication>) -> (Snapshot, Publication) {
    let taken = take(task, known, Options::default()).unwrap();
    (taken.opening.expect("a new snapshot").finish().unwrap(), taken.publication)
}

/// Whether the task says that nothing changed since `known`.
fn is_unchanged(task: &dyn TaskMemory, known: Publication) -> bool {
    take(task, Some(known), Options::default()).unwrap().opening.is_none()
}

/// Which of `atlases` was taken; fails where it is none of them, byte for byte.
fn variant(taken: Taken, atlases: &[Vec<u8>]) -> u64 {
    let snapshot = taken.opening.expect("a new snapshot").finish().unwrap();
    let variant = snapshot.record().timestamp.checked_sub(publisher::time(0)).expect("a published time");
    let published = &atlases[usize::try_from(variant).unwrap()];
    assert!(snapshot.archive().decoded()[..] == published[..], "a mix that begins like {variant}");
    variant
}
