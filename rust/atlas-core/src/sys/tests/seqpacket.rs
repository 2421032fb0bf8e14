//! Connections, who is at their end, and what a forked child has of them.

use std::io::ErrorKind;
use std::os::fd::AsFd as _;

use super::super::{Connection, Descriptor, ForkedDescriptor, Listener};

fn pair(name: &str) -> (Connection, Connection) {
    let name = format!("dyld_atlas_test.{name}.{}", std::process::id());
    let listener = Listener::at(name.as_bytes()).unwrap();
    assert!(listener.accept().unwrap().is_none());
    assert_eq!(Listener::at(name.as_bytes()).unwrap_err().kind(), ErrorKind::AddrInUse);
    let one = Connection::to(name.as_bytes()).unwrap();
    (one, listener.accept().unwrap().unwrap())
}

#[test]
fn messages_keep_their_bounds() {
    let (one, two) = pair("bounds");
    for message in [&b"one"[..], b"second", b"3"] {
        one.send(message).unwrap();
    }
    let mut buffer = [0; 4];
    two.wait_alone().unwrap();
    assert_eq!((two.receive(&mut buffer).unwrap(), &buffer[..3]), (3, &b"one"[..]));
    assert_eq!((two.receive(&mut buffer).unwrap(), &buffer), (6, b"seco"), "its true length is told");
    assert_eq!(two.receive(&mut buffer).unwrap(), 1);
    assert_eq!(two.receive(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
    one.end();
    assert_eq!(two.receive(&mut buffer).unwrap(), 0);
    assert_eq!(two.send(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn the_kernel_says_who_is_there() {
    let (one, two) = pair("peer");
    let here = (std::process::id(), rustix::process::geteuid().as_raw());
    for end in [one, two] {
        let peer = end.peer().unwrap();
        assert_eq!((peer.pid, peer.user), here);
    }
    assert_eq!(Connection::to(b"dyld_atlas_test.nobody").unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn who_waits_is_woken_by_either() {
    let (one, two) = pair("either");
    let bell = Descriptor::new().unwrap();
    two.send(b"m").unwrap();
    assert_eq!(one.wait(bell.as_fd()).unwrap(), (true, false));
    bell.ring();
    assert_eq!(one.wait(bell.as_fd()).unwrap(), (true, true));
    assert_eq!(one.receive(&mut [0]).unwrap(), 1);
    assert_eq!(one.wait(bell.as_fd()).unwrap(), (false, true));
    bell.hush();
    drop(two);
    assert_eq!(one.wait(bell.as_fd()).unwrap(), (true, false), "an end is something to receive");
}

#[test]
fn nobody_is_made_to_wait_for_one_who_does_not_read() {
    let (one, _two) = pair("full");
    let error = (0..100_000).find_map(|_| one.send(&[0; 1000]).err()).unwrap();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

/// A child that keeps its copy keeps the connection open after the parent has gone; one that closes it does not.
#[test]
fn a_forked_child_can_let_go_of_its_copy() {
    let (one, two) = pair("fork");
    let forked = ForkedDescriptor::default();
    forked.set(Some(&one));
    forked.close_in_child();
    one.send(b"still open here").unwrap();
    assert_eq!(two.receive(&mut [0; 64]).unwrap(), 15, "in the process that opened it, nothing is closed");
    let (child_waits, parent_holds) = rustix::pipe::pipe().unwrap();
    // SAFETY: the child calls nothing but what may be called after a fork: getpid, close, read and _exit.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        forked.close_in_child();
        drop(parent_holds);
        let _ = rustix::io::read(&child_waits, &mut [0]);
        // SAFETY: ends this process at once, with nothing of the parent's run twice.
        unsafe { libc::_exit(0) };
    }
    drop(one);
    two.wait_alone().unwrap();
    assert_eq!(two.receive(&mut [0; 64]).unwrap(), 0, "the child lives, and has nothing of it");
    drop(parent_holds);
    let mut status = 0;
    // SAFETY: waits for the child made above, and writes to an integer of this frame.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
}
