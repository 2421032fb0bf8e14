//! One target, several watchers, and messages that no dyld sends.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use atlas_core::notify::transport::Transport as _;
use atlas_core::notify::transport::socket::{Notified, SocketTransport, name_of};
use atlas_core::notify::{
    Changes, End, Header, LEGACY_LOAD, LegacyImage, LegacyMessage, MAX_MESSAGE_SIZE, Next, ProcessEvent, State, Watcher,
};
use atlas_core::sys::Listener as RawListener;

use super::process::{Listener, Process, SOON, alone};

fn drain(changes: &Changes, listener: &mut Listener) {
    while let Next::Change(change) = changes.next(Some(Duration::from_millis(200))).unwrap() {
        listener.hear(&change);
    }
}

fn wait_for(watcher: &Watcher, wanted: impl Fn(State<atlas_core::error::TaskFailure>) -> bool) {
    let start = Instant::now();
    while !wanted(watcher.state().unwrap()) {
        assert!(start.elapsed() < SOON, "{:?}", watcher.state());
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn changes_come_over_a_socket() {
    let _alone = alone();
    let mut process = Process::new(0b11);
    let watcher = process.watch(SOON);
    let changes = watcher.changes().unwrap();
    assert_eq!(process.publish(0b110), Notified { replied: 1, gone: 0 });
    let mut listener = Listener::default();
    drain(&changes, &mut listener);
    assert_eq!((listener.mask, listener.heard), (0b110, 2));
    drop(watcher);
    assert_eq!(process.publish(0b111), Notified { replied: 0, gone: 1 });
}

#[test]
fn two_watchers_of_one_target() {
    let _alone = alone();
    let mut process = Process::new(1);
    let (one, two) = (process.watch(SOON), process.watch(SOON));
    let queues = [one.changes().unwrap(), two.changes().unwrap()];
    assert_eq!(process.publish(0b11).replied, 2);
    one.close();
    assert_eq!(process.publish(0b111), Notified { replied: 1, gone: 1 });
    let mut listener = Listener::default();
    drain(&queues[1], &mut listener);
    assert_eq!(listener.mask, 0b111);
    assert!(matches!(queues[0].next(None).unwrap(), Next::Ended(End::Closed)));
}

#[test]
fn a_handler_runs_while_the_target_waits() {
    let _alone = alone();
    let mut process = Process::new(0);
    let watcher = process.watch(SOON);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&heard);
    watcher.on(ProcessEvent::MAIN, Box::new(move || into.lock().unwrap().push("main"))).unwrap();
    let into = Arc::clone(&heard);
    watcher.subscribe(Box::new(move |_| into.lock().unwrap().push("change"))).unwrap();
    process.target.notify(&ProcessEvent::BEFORE_INITIALIZERS.header().to_bytes()).unwrap();
    process.target.notify(&ProcessEvent::MAIN.header().to_bytes()).unwrap();
    process.publish(1);
    assert_eq!(*heard.lock().unwrap(), ["main", "change"]);
}

#[test]
fn legacy_messages_of_any_size_are_replied_to() {
    let _alone = alone();
    let mut process = Process::new(0);
    let watcher = process.watch(SOON);
    let image = |n: u64| LegacyImage { uuid: [0; 16], address: n, path: vec![b'p'; 200] };
    let message = LegacyMessage { timestamp: 1, images: (0..500).map(image).collect() };
    let messages = message.to_messages(LEGACY_LOAD).unwrap();
    assert!(messages.len() > 2 && messages.iter().any(|message| message.len() > MAX_MESSAGE_SIZE / 2));
    for message in messages {
        assert_eq!(process.target.notify(&message).unwrap(), Notified { replied: 1, gone: 0 });
    }
    assert_eq!(watcher.state().unwrap(), State::Connected);
}

#[test]
fn messages_that_are_none_end_it_and_let_the_target_go_on() {
    let _alone = alone();
    let event = ProcessEvent::MAIN.header();
    let oversized = Header { size: 40_000, ..event };
    let padded = |header: Header, size: usize| {
        let mut message = header.to_bytes().to_vec();
        message.resize(size, 0);
        message
    };
    let messages = [
        vec![],
        vec![0; 1],
        padded(event, 23),
        padded(event, 25),
        padded(event, 40_000),
        padded(oversized, 40_000),
        padded(Header { id: 0x5000, ..event }, 24),
        padded(Header { bits: 0x8000_0000, ..event }, 24),
    ];
    for message in messages {
        let mut process = Process::new(0);
        let watcher = process.watch(SOON);
        let changes = watcher.changes().unwrap();
        assert_eq!(process.target.notify(&message).unwrap(), Notified { replied: 0, gone: 1 }, "{}", message.len());
        let error = changes.next(Some(SOON)).unwrap_err();
        assert!(error.to_string().contains("KERN_INVALID_ARGUMENT"), "{error}");
        wait_for(&watcher, |state| matches!(state, State::Failed(_)));
    }
}

#[test]
fn a_target_that_goes_ends_it() {
    let _alone = alone();
    let process = Process::new(1);
    let watcher = process.watch(SOON);
    let changes = watcher.changes().unwrap();
    drop(process);
    assert!(matches!(changes.next(Some(SOON)).unwrap(), Next::Change(_)));
    assert!(matches!(changes.next(Some(SOON)).unwrap(), Next::Ended(End::Exited)));
    wait_for(&watcher, |state| state == State::Disconnected);
}

#[test]
fn a_watcher_that_does_not_speak_the_protocol_is_let_go() {
    let _alone = alone();
    let mut process = Process::new(1);
    let rogue = atlas_core::sys::Connection::to(name_of(std::process::id()).as_bytes()).unwrap();
    rogue.send(b"hello").unwrap();
    assert_eq!(process.publish(3), Notified { replied: 0, gone: 1 });
}

#[test]
fn a_name_that_somebody_else_took_is_not_believed() {
    let _alone = alone();
    // There is a process 1, and nothing of dyld's listens for it.
    let _spoof = RawListener::at(name_of(1).as_bytes()).unwrap();
    let rejection = SocketTransport::new(1).unwrap().connect().unwrap_err();
    assert!(rejection.error.to_string().contains("listens under the name of process 1"), "{}", rejection.error);
}

#[test]
fn nobody_listens() {
    let _alone = alone();
    let rejection = SocketTransport::new(std::process::id()).unwrap().connect().unwrap_err();
    assert_eq!(rejection.error.kind().code(), 13, "{}", rejection.error);
    let rejection = SocketTransport::new(u32::MAX).unwrap().connect().unwrap_err();
    assert_eq!(rejection.error.kind().code(), 11, "no such process: {}", rejection.error);
}
