//! Processes by their task ports, over a kernel made for tests.

use std::ops::ControlFlow;

use super::publisher::{Plant, Publisher, SEALED, atlas, time};
use super::{fresh, is_unchanged};
use crate::error::{Error, ErrorKind};
use crate::model::Options;
use crate::sys::mach::tests::kernel::{Access, Kernel, Target};
use crate::task::mach::attach;
use crate::task::memory::{PointerFormat, TaskMemory};
use crate::task::take;

const INFOS: u64 = 0x1_0000_4000;
const BUFFERS: u64 = 0x2_0000_0000;

/// Publishes into the memory of a target.
struct TargetPlant {
    target: Target,
    next: u64,
}

impl Plant for TargetPlant {
    fn map(&mut self, size: usize) -> u64 {
        let address = self.next;
        self.next += size.next_multiple_of(0x4000) as u64;
        self.target.map(address, vec![0; size.next_multiple_of(0x4000)], 3, None);
        address
    }

    fn unmap(&mut self, address: u64) {
        self.target.unmap(address);
    }

    fn write(&mut self, address: u64, bytes: &[u8]) {
        self.target.write(address, bytes);
    }

    fn store(&mut self, address: u64, value: u64, width: usize) {
        self.target.write(address, &value.to_le_bytes()[..width]);
    }

    fn swap(&mut self, address: u64, pair: [u64; 2], format: PointerFormat) {
        let width = format.pointer_size();
        let bytes: Vec<u8> = pair.iter().flat_map(|word| word.to_le_bytes()[..width].to_vec()).collect();
        self.target.write(address, &bytes);
    }
}

fn published(kernel: &Kernel) -> (Target, Publisher<TargetPlant>) {
    let target = kernel.spawn(77);
    target.map(INFOS, vec![0; 0x4000], 3, None);
    target.set_dyld_info(INFOS, 368, 1);
    let mut publisher = Publisher::new(TargetPlant { target, next: BUFFERS }, INFOS, PointerFormat::Bits64);
    // As in dyld, where the time of the record is the one that is announced.
    publisher.time = time(0) - 1;
    (target, publisher)
}

fn kind(error: &Error) -> (u16, Option<i32>) {
    use crate::error::SystemStatus::KernReturn;
    let status = match error.kind() {
        ErrorKind::TaskAccess(failure) | ErrorKind::TaskGone(failure) => failure.status,
        ErrorKind::Mach { kern_return, .. } => KernReturn(*kern_return),
        _ => return (error.kind().code(), None),
    };
    let KernReturn(number) = status else { panic!("{error}") };
    (error.kind().code(), Some(number))
}

#[test]
fn snapshots_are_taken_of_a_process() {
    let kernel = Kernel::boot();
    let (_, mut publisher) = published(&kernel);
    publisher.publish(&atlas(0, SEALED));
    let task = attach(77).unwrap();
    assert_eq!(task.pid(), Some(77));
    let (first, known) = fresh(&task, None);
    assert!(is_unchanged(&task, known));
    publisher.publish(&atlas(1, SEALED));
    let (second, _) = fresh(&task, Some(known));
    assert!(second.record().timestamp > first.record().timestamp);
}

#[test]
fn every_call_may_fail_and_nothing_is_kept() {
    let mut errors = 0;
    for at in 0.. {
        for status in [4, 5, 6, 16, 37, 0x1000_0003] {
            let kernel = Kernel::boot();
            let (_, mut publisher) = published(&kernel);
            publisher.publish(&atlas(0, SEALED));
            kernel.fail_at(at, status);
            let taken = attach(77).and_then(|task| take(&task, None, Options::default()));
            if !kernel.stop_failing() {
                assert!(taken.unwrap().opening.is_some());
                assert!(errors > 6, "{at} calls");
                return;
            }
            errors += usize::from(taken.is_err());
        }
    }
}

#[test]
fn who_may_not_read_is_told_what_to_do() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    target.allow(Access::Nobody);
    let refused = attach(77).unwrap_err();
    assert_eq!(kind(&refused), (10, Some(5)));
    assert_eq!(refused.to_string(), "process 77: task_read_for_pid: KERN_FAILURE (5)");
    for word in ["sudo", "com.apple.security.cs.debugger", "hardened runtime", "get-task-allow", "Integrity"] {
        assert!(refused.hint().unwrap().contains(word), "{word}");
    }
    assert_eq!(kind(&attach(78).unwrap_err()), (11, Some(5)), "nobody has this number");
}

#[test]
fn what_the_kernel_says_has_a_meaning() {
    let kernel = Kernel::boot();
    kernel.spawn(77);
    let task = attach(77).unwrap();
    for (status, code) in [(16, 11), (37, 11), (0x1000_0003, 11), (4, 10), (8, 10), (53, 10), (6, 9), (46, 9)] {
        kernel.fail_always("task_info", status);
        assert_eq!(kind(&task.dyld_info().unwrap_err()), (code, Some(status)));
    }
}

#[test]
fn a_process_that_waits_for_its_parent_is_gone() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    let task = attach(77).unwrap();
    target.end();
    assert_eq!(kind(&attach(77).unwrap_err()), (11, Some(5)), "no right would help");
    assert_eq!(kind(&task.dyld_info().unwrap_err()), (11, Some(4)));
    assert_eq!(kind(&task.read(0x4000, &mut [0; 8]).unwrap_err()), (11, Some(4)));
}

#[test]
fn a_process_without_dyld_or_of_an_unknown_kind() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    let task = attach(77).unwrap();
    target.set_dyld_info(0x4000, 224, 0);
    assert_eq!(task.dyld_info().unwrap().format, PointerFormat::Bits32);
    target.set_dyld_info(0, 0, 1);
    assert_eq!(task.dyld_info().unwrap().address, 0);
    for format in [-1, 2, i32::MIN] {
        target.set_dyld_info(0x4000, 368, format);
        assert_eq!(task.dyld_info().unwrap_err().kind().code(), 14);
    }
}

#[test]
fn a_read_ends_where_the_memory_does() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    let task = attach(77).unwrap();
    target.map(0x10_0000, (0..0x9000_u32).map(|at| at as u8).collect(), 1, None);
    target.map(0x10_9000, vec![9; 0x1000], 1, None);
    target.map(0x10_a000, vec![9; 0x1000], 2, None);
    for start in [0, 1, 0xfff, 0x1000, 0x8fff, 0x9fff] {
        for size in [0, 1, 2, 0x1000, 0x2001, 0x9000, 0xa000, 0x10_0000] {
            let mut buffer = vec![0; size];
            let expected = size.min(0xa000 - start);
            assert_eq!(task.read(0x10_0000 + start as u64, &mut buffer).unwrap(), expected, "{size} at {start:#x}");
            assert!((0..expected.min(0x9000_usize.saturating_sub(start))).all(|at| buffer[at] == (start + at) as u8));
        }
    }
    for nowhere in [0, 0xf_ffff, 0x10_a000, 0x10_b000, u64::MAX, 0x00ff_ffff_ffff_ffff] {
        assert_eq!(task.read(nowhere, &mut [0; 64]).unwrap(), 0, "{nowhere:#x}");
    }
    let before = kernel.count("mach_vm_read_overwrite");
    assert_eq!(task.read(0x10_0000, &mut vec![0; 64 << 20]).unwrap(), 0xa000);
    assert!(kernel.count("mach_vm_read_overwrite") - before < 40, "halves, not pages");
}

#[test]
fn the_tag_of_an_address_is_not_asked_for() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    target.map(0x4000, vec![5; 16], 1, None);
    let mut buffer = [0; 8];
    assert_eq!(attach(77).unwrap().read(0xab00_0000_0000_4000, &mut buffer).unwrap(), 8);
    assert_eq!(buffer, [5; 8]);
}

#[test]
fn regions_are_listed_with_the_files_of_code() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    target.map(0x4000, vec![0; 0x4000], 5, Some("/bin/calculator"));
    target.map(0x8000, vec![0; 0x4000], 1, Some("/usr/share/icu"));
    target.map(0x1_0000, vec![0; 0x4000], 5, None);
    let regions = attach(77).unwrap().regions().unwrap();
    let seen: Vec<_> = regions.iter().map(|each| (each.address, each.protection, each.path.as_deref())).collect();
    assert_eq!(seen, [(0x4000, 5, Some("/bin/calculator")), (0x8000, 1, None), (0x1_0000, 5, None)]);
}

#[test]
fn a_walk_ends_where_enough_was_seen() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    for at in 1..20_u64 {
        target.map(at * 0x4000, vec![0; 0x4000], 5, Some("/bin/calculator"));
    }
    let task = attach(77).unwrap();
    let mut seen = 0;
    let visit = &mut |region: crate::task::memory::TaskRegion| {
        seen += 1;
        assert_eq!(region.address, seen * 0x4000);
        Ok(if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    task.walk(visit).unwrap();
    assert_eq!((kernel.count("mach_vm_region"), kernel.count("proc_pidinfo")), (3, 3));
}

#[test]
fn a_process_is_stopped_until_the_suspension_is_dropped() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    let task = attach(77).unwrap();
    let suspension = task.suspend().unwrap().unwrap();
    drop(task);
    assert_eq!(target.suspended(), 1);
    drop(suspension);
    assert_eq!(target.suspended(), 0);
    target.allow(Access::Read);
    assert!(attach(77).unwrap().suspend().unwrap().is_none(), "the port only reads");
    assert!(attach(std::process::id()).unwrap().suspend().unwrap().is_none(), "nobody would wake it up");
    target.allow(Access::Control);
    let task = attach(77).unwrap();
    let suspension = task.suspend().unwrap();
    target.exit();
    drop(suspension);
    assert_eq!(task.suspend().unwrap_err().kind().code(), 11);
}

#[test]
fn a_process_that_ends_is_gone_at_every_call() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    target.map(0x4000, vec![0; 64], 5, None);
    let task = attach(77).unwrap();
    target.exit();
    // Another process of the same number is not the one that was meant.
    kernel.spawn(77);
    let errors =
        [task.dyld_info().err(), task.read(0x4000, &mut [0; 8]).err(), task.regions().err()].map(Option::unwrap);
    for error in &errors {
        assert_eq!(kind(error), (11, Some(0x1000_0003)));
    }
}
