//! Messages: whatever comes, the rights in it are given back, and whoever waits goes on.

use super::kernel::{Kernel, Mail, Reply, Target};
use crate::sys::mach::{Deregister, GuardedPort, Mailbox, PortSet, TaskPort};

const SIZE: usize = 32 * 1024;

/// A port that is registered with a target, and where its messages come.
struct Post {
    target: Target,
    task: TaskPort,
    port: GuardedPort,
    set: PortSet,
    mailbox: Mailbox,
    deregister: Deregister,
}

impl Post {
    fn new(kernel: &Kernel) -> Self {
        let target = kernel.spawn(77);
        let (task, port, set) =
            (TaskPort::of_process(77).unwrap(), GuardedPort::new().unwrap(), PortSet::new().unwrap());
        set.insert(&port).unwrap();
        port.notify_no_senders().unwrap();
        let deregister = task.register(&port).unwrap();
        Self { target, task, port, set, mailbox: Mailbox::new(SIZE), deregister }
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let _ = self.task.deregister(&self.port, self.deregister);
    }
}

/// A message of `size` bytes.
fn message(id: u32, size: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = [0, size as u32, 0, 0, 0, id].into_iter().flat_map(u32::to_ne_bytes).collect();
    bytes.resize(size, 0xa5);
    bytes
}

/// The reply to a message with this header.
fn answer(header: [u8; 24]) -> [u8; 24] {
    let mut reply = [0; 24];
    reply[0] = header[0] & 0x1f;
    reply[4] = 24;
    reply[8..12].copy_from_slice(&header[8..12]);
    reply
}

#[test]
fn a_message_is_received_and_replied_to() {
    let kernel = Kernel::boot();
    let mut post = Post::new(&kernel);
    for size in [24, 25, 27, 28, 4096, SIZE] {
        let awaited = post.target.post(&Mail::new(&message(0x4001, size)));
        let envelope = post.mailbox.receive(&post.set).unwrap();
        assert_eq!((envelope.id, envelope.size, envelope.port), (0x4001, size, post.port.name()));
        assert_eq!(envelope.sender, Some(77), "{size} bytes");
        post.mailbox.reply(answer(envelope.header)).unwrap();
        let [Reply::Header([bits, 24, _, 0, 0, 0])] = post.target.replies(&awaited)[..] else { panic!("no reply") };
        assert_eq!(bits, 18);
    }
    assert_eq!(kernel.count("mach_msg_destroy"), 0);
}

#[test]
fn a_message_that_is_not_replied_to_is_given_up() {
    let kernel = Kernel::boot();
    let mut post = Post::new(&kernel);
    let mail = Mail::new(&message(0x4000, 24));
    let first = post.target.post(&mail);
    let second = post.target.post(&mail);
    post.mailbox.receive(&post.set).unwrap();
    post.mailbox.receive(&post.set).unwrap();
    assert_eq!(post.target.replies(&first), [Reply::GivenUp]);
    post.mailbox = Mailbox::new(SIZE);
    assert_eq!(post.target.replies(&second), [Reply::GivenUp]);
    let third = post.target.post(&mail);
    post.mailbox.receive(&post.set).unwrap();
    post.mailbox.give_up();
    post.mailbox.give_up();
    assert_eq!(post.target.replies(&third), [Reply::GivenUp]);
    assert!(post.mailbox.reply([0; 24]).is_err(), "to nothing");
}

#[test]
fn messages_that_nobody_received_are_given_up_with_the_port() {
    let kernel = Kernel::boot();
    let post = Post::new(&kernel);
    let awaited = post.target.post(&Mail::new(&message(0x4000, 24)));
    let target = post.target;
    drop(post);
    assert_eq!(target.replies(&awaited), [Reply::GivenUp]);
}

#[test]
fn a_message_that_is_too_large_lets_the_target_go_on() {
    let kernel = Kernel::boot();
    let mut post = Post::new(&kernel);
    let awaited = post.target.post(&Mail::new(&message(0x1000, SIZE + 80)));
    let failure = post.mailbox.receive(&post.set).unwrap_err();
    assert_eq!((failure.call, failure.kern_return), ("mach_msg", 0x1000_4004));
    assert_eq!(post.target.replies(&awaited), [Reply::GivenUp]);
}

#[test]
fn rights_that_came_uninvited_are_given_back() {
    let kernel = Kernel::boot();
    let mut post = Post::new(&kernel);
    for reply_often in [None, Some(false), Some(true)] {
        let mail = Mail { rights: 3, reply_often, ..Mail::new(&message(0x4000, 24)) };
        post.target.post(&mail);
        let envelope = post.mailbox.receive(&post.set).unwrap();
        assert_ne!(envelope.header[3] & 0x80, 0, "complex");
        assert!(post.mailbox.reply(answer(envelope.header)).is_err(), "{reply_often:?}");
        post.target.post(&mail);
        post.mailbox.receive(&post.set).unwrap();
        post.mailbox.give_up();
    }
    assert_eq!(kernel.count("mach_msg (send)"), 0);
}

#[test]
fn a_reply_that_nobody_waits_for_any_more_is_no_leak() {
    let kernel = Kernel::boot();
    let mut post = Post::new(&kernel);
    let awaited = post.target.post(&Mail::new(&message(0x4000, 24)));
    let envelope = post.mailbox.receive(&post.set).unwrap();
    post.target.stop_waiting(&awaited);
    assert_eq!(post.mailbox.reply(answer(envelope.header)).unwrap_err().kern_return, 0x1000_0003);
    // The same before it is received.
    let awaited = post.target.post(&Mail::new(&message(0x4000, 24)));
    post.target.stop_waiting(&awaited);
    let envelope = post.mailbox.receive(&post.set).unwrap();
    assert!(post.mailbox.reply(answer(envelope.header)).is_err());
}

#[test]
fn a_reply_that_fails_gives_the_message_up() {
    let kernel = Kernel::boot();
    let mut post = Post::new(&kernel);
    let awaited = post.target.post(&Mail::new(&message(0x4000, 24)));
    let envelope = post.mailbox.receive(&post.set).unwrap();
    kernel.fail_at(0, 0x1000_0007);
    assert!(post.mailbox.reply(answer(envelope.header)).is_err());
    assert_eq!(post.target.replies(&awaited), [Reply::GivenUp]);
}

#[test]
fn a_receive_that_is_interrupted_goes_on() {
    let kernel = Kernel::boot();
    let mut post = Post::new(&kernel);
    post.target.post(&Mail::new(&message(0x4002, 24)));
    kernel.fail_at(0, 0x1000_4005);
    assert_eq!(post.mailbox.receive(&post.set).unwrap().id, 0x4002);
    assert_eq!(kernel.count("mach_msg (receive)"), 2);
}

#[test]
fn the_kernel_says_when_nobody_can_send_any_more() {
    let kernel = Kernel::boot();
    let mut post = Post::new(&kernel);
    post.target.exit();
    let envelope = post.mailbox.receive(&post.set).unwrap();
    assert_eq!((envelope.id, envelope.sender), (70, Some(0)));
}
