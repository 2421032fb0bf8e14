//! Every right has one owner, and a way back.

use super::kernel::Kernel;
use crate::sys::mach::rights::SendRight;
use crate::sys::mach::{GuardedPort, MachFailure, Mailbox, PortSet, abi};

#[test]
fn ports_and_sets_are_given_back() {
    let kernel = Kernel::boot();
    {
        let set = PortSet::new().unwrap();
        let ports = [GuardedPort::new().unwrap(), GuardedPort::new().unwrap()];
        set.insert(&ports[0]).unwrap();
        set.insert(&ports[1]).unwrap();
        ports[0].notify_no_senders().unwrap();
        assert_eq!(kernel.leaks().len(), 3);
        assert_ne!(ports[0].name(), ports[1].name());
    }
    assert!(kernel.leaks().is_empty());
}

#[test]
fn a_set_may_go_before_its_ports() {
    let _kernel = Kernel::boot();
    let port = GuardedPort::new().unwrap();
    {
        let set = PortSet::new().unwrap();
        set.insert(&port).unwrap();
    }
    let set = PortSet::new().unwrap();
    set.insert(&port).unwrap();
}

#[test]
fn nobody_else_destroys_a_guarded_port() {
    let kernel = Kernel::boot();
    let port = GuardedPort::new().unwrap();
    // SAFETY: numbers only; the kernel is the one of these tests.
    let status = unsafe { abi::mach_port_destruct(super::kernel::OWN_TASK, port.name(), 0, 0) };
    assert_ne!(status, 0, "the guard is 0");
    assert_eq!(kernel.leaks().len(), 1);
}

#[test]
fn what_fails_leaves_nothing() {
    let kernel = Kernel::boot();
    let failure = |call| MachFailure { call, kern_return: 6 };
    kernel.fail_at(0, 6);
    assert_eq!(GuardedPort::new().unwrap_err(), failure("mach_port_construct"));
    kernel.fail_at(0, 6);
    assert_eq!(PortSet::new().unwrap_err(), failure("mach_port_allocate"));
    kernel.fail_at(2, 6);
    let (set, port) = (PortSet::new().unwrap(), GuardedPort::new().unwrap());
    assert_eq!(set.insert(&port).unwrap_err(), failure("mach_port_insert_member"));
    kernel.fail_at(0, 6);
    assert_eq!(port.notify_no_senders().unwrap_err(), failure("mach_port_request_notification"));
}

#[test]
fn a_port_that_is_poked_again_and_again_keeps_no_rights() {
    let kernel = Kernel::boot();
    let (set, port) = (PortSet::new().unwrap(), GuardedPort::new().unwrap());
    set.insert(&port).unwrap();
    (0..20).for_each(|_| port.poke());
    assert!(kernel.count("mach_msg_destroy") >= 15, "what did not fit came back, with a right");
    let mut mailbox = Mailbox::new(64);
    let mut received = 0;
    while received < 5 {
        assert_eq!(mailbox.receive(&set).unwrap().port, port.name());
        received += 1;
    }
    assert!(kernel.leaks().iter().all(|leak| leak.ends_with(" 0 to send")), "{:?}", kernel.leaks());
}

#[test]
fn a_forked_child_gives_nothing_back() {
    let kernel = Kernel::boot();
    kernel.spawn(77);
    let mut name = 0;
    // SAFETY: `name` is a value of this frame; the kernel is the one of these tests.
    let status = unsafe { abi::task_for_pid(super::kernel::OWN_TASK, 77, &raw mut name) };
    assert_eq!(status, 0);
    drop(SendRight::new(name).in_child());
    assert_eq!(kernel.leaks().len(), 1, "the right is still the parent's");
    drop(SendRight::new(name));
    assert!(kernel.leaks().is_empty());
}
