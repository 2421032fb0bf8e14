//! Every call fails once, in every state in which it can be made; each ends where `docs` and the machine say.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::called::Called;
use super::scripted::{FAILURE, Target, target, watched};
use super::snapshots::Loads;
use crate::error::{Error, ErrorKind, SystemStatus, TaskFailure};
use crate::notify::message::{HEADER_SIZE, Header, INVALID_MESSAGE, ProcessEvent};
use crate::notify::transport::Loss;
use crate::notify::{Next, State, WatchOptions, Watcher};

const SOON: Duration = Duration::from_secs(20);

fn wait_for(watcher: &Watcher, state: State<TaskFailure>) {
    let start = Instant::now();
    while watcher.state().unwrap() != state {
        assert!(start.elapsed() < SOON, "{:?}, not {state:?}", watcher.state());
        thread::sleep(Duration::from_millis(1));
    }
}

/// A watcher with a queue whose target did something wrong: the queue ends with an error after what was told, nobody is
/// admitted, and nothing is left open.
fn fails(watcher: &Watcher, target: &Target, changes: &crate::notify::Changes, failure: TaskFailure) {
    assert!(matches!(changes.next(Some(SOON)).unwrap(), Next::Change(_)), "what was told before");
    let error = changes.next(Some(SOON)).unwrap_err();
    assert!(error.to_string().contains(&failure.to_string()), "{error}");
    wait_for(watcher, State::Failed(failure));
    assert_eq!(watcher.changes().err().unwrap().to_string(), error.to_string());
    watcher.close();
    assert_eq!(target.script.open.load(Ordering::SeqCst), 0);
    assert_eq!(watcher.state().unwrap(), State::Failed(failure), "closing changes nothing about that");
}

#[test]
fn a_connection_that_is_refused() {
    let (target, transport, source) = target(&Loads::own([1]));
    target.script.connect.lock().unwrap().push_back(Some(FAILURE));
    let error = Watcher::start(transport, source, WatchOptions::default()).err().unwrap();
    assert_eq!(error.to_string(), "scripted rejection", "the transport's own error, with its hint");
    assert_eq!(Arc::strong_count(&target.script), 1, "the thread has ended, and nothing is held");
}

#[test]
fn a_first_snapshot_that_cannot_be_taken() {
    let (target, transport, source) = target(&Loads::own([1]));
    target.script.snapshots.lock().unwrap().push_back(Some(Error::unsupported("scripted")));
    let error = Watcher::start(transport, source, WatchOptions::default()).err().unwrap();
    assert!(matches!(error.kind(), ErrorKind::UnsupportedPlatform(_)), "{error}");
    assert_eq!((target.script.open.load(Ordering::SeqCst), Arc::strong_count(&target.script)), (0, 1));
}

#[test]
fn a_reconnection_that_fails() {
    let (target, watcher) = watched(&Loads::own([1]), SOON);
    drop(watcher.changes().unwrap());
    wait_for(&watcher, State::Disconnected);
    target.script.snapshots.lock().unwrap().push_back(Some(Error::watcher("torn")));
    assert_eq!(watcher.changes().err().unwrap().to_string(), "torn");
    assert_eq!((watcher.state().unwrap(), target.script.open.load(Ordering::SeqCst)), (State::Disconnected, 0));
    assert!(watcher.changes().is_ok(), "a snapshot may be readable the next time");
    wait_for(&watcher, State::Disconnected);
    target.script.connect.lock().unwrap().push_back(Some(FAILURE));
    assert_eq!(watcher.changes().err().unwrap().to_string(), "scripted rejection");
    assert_eq!(watcher.state().unwrap(), State::Failed(FAILURE));
    assert!(watcher.on(ProcessEvent::MAIN, Box::new(|| ())).is_err());
}

#[test]
fn an_error_on_receiving() {
    let (target, watcher) = watched(&Loads::own([1]), SOON);
    let changes = watcher.changes().unwrap();
    target.lose(Loss::Failed(FAILURE));
    fails(&watcher, &target, &changes, FAILURE);
}

#[test]
fn an_error_on_replying() {
    let (target, watcher) = watched(&Loads::own([1]), SOON);
    let changes = watcher.changes().unwrap();
    target.script.reply.lock().unwrap().push_back(Some(Loss::Failed(FAILURE)));
    target.send(ProcessEvent::MAIN.header(), HEADER_SIZE);
    fails(&watcher, &target, &changes, FAILURE);
}

#[test]
fn a_target_that_is_gone_when_it_is_replied_to() {
    let (target, watcher) = watched(&Loads::own([]), SOON);
    let changes = watcher.changes().unwrap();
    target.script.reply.lock().unwrap().push_back(Some(Loss::Exited));
    target.send(ProcessEvent::MAIN.header(), HEADER_SIZE);
    assert!(matches!(changes.next(Some(SOON)).unwrap(), Next::Ended(_)));
    wait_for(&watcher, State::Disconnected);
}

#[test]
fn messages_that_dyld_does_not_send() {
    let complex = Header { bits: 0x8000_0000, ..ProcessEvent::MAIN.header() };
    let foreign = Header { id: 0x9999, ..ProcessEvent::MAIN.header() };
    let oversized = Header { size: 32 * 1024 + 4, ..ProcessEvent::MAIN.header() };
    let longer_than_it_is = Header { size: 400, ..ProcessEvent::MAIN.header() };
    for (header, size) in [(complex, 24), (foreign, 24), (oversized, 32 * 1024 + 4), (longer_than_it_is, 24)] {
        let (target, watcher) = watched(&Loads::own([1]), SOON);
        let changes = watcher.changes().unwrap();
        target.send(header, size);
        fails(&watcher, &target, &changes, TaskFailure { call: "notification", pid: None, status: INVALID_MESSAGE });
    }
    assert_eq!(INVALID_MESSAGE, SystemStatus::KernReturn(4));
}

#[test]
fn a_snapshot_that_cannot_be_taken_is_taken_after_the_reply() {
    let (mut target, watcher) = watched(&Loads::own([1]), SOON);
    let changes = watcher.changes().unwrap();
    assert!(matches!(changes.next(Some(SOON)).unwrap(), Next::Change(_)));
    target.script.snapshots.lock().unwrap().push_back(Some(Error::watcher("torn")));
    target.publish(&Loads::own([1, 2]));
    assert!(matches!(changes.next(Some(SOON)).unwrap(), Next::Change(_)));
    target.event(ProcessEvent::MAIN);
    assert!(watcher.trouble().unwrap().is_none());
}

#[test]
fn a_snapshot_that_cannot_be_taken_twice_is_taken_at_the_next_message() {
    let (mut target, watcher) = watched(&Loads::own([]), SOON);
    let changes = watcher.changes().unwrap();
    target.script.snapshots.lock().unwrap().extend([Some(Error::watcher("torn")), Some(Error::watcher("again"))]);
    target.publish(&Loads::own([1]));
    let start = Instant::now();
    while watcher.trouble().unwrap().is_none_or(|error| error.to_string() != "again") {
        assert!(start.elapsed() < SOON);
    }
    assert_eq!(watcher.state().unwrap(), State::Connected);
    target.event(ProcessEvent::MAIN);
    assert!(matches!(changes.next(Some(SOON)).unwrap(), Next::Change(_)), "whatever the message was about");
    assert!(watcher.trouble().unwrap().is_none());
}

#[test]
fn a_target_that_is_gone_when_it_is_read() {
    let (mut target, watcher) = watched(&Loads::own([]), SOON);
    let changes = watcher.changes().unwrap();
    target.script.snapshots.lock().unwrap().push_back(Some(Error::new(ErrorKind::TaskGone(FAILURE))));
    target.publish(&Loads::own([1]));
    assert!(matches!(changes.next(Some(SOON)).unwrap(), Next::Ended(_)));
}

#[test]
fn a_source_that_panics() {
    let (target, transport, _) = target(&Loads::own([1]));
    let first = target.script.now.lock().unwrap().clone().unwrap();
    let mut taken = 0;
    let source = move |_: Option<&Arc<crate::model::Snapshot>>| {
        taken += 1;
        if taken > 1 {
            std::panic::resume_unwind(Box::new("on purpose"));
        }
        Ok(Arc::clone(&first))
    };
    let watcher = Watcher::start(transport, Box::new(source), WatchOptions::default()).unwrap();
    assert!(target.event(ProcessEvent::ATLAS_CHANGED).is_some(), "the target is replied to all the same");
    assert!(target.event(ProcessEvent::MAIN).is_some());
    assert!(watcher.trouble().unwrap().unwrap().to_string().contains("panicked"));
}

/// Closed at once, while a message is answered, after an exit, after a failure, twice, by dropping: nothing stays open.
#[test]
fn a_watcher_closed_at_every_state() {
    type Before = fn(&mut Target, &Called);
    let befores: [Before; 6] = [
        |_, _| (),
        |target, _| target.send(ProcessEvent::ATLAS_CHANGED.header(), HEADER_SIZE),
        |_, watcher| drop(watcher.changes().unwrap()),
        |target, _| target.lose(Loss::Exited),
        |target, _| target.lose(Loss::Failed(FAILURE)),
        |target, watcher| {
            watcher.subscribe(Box::new(|_| thread::sleep(Duration::from_millis(5)))).unwrap();
            target.change(&Loads::own([2]));
            target.send(ProcessEvent::ATLAS_CHANGED.header(), HEADER_SIZE);
        },
    ];
    for before in befores {
        for pause in [0, 1, 10] {
            let (mut target, watcher) = watched(&Loads::own([1]), SOON);
            before(&mut target, &watcher);
            thread::sleep(Duration::from_millis(pause));
            drop(watcher);
            assert_eq!(target.script.open.load(Ordering::SeqCst), 0);
            assert_eq!(Arc::strong_count(&target.script), 1, "no thread holds anything");
        }
    }
}
