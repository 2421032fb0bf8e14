//! A watcher from end to end, on a target that behaves.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::called::Called;
use super::scripted::{target, watched};
use super::snapshots::{Loads, key};
use crate::error::ErrorKind;
use crate::notify::message::{Header, LEGACY_LOAD, LEGACY_UNLOAD, ProcessEvent};
use crate::notify::transport::Loss;
use crate::notify::{Change, ChangeKind, Changes, End, Next, State, WatchOptions, Watcher};

const SOON: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(30);

/// A change in short: loaded or not, the image's number, whether initial.
type Short = (bool, u128, bool);

fn short(change: &Change) -> Short {
    (change.kind == ChangeKind::Loaded, key(&change.image).0, change.initial)
}

fn next(changes: &Changes) -> Option<Short> {
    match changes.next(Some(SOON)).unwrap() {
        Next::Change(change) => Some(short(&change)),
        Next::Nothing => panic!("nothing came"),
        Next::Ended(_) => None,
    }
}

fn take(changes: &Changes, count: usize) -> Vec<Short> {
    (0..count).map(|_| next(changes).unwrap()).collect()
}

fn is_quiet(changes: &Changes) -> bool {
    matches!(changes.next(Some(Duration::ZERO)).unwrap(), Next::Nothing)
}

/// What was heard, and what hears it.
type Notes = (Arc<Mutex<Vec<Short>>>, Box<dyn FnMut(&Change) + Send>);

/// A handler that writes down what it hears.
fn notes() -> Notes {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&heard);
    (heard, Box::new(move |change: &Change| into.lock().unwrap().push(short(change))))
}

fn wait_until(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < SOON, "it did not come");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn first_what_is_there_then_what_changes() {
    let (mut target, watcher) = watched(&Loads::own([1, 2]), SOON);
    assert_eq!(watcher.state().unwrap(), State::Connected);
    let changes = watcher.changes().unwrap();
    target.publish(&Loads::own([2, 3]));
    assert_eq!(take(&changes, 2), [(true, 1, true), (true, 2, true)]);
    assert_eq!(take(&changes, 2), [(false, 1, false), (true, 3, false)]);
    assert!(is_quiet(&changes));
    let late = watcher.changes().unwrap();
    assert_eq!(take(&late, 2), [(true, 2, true), (true, 3, true)]);
    assert!(is_quiet(&late));
    assert_eq!((changes.id(), late.id()), (1, 2));
    assert_eq!(watcher.snapshot().unwrap().images().len(), 2);
}

#[test]
fn a_change_comes_with_the_snapshot_that_it_led_to() {
    let (mut target, watcher) = watched(&Loads::own([1]), SOON);
    let changes = watcher.changes().unwrap();
    target.publish(&Loads::own([]));
    let both: Vec<_> = (0..2).map(|_| changes.next(Some(SOON)).unwrap()).collect();
    let [Next::Change(first), Next::Change(gone)] = both.as_slice() else { panic!("{both:?}") };
    assert_eq!((first.snapshot.record().timestamp, gone.snapshot.record().timestamp), (1, 2));
    assert_eq!(gone.image, first.image, "what went is the image of the list before");
    assert!(gone.snapshot.images().is_empty());
}

#[test]
fn handlers_have_run_when_the_target_goes_on() {
    let (mut target, watcher) = watched(&Loads::own([1]), SOON);
    let (heard, handler) = notes();
    assert_eq!(watcher.subscribe(handler).unwrap(), 1);
    let took = target.publish(&Loads::own([1, 5]));
    assert_eq!(*heard.lock().unwrap(), [(true, 1, true), (true, 5, false)]);
    assert!(took < SOON);
}

#[test]
fn the_target_is_not_held_by_a_handler_that_blocks() {
    let (mut target, watcher) = watched(&Loads::own([1]), SHORT);
    let (go, wait) = mpsc::channel::<()>();
    let (heard, mut note) = notes();
    watcher
        .subscribe(Box::new(move |change| {
            if !change.initial {
                let _ = wait.recv();
            }
            note(change);
        }))
        .unwrap();
    wait_until(|| heard.lock().unwrap().len() == 1);
    let took = target.publish(&Loads::own([1, 2]));
    assert!(took >= SHORT && took < SHORT * 40, "{took:?}");
    for count in 3..20 {
        target.publish(&Loads::own(1..count));
    }
    assert_eq!(heard.lock().unwrap().len(), 1, "it still blocks");
    drop(go);
    wait_until(|| heard.lock().unwrap().len() == 18);
    let expected: Vec<Short> = (1..19).map(|n| (true, n, n == 1)).collect();
    assert_eq!(*heard.lock().unwrap(), expected, "late, whole, and in order");
}

#[test]
fn events_reach_those_who_asked_for_them() {
    let (target, watcher) = watched(&Loads::own([1]), SOON);
    let counts = Arc::new(Mutex::new([0; 3]));
    let events = [ProcessEvent::ATLAS_CHANGED, ProcessEvent::MAIN, ProcessEvent::BEFORE_INITIALIZERS];
    for (place, event) in events.into_iter().enumerate() {
        let counts = Arc::clone(&counts);
        watcher.on(event, Box::new(move || counts.lock().unwrap()[place] += 1)).unwrap();
    }
    for event in [ProcessEvent::BEFORE_INITIALIZERS, ProcessEvent::MAIN, ProcessEvent::MAIN, ProcessEvent(0x123)] {
        target.event(event).unwrap();
    }
    assert_eq!(*counts.lock().unwrap(), [0, 2, 1]);
    target.event(ProcessEvent::ATLAS_CHANGED).unwrap();
    assert_eq!(*counts.lock().unwrap(), [1, 2, 1], "also when nothing is new");
}

#[test]
fn a_message_about_what_is_known_changes_nothing() {
    let (mut target, watcher) = watched(&Loads::own([1]), SOON);
    let changes = watcher.changes().unwrap();
    take(&changes, 1);
    target.event(ProcessEvent::ATLAS_CHANGED).unwrap();
    assert!(is_quiet(&changes));
    // Two changes, one snapshot: the second message finds what the first had read.
    target.change(&Loads::own([1, 2]));
    target.change(&Loads::own([1, 2, 3]));
    target.event(ProcessEvent::ATLAS_CHANGED).unwrap();
    target.event(ProcessEvent::ATLAS_CHANGED).unwrap();
    assert_eq!(take(&changes, 2), [(true, 2, false), (true, 3, false)]);
    assert!(is_quiet(&changes));
}

#[test]
fn legacy_messages_are_replied_to_and_no_more() {
    let (target, watcher) = watched(&Loads::own([1]), SOON);
    let before = target.script.taken.load(Ordering::SeqCst);
    for id in [LEGACY_LOAD, LEGACY_UNLOAD] {
        target.send(Header { id, size: 500, ..Header::default() }, 500);
        assert_eq!(target.reply(), Some(Header { size: 24, ..Header::default() }));
    }
    target.event(ProcessEvent::MAIN);
    assert_eq!(target.script.taken.load(Ordering::SeqCst), before);
    assert_eq!(watcher.state().unwrap(), State::Connected);
}

#[test]
fn subscribing_and_unsubscribing_within_a_handler() {
    let (mut target, watcher) = watched(&Loads::own([1]), SOON);
    let watcher = Arc::new(watcher);
    let (heard, note) = notes();
    let inside = Arc::downgrade(&watcher);
    let mut later = Some(note);
    let outer_calls = Arc::new(Mutex::new(0));
    let calls = Arc::clone(&outer_calls);
    let outer = watcher
        .subscribe(Box::new(move |change| {
            *calls.lock().unwrap() += 1;
            let (Some(watcher), false) = (inside.upgrade(), change.initial) else { return };
            if let Some(note) = later.take() {
                assert_eq!(watcher.subscribe(note).unwrap(), 2);
                assert!(watcher.unsubscribe(1).unwrap() && !watcher.unsubscribe(1).unwrap());
            }
        }))
        .unwrap();
    target.publish(&Loads::own([1, 2, 3]));
    target.publish(&Loads::own([1, 2, 3, 4]));
    assert_eq!((outer, *outer_calls.lock().unwrap()), (1, 2), "it is not called for the rest of what it heard of");
    let expected = [(true, 1, true), (true, 2, true), (true, 3, true), (true, 4, false)];
    assert_eq!(*heard.lock().unwrap(), expected);
}

#[test]
fn a_handler_that_leaves_and_comes_back_alone_keeps_the_connection() {
    let (mut target, watcher) = watched(&Loads::own([1]), SOON);
    let watcher = Arc::new(watcher);
    let inside = Arc::downgrade(&watcher);
    let (heard, note) = notes();
    let mut later = Some(note);
    watcher
        .subscribe(Box::new(move |_| {
            let Some(watcher) = inside.upgrade() else { return };
            watcher.unsubscribe(1).unwrap();
            watcher.subscribe(later.take().unwrap()).unwrap();
        }))
        .unwrap();
    wait_until(|| heard.lock().unwrap().len() == 1);
    target.publish(&Loads::own([1, 2]));
    assert_eq!(*heard.lock().unwrap(), [(true, 1, true), (true, 2, false)]);
}

#[test]
fn a_handler_that_panics_hurts_nobody() {
    let (mut target, watcher) = watched(&Loads::own([1]), SOON);
    let before = Arc::new(Mutex::new(0));
    let calls = Arc::clone(&before);
    watcher
        .subscribe(Box::new(move |_| {
            *calls.lock().unwrap() += 1;
            std::panic::resume_unwind(Box::new("on purpose"));
        }))
        .unwrap();
    let (heard, handler) = notes();
    watcher.subscribe(handler).unwrap();
    target.publish(&Loads::own([1, 2]));
    assert_eq!(*heard.lock().unwrap(), [(true, 1, true), (true, 2, false)]);
    assert_eq!(*before.lock().unwrap(), 2, "it is still called");
}

#[test]
fn closing_within_a_handler() {
    let (target, watcher) = watched(&Loads::own([1, 2]), SOON);
    let watcher = Arc::new(watcher);
    let inside = Arc::downgrade(&watcher);
    let (done, closed) = mpsc::channel();
    watcher
        .subscribe(Box::new(move |_| {
            inside.upgrade().unwrap().close();
            done.send(()).unwrap();
        }))
        .unwrap();
    closed.recv_timeout(SOON).unwrap();
    assert_eq!(watcher.state().unwrap(), State::Disconnected);
    assert_eq!(target.script.open.load(Ordering::SeqCst), 0);
    assert!(closed.recv().is_err(), "the handler is gone, and was not called again");
}

#[test]
fn a_watcher_may_be_dropped_by_its_own_handler() {
    let (target, watcher) = watched(&Loads::own([1]), SOON);
    let (done, dropped) = mpsc::channel();
    let slot = Arc::new(Mutex::new(None::<Called>));
    let inside = Arc::clone(&slot);
    let mut guard = slot.lock().unwrap();
    watcher
        .subscribe(Box::new(move |_| {
            drop(inside.lock().unwrap().take());
            done.send(()).unwrap();
        }))
        .unwrap();
    *guard = Some(watcher);
    drop(guard);
    dropped.recv_timeout(SOON).unwrap();
    wait_until(|| target.script.open.load(Ordering::SeqCst) == 0);
}

#[test]
fn closing_does_not_wait_for_a_handler_that_does_not_return() {
    let (mut target, watcher) = watched(&Loads::own([]), Duration::from_secs(60));
    let (go, wait) = mpsc::channel::<()>();
    let (running, runs) = mpsc::channel();
    watcher
        .subscribe(Box::new(move |_| {
            running.send(()).unwrap();
            let _ = wait.recv();
        }))
        .unwrap();
    let publisher = thread::spawn(move || target.publish(&Loads::own([1])));
    runs.recv_timeout(SOON).unwrap();
    let start = Instant::now();
    watcher.close();
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(publisher.join().unwrap() < Duration::from_secs(10), "the target was let go");
    drop(go);
}

#[test]
fn without_listeners_the_target_is_left_alone_until_somebody_comes() {
    let (mut target, watcher) = watched(&Loads::own([1]), SOON);
    let connects = || target.script.connects.load(Ordering::SeqCst);
    let changes = watcher.changes().unwrap();
    drop(changes);
    wait_until(|| watcher.state().unwrap() == State::Disconnected && target.script.open.load(Ordering::SeqCst) == 0);
    assert_eq!(connects(), 1);
    target.change(&Loads::own([1, 2]));
    let changes = watcher.changes().unwrap();
    assert_eq!(take(&changes, 2), [(true, 1, true), (true, 2, true)], "read anew");
    assert_eq!((target.script.connects.load(Ordering::SeqCst), changes.id()), (2, 2));
    target.publish(&Loads::own([2]));
    assert_eq!(next(&changes), Some((false, 1, false)));
}

#[test]
fn the_exit_of_the_target_ends_it() {
    let (mut target, watcher) = watched(&Loads::own([1]), SOON);
    let changes = watcher.changes().unwrap();
    let (heard, handler) = notes();
    watcher.subscribe(handler).unwrap();
    target.publish(&Loads::own([1, 2]));
    target.lose(Loss::Exited);
    assert_eq!(take(&changes, 2).len(), 2);
    assert!(matches!(changes.next(None).unwrap(), Next::Ended(End::Exited)));
    wait_until(|| watcher.state().unwrap() == State::Disconnected);
    assert_eq!(heard.lock().unwrap().len(), 2);
    let error = watcher.subscribe(Box::new(|_| ())).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Watcher(_)) && error.to_string().contains("exited"), "{error}");
    assert_eq!(watcher.snapshot().unwrap().images().len(), 2, "what was known last is still there");
}

#[test]
fn closing_ends_queues_at_once() {
    let (_target, watcher) = watched(&Loads::own([1]), SOON);
    let changes = Arc::new(watcher.changes().unwrap());
    take(&changes, 1);
    let waiting = {
        let changes = Arc::clone(&changes);
        thread::spawn(move || matches!(changes.next(None).unwrap(), Next::Ended(End::Closed)))
    };
    thread::sleep(Duration::from_millis(10));
    watcher.close();
    watcher.close();
    assert!(waiting.join().unwrap());
    assert!(watcher.changes().is_err() && watcher.subscribe(Box::new(|_| ())).is_err());
    drop(watcher);
    assert!(matches!(changes.next(None).unwrap(), Next::Ended(End::Closed)), "a queue may outlive its watcher");
}

#[test]
fn timeouts_of_any_length() {
    let (mut target, watcher) = watched(&Loads::own([]), SOON);
    let changes = watcher.changes().unwrap();
    let start = Instant::now();
    assert!(matches!(changes.next(Some(SHORT)).unwrap(), Next::Nothing));
    assert!(start.elapsed() >= SHORT);
    let waiting = thread::spawn(move || changes.next(Some(Duration::MAX)).map(|next| matches!(next, Next::Change(_))));
    target.publish(&Loads::own([1]));
    assert!(waiting.join().unwrap().unwrap());
}

#[cfg(unix)]
#[test]
fn the_descriptor_is_readable_exactly_while_something_waits() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let ready = |changes: &Changes, millis: i64| {
        let timeout = Timespec { tv_sec: millis / 1000, tv_nsec: millis % 1000 * 1_000_000 };
        poll(&mut [PollFd::new(changes, PollFlags::IN)], Some(&timeout)).unwrap() == 1
    };
    let (mut target, watcher) = watched(&Loads::own([1]), SOON);
    let changes = watcher.changes().unwrap();
    assert!(ready(&changes, 0));
    take(&changes, 1);
    assert!(!ready(&changes, 0));
    target.publish(&Loads::own([1, 2, 3]));
    assert!(ready(&changes, 0));
    take(&changes, 1);
    assert!(ready(&changes, 0));
    take(&changes, 1);
    assert!(!ready(&changes, 0));
    watcher.close();
    assert!(ready(&changes, 20_000), "an end is something to see");
}

#[test]
fn a_snapshot_at_hand_is_offered_to_the_source() {
    let (target, transport, _) = target(&Loads::own([4]));
    let known = target.script.now.lock().unwrap().clone().unwrap();
    let offered = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&offered);
    let source = move |current: Option<&Arc<crate::model::Snapshot>>| {
        *seen.lock().unwrap() = current.cloned();
        Ok(Arc::clone(current.unwrap()))
    };
    let options = WatchOptions { current: Some(Arc::clone(&known)), ..WatchOptions::default() };
    let watcher = Watcher::start(transport, Box::new(source), options).unwrap();
    assert!(Arc::ptr_eq(offered.lock().unwrap().as_ref().unwrap(), &known));
    assert_eq!(next(&watcher.changes().unwrap()), Some((true, 4, true)));
}
