//! Recorded memory, reading it, and suspensions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::memory::{Suspension, TaskMemory, read_all, read_exactly};
use super::super::recorded::Meddling;
use super::*;
use crate::error::ErrorKind;

fn memory() -> RecordedMemory {
    let mut contents = Contents::default();
    contents.map(0x1000, (0..100).collect(), 3, Some("/file"));
    contents.map(0x1064, vec![7; 50], 5, None);
    contents.map(u64::MAX - 9, vec![9; 10], 1, None);
    RecordedMemory::new(contents)
}

#[test]
fn reads_end_where_nothing_is_mapped() {
    let memory = memory();
    let count = |address: u64, size: usize| memory.read(address, &mut vec![0; size]).unwrap();
    assert_eq!((count(0x1000, 150), count(0x1000, 151), count(0x0fff, 2), count(0x1095, 5)), (150, 150, 0, 1));
    assert_eq!((count(u64::MAX - 9, 100), count(u64::MAX, 1), count(0, 0)), (10, 1, 0));
    let mut bytes = [0; 4];
    read_exactly(&memory, 0x1062, &mut bytes).unwrap();
    assert_eq!(bytes, [98, 99, 7, 7]);
    let error = read_exactly(&memory, 0x1094, &mut bytes).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::UnmappedAddress(0x1096)));
    assert_eq!(read_all(&memory, 0x1000, 150).unwrap().map(|bytes| bytes.len()), Some(150));
    assert_eq!(read_all(&memory, 0x1000, 151).unwrap(), None);
    assert_eq!(read_all(&memory, u64::MAX - 9, 11).unwrap(), None);
    assert_eq!(read_all(&memory, 0, 0).unwrap(), Some(Vec::new()));
}

#[test]
fn large_reads_come_in_pieces_and_whole() {
    let bytes: Vec<u8> = (0..9_500_000_u32).map(|number| (number >> 3) as u8).collect();
    let mut contents = Contents::default();
    contents.map(0x1000, bytes.clone(), 3, None);
    let memory = RecordedMemory::new(contents);
    assert!(read_all(&memory, 0x1000, bytes.len()).unwrap().unwrap() == bytes);
    assert_eq!((memory.reads(), read_all(&memory, 0x1000, bytes.len() + 1).unwrap()), (3, None));
}

#[test]
fn regions_and_changes() {
    let memory = memory();
    let regions = memory.regions().unwrap();
    let found: Vec<_> = regions.iter().map(|region| (region.address, region.size, region.protection)).collect();
    assert_eq!(found, [(0x1000, 100, 3), (0x1064, 50, 5), (u64::MAX - 9, 10, 1)]);
    assert_eq!(regions[0].path.as_deref(), Some("/file"));
    assert!(memory.change(|contents| contents.write(0x1000, &[1; 100])));
    assert!(!memory.change(|contents| contents.write(0x1001, &[1; 100])), "beyond its piece");
    assert!(!memory.change(|contents| contents.write(0xfff, &[1])));
    memory.change(|contents| contents.unmap(0x1000));
    assert_eq!(memory.read(0x1000, &mut [0]).unwrap(), 0);
    memory.set_fault(Some(Box::new(|read, _| (read.size == 3).then_some(Meddling::Shorten(2)))));
    assert_eq!((memory.read(0x1064, &mut [0; 3]).unwrap(), memory.read(0x1064, &mut [0; 4]).unwrap()), (2, 4));
    assert!(memory.suspend().unwrap().is_none() && memory.unchanging(0x1064, 1).is_none());
    assert_eq!(format!("{memory:?}"), "RecordedMemory(2 pieces, 3 reads)");
}

#[test]
fn a_suspension_ends_once() {
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    let suspension = Suspension::until_dropped(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!((format!("{suspension:?}").as_str(), count.load(Ordering::Relaxed)), ("Suspension", 0));
    drop(suspension);
    assert_eq!(count.load(Ordering::Relaxed), 1);
}
