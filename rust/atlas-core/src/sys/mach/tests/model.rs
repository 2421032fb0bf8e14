//! The kernel of these tests itself: what it does not notice, no test does.

use super::kernel::Kernel;
use crate::sys::mach::rights::SendRight;
use crate::sys::mach::{GuardedPort, PortSet, TaskPort};

#[test]
fn what_is_left_behind_is_found() {
    let kernel = Kernel::boot();
    kernel.spawn(77);
    let port = GuardedPort::new().unwrap();
    let set = PortSet::new().unwrap();
    let task = TaskPort::of_process(77).unwrap();
    let deregister = task.register(&port).unwrap();
    task.suspend().unwrap();
    let found = kernel.leaks();
    for part in ["receive right", "port set", "send right", "1 registered with 77", "77 suspended 1 times"] {
        assert!(found.iter().any(|leak| leak.contains(part)), "{part} is not in {found:?}");
    }
    task.resume().unwrap();
    task.deregister(&port, deregister).unwrap();
    drop((port, set, task));
    assert!(kernel.leaks().is_empty());
}

#[test]
fn a_right_that_is_given_back_twice_is_found() {
    let kernel = Kernel::boot();
    drop(SendRight::new(0x1003));
    assert_eq!(kernel.leaks().len(), 1);
    kernel.forgive();
}

#[test]
fn a_look_up_while_a_port_is_registered_is_found() {
    let kernel = Kernel::boot();
    kernel.spawn(77);
    let port = GuardedPort::new().unwrap();
    let task = TaskPort::of_process(77).unwrap();
    let deregister = task.register(&port).unwrap();
    let again = task.register(&port).unwrap();
    task.deregister(&port, again).unwrap();
    task.deregister(&port, deregister).unwrap();
    drop((port, task));
    assert_eq!(kernel.leaks().len(), 2, "one for each of the functions");
    kernel.forgive();
}

#[test]
fn a_test_that_leaks_fails() {
    let caught = std::panic::catch_unwind(|| {
        let _kernel = Kernel::boot();
        std::mem::forget(PortSet::new().unwrap());
    });
    assert!(caught.is_err());
}
