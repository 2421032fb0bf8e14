//! Other processes by their task ports.

use super::kernel::{Access, Kernel};
use crate::sys::mach::{GuardedPort, MachFailure, TaskPort, TaskRights, is_running, region_file_name};

#[test]
fn the_greater_right_is_taken_and_the_lesser_where_that_is_refused() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    assert_eq!(TaskPort::of_process(77).unwrap().rights(), TaskRights::Control);
    target.allow(Access::Read);
    assert_eq!(TaskPort::of_process(77).unwrap().rights(), TaskRights::Read);
    target.allow(Access::Nobody);
    let refused = MachFailure { call: "task_read_for_pid", kern_return: 5 };
    assert_eq!(TaskPort::of_process(77).unwrap_err(), refused);
    assert_eq!(TaskPort::of_process(78).unwrap_err(), refused);
    assert_eq!(TaskPort::of_process(u32::MAX).unwrap_err(), refused);
}

#[test]
fn an_old_system_has_no_port_that_reads() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    let task = TaskPort::of_process(77).unwrap();
    kernel.grow_old();
    let port = GuardedPort::new().unwrap();
    let absent = |call| MachFailure { call, kern_return: 46 };
    assert_eq!(task.register(&port).unwrap_err(), absent("task_dyld_process_info_notify_register"));
    target.allow(Access::Read);
    assert_eq!(TaskPort::of_process(77).unwrap_err(), MachFailure { call: "task_for_pid", kern_return: 5 });
}

#[test]
fn this_process_needs_no_right() {
    let kernel = Kernel::boot();
    let task = TaskPort::of_process(std::process::id()).unwrap();
    assert_eq!(task.dyld_info().unwrap(), (0x1000, 368, 1));
    assert!(!task.is_gone());
    drop(task);
    assert_eq!(kernel.count("task_for_pid") + kernel.count("mach_port_deallocate"), 0);
}

#[test]
fn a_task_tells_what_it_has() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    target.set_dyld_info(0x7000_0000_1234, 400, 1);
    target.map(0x4000, vec![7; 0x4000], 5, Some("/bin/calculator"));
    target.map(0xc000, vec![8; 0x4000], 3, None);
    let task = TaskPort::of_process(77).unwrap();
    assert_eq!(task.dyld_info().unwrap(), (0x7000_0000_1234, 400, 1));
    let mut buffer = [0; 16];
    assert_eq!(task.read(0x4ff8, &mut buffer), Ok(16));
    assert_eq!(buffer, [7; 16]);
    assert_eq!(task.read(0x7ff8, &mut buffer).unwrap_err().kern_return, 1, "all or nothing");
    let first = task.region_from(0).unwrap().unwrap();
    assert_eq!((first.address, first.size, first.protection), (0x4000, 0x4000, 5));
    assert_eq!(task.region_from(0x8000).unwrap().unwrap().address, 0xc000);
    assert_eq!(task.region_from(0x1_0000).unwrap(), None);
    assert_eq!(region_file_name(77, 0x4000).unwrap(), "/bin/calculator");
    assert_eq!(region_file_name(77, 0xc000), None);
    assert_eq!(region_file_name(77, 0x8000), None, "nothing is mapped, and what is then left in the buffer is no path");
    assert_eq!(region_file_name(78, 0x4000), None);
    task.suspend().unwrap();
    assert_eq!(target.suspended(), 1);
    task.resume().unwrap();
    assert_eq!(target.suspended(), 0);
}

#[test]
fn a_process_that_waits_for_its_parent_does_not_run() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    assert!(is_running(77) && is_running(std::process::id()));
    let task = TaskPort::of_process(77).unwrap();
    assert!(!task.is_gone());
    target.end();
    assert!(!is_running(77) && !is_running(78) && !is_running(u32::MAX));
    assert!(task.is_gone());
    assert_eq!(task.dyld_info().unwrap_err().kern_return, 4, "its ports are not dead yet");
}

#[test]
fn a_task_that_is_gone_stays_gone_when_its_number_is_used_again() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    let task = TaskPort::of_process(77).unwrap();
    target.exit();
    kernel.spawn(77);
    assert!(task.is_gone());
    assert_eq!(task.dyld_info().unwrap_err().kern_return, 0x1000_0003);
    assert!(!TaskPort::of_process(77).unwrap().is_gone());
}
