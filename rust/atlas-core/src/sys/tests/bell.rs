//! Readable when rung, however often, and not when hushed.

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::super::Descriptor;

fn is_ready(descriptor: &Descriptor) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(descriptor, PollFlags::IN)], Some(&at_once)).unwrap() == 1
}

#[test]
fn rung_and_hushed() {
    let bell = Descriptor::new().unwrap();
    bell.hush();
    assert!(!is_ready(&bell), "hushing a silent bell does not wait");
    for count in [1, 2, 70_000] {
        (0..count).for_each(|_| bell.ring());
        assert!(is_ready(&bell));
        bell.hush();
        assert!(!is_ready(&bell));
    }
}
