//! The transport of macOS by itself, over a kernel made for tests.

use std::thread;

use crate::error::{SystemStatus, TaskFailure};
use crate::notify::message::{EVENT_BASE, HEADER_SIZE, Header, LEGACY_LOAD, MAX_MESSAGE_SIZE, ProcessEvent};
use crate::notify::transport::mach::MachTransport;
use crate::notify::transport::{Loss, Received, Transport};
use crate::sys::mach::tests::kernel::{Access, Kernel, Mail, Reply, Target};
use crate::task::mach::attach;

const EVENT: Header = ProcessEvent::ATLAS_CHANGED.header();

fn connected(kernel: &Kernel) -> (Target, MachTransport) {
    let target = kernel.spawn(77);
    let mut transport = MachTransport::new(&attach(77).unwrap()).unwrap();
    transport.connect().unwrap();
    assert_eq!(target.watchers(), 1);
    (target, transport)
}

fn mail(header: Header) -> Mail {
    Mail::new(&header.to_bytes())
}

fn next(transport: &mut MachTransport) -> Header {
    let Received::Message { header, size } = transport.receive() else { panic!("no message") };
    assert_eq!(size, header.size as usize);
    header
}

fn spoof() -> Received {
    let failure = TaskFailure { call: "mach_msg", pid: Some(77), status: SystemStatus::KernReturn(4) };
    Received::Lost(Loss::Failed(failure))
}

#[test]
fn a_message_comes_and_its_reply_goes() {
    let kernel = Kernel::boot();
    let (target, mut transport) = connected(&kernel);
    for event in 0..4 {
        let awaited = target.post(&mail(ProcessEvent(event).header()));
        let header = next(&mut transport);
        assert_eq!(header.id, EVENT_BASE + event);
        transport.reply(header.reply()).unwrap();
        assert!(matches!(target.replies(&awaited)[..], [Reply::Header([18, 24, _, 0, 0, 0])]));
    }
}

#[test]
fn the_largest_legacy_message_comes_whole() {
    let kernel = Kernel::boot();
    let (target, mut transport) = connected(&kernel);
    let size = MAX_MESSAGE_SIZE - 68;
    let mut bytes = Header { size: size as u32, id: LEGACY_LOAD, ..EVENT }.to_bytes().to_vec();
    bytes.resize(size, 0xff);
    let awaited = target.post(&Mail::new(&bytes));
    let header = next(&mut transport);
    assert_eq!((header.id, header.size as usize), (LEGACY_LOAD, size));
    assert!(header.accept(size).is_some());
    transport.reply(header.reply()).unwrap();
    assert!(matches!(target.replies(&awaited)[..], [Reply::Header(_)]));
}

#[test]
fn nobody_but_the_target_is_believed() {
    for sender in [1, 78, std::process::id(), 0] {
        let kernel = Kernel::boot();
        let (target, mut transport) = connected(&kernel);
        let awaited = target.post(&Mail { sender: Some(sender), ..mail(EVENT) });
        assert_eq!(transport.receive(), spoof(), "from {sender}");
        assert_eq!(target.replies(&awaited), [Reply::GivenUp]);
    }
}

#[test]
fn only_the_kernel_says_farewell() {
    let kernel = Kernel::boot();
    let (target, mut transport) = connected(&kernel);
    let farewell = Header { id: 70, ..EVENT };
    target.post(&Mail { sender: Some(78), ..mail(farewell) });
    assert_eq!(transport.receive(), spoof());
    target.post(&mail(farewell));
    assert!(next(&mut transport).accept(HEADER_SIZE).is_none(), "from the target it is none of dyld's");
    target.exit();
    assert_eq!(transport.receive(), Received::Lost(Loss::Exited));
}

#[test]
fn what_is_uninvited_or_too_large_is_destroyed() {
    let kernel = Kernel::boot();
    let (target, mut transport) = connected(&kernel);
    target.post(&Mail { rights: 2, ..mail(EVENT) });
    let header = next(&mut transport);
    assert!(header.accept(header.size as usize).is_none(), "complex");
    assert!(matches!(transport.reply(header.reply()), Err(Loss::Failed(_))));
    let mut bytes = EVENT.to_bytes().to_vec();
    bytes.resize(MAX_MESSAGE_SIZE + 100, 0);
    let awaited = target.post(&Mail::new(&bytes));
    let Received::Lost(Loss::Failed(failure)) = transport.receive() else { panic!("it came") };
    assert_eq!((failure.call, failure.status), ("mach_msg", SystemStatus::KernReturn(0x1000_4004)));
    assert_eq!(target.replies(&awaited), [Reply::GivenUp]);
}

#[test]
fn whatever_right_comes_to_reply_with_is_given_back() {
    let kernel = Kernel::boot();
    let (target, mut transport) = connected(&kernel);
    for reply_often in [None, Some(true)] {
        target.post(&Mail { reply_often, ..mail(EVENT) });
        let header = next(&mut transport);
        // A right to send often could make this thread wait, were it not for the time-out.
        let replied = transport.reply(header.reply());
        assert_eq!(replied.is_ok(), reply_often.is_some(), "{replied:?}");
        target.post(&Mail { reply_often, ..mail(EVENT) });
        next(&mut transport);
    }
}

#[test]
fn waking_ends_the_wait_from_any_thread_and_costs_nothing() {
    let kernel = Kernel::boot();
    let (target, mut transport) = connected(&kernel);
    let handle = transport.handle();
    thread::scope(|scope| {
        scope.spawn(|| handle.wake());
        assert_eq!(transport.receive(), Received::Woken);
    });
    (0..100).for_each(|_| handle.wake());
    let awaited = target.post(&mail(EVENT));
    let mut woken = 0;
    let header = loop {
        match transport.receive() {
            Received::Woken => woken += 1,
            Received::Message { header, .. } => break header,
            Received::Lost(loss) => panic!("{loss:?}"),
        }
    };
    assert!((0..=5).contains(&woken));
    transport.reply(header.reply()).unwrap();
    assert!(matches!(target.replies(&awaited)[..], [Reply::Header(_)]));
    drop(transport);
    handle.wake();
    drop(handle);
}

#[test]
fn every_way_out_lets_the_target_go_on() {
    let ways: [fn(MachTransport); 3] = [
        |mut transport| transport.disconnect(),
        drop,
        |mut transport| {
            transport.handle().wake();
            assert_eq!(transport.receive(), Received::Woken);
        },
    ];
    for leave in ways {
        let kernel = Kernel::boot();
        let (target, mut transport) = connected(&kernel);
        let received = target.post(&mail(EVENT));
        next(&mut transport);
        leave(transport);
        assert_eq!(target.replies(&received), [Reply::GivenUp]);
        assert_eq!(target.watchers(), 0);
    }
    let kernel = Kernel::boot();
    let (target, mut transport) = connected(&kernel);
    let queued = target.post(&mail(EVENT));
    transport.disconnect();
    assert_eq!(target.replies(&queued), [Reply::GivenUp], "it was never received");
    transport.disconnect();
    transport.connect().unwrap();
    assert_eq!(target.watchers(), 1);
}

#[test]
fn a_target_that_dies_under_the_reply_is_gone_not_broken() {
    let kernel = Kernel::boot();
    let (target, mut transport) = connected(&kernel);
    let awaited = target.post(&mail(EVENT));
    let header = next(&mut transport);
    target.stop_waiting(&awaited);
    assert!(matches!(transport.reply(header.reply()), Err(Loss::Failed(_))), "only its thread has ended");
    for leave in [Target::end, Target::exit] {
        target.post(&mail(EVENT));
        let header = next(&mut transport);
        leave(target);
        assert_eq!(transport.reply(header.reply()), Err(Loss::Exited));
        kernel.spawn(77);
        transport = MachTransport::new(&attach(77).unwrap()).unwrap();
        transport.connect().unwrap();
    }
}

#[test]
fn no_connection_without_the_target_the_right_or_the_system() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    let mut transport = MachTransport::new(&attach(77).unwrap()).unwrap();
    for refusal in [8, 53] {
        kernel.fail_always("task_dyld_process_info_notify_register", refusal);
        let rejection = transport.connect().unwrap_err();
        assert_eq!(rejection.error.kind().code(), 10);
        assert!(rejection.error.hint().unwrap().contains("snapshot()"), "reading works, and no right would help");
    }
    kernel.fail_always("task_dyld_process_info_notify_register", 46);
    let rejection = transport.connect().unwrap_err();
    assert_eq!(rejection.error.kind().code(), 13);
    assert!(rejection.error.hint().unwrap().contains("11.3"));
    target.exit();
    assert_eq!(transport.connect().unwrap_err().error.kind().code(), 11);
}

#[test]
fn a_port_that_reads_is_enough() {
    let kernel = Kernel::boot();
    let target = kernel.spawn(77);
    target.allow(Access::Read);
    let mut transport = MachTransport::new(&attach(77).unwrap()).unwrap();
    transport.connect().unwrap();
    target.post(&mail(EVENT));
    next(&mut transport);
}

/// Connects, is told something, replies, is woken, and leaves; how far that went.
fn a_life(kernel: &Kernel) -> Result<(), &'static str> {
    let target = kernel.spawn(77);
    let task = attach(77).map_err(|_| "attach")?;
    let mut transport = MachTransport::new(&task).map_err(|_| "new")?;
    transport.connect().map_err(|_| "connect")?;
    let awaited = target.post(&mail(EVENT));
    let received = transport.receive();
    let replied = match received {
        Received::Message { header, .. } => transport.reply(header.reply()).map_err(|_| "reply"),
        _ => Err("receive"),
    };
    if replied.is_err() {
        transport.disconnect();
    }
    // Whatever failed, the target is never left waiting.
    let reply = target.replies(&awaited);
    assert_eq!(replied.is_ok(), matches!(reply[..], [Reply::Header(_)]));
    replied?;
    target.exit();
    match transport.receive() {
        Received::Lost(Loss::Exited) => Ok(()),
        _ => Err("farewell"),
    }
}

#[test]
fn every_call_may_fail_and_nothing_is_kept() {
    let mut failed = std::collections::BTreeSet::new();
    for at in 0.. {
        for status in [4, 6, 0x1000_0003, 0x1000_0007, 0x1000_4009] {
            let kernel = Kernel::boot();
            kernel.fail_at(at, status);
            let result = a_life(&kernel);
            if !kernel.stop_failing() {
                assert_eq!(result, Ok(()));
                assert_eq!(failed.into_iter().collect::<Vec<_>>(), ["connect", "new", "receive", "reply"]);
                return;
            }
            failed.extend(result.err());
        }
    }
}
