//! A watcher over the transport of macOS: every state that a registration has.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::snapshots::{Loads, snapshot};
use crate::error::Error;
use crate::model::Snapshot;
use crate::notify::message::ProcessEvent;
use crate::notify::transport::mach::MachTransport;
use crate::notify::{Changes, Next, State, WatchOptions, Watcher};
use crate::sys::mach::tests::kernel::{Kernel, Mail, Reply, Target};
use crate::task::mach::attach;

const SOON: Duration = Duration::from_secs(20);

/// What the target has loaded, and when that was.
type Now = Arc<Mutex<(u64, Loads)>>;

fn watched(kernel: &Kernel) -> (Target, Now, Watcher) {
    let target = kernel.spawn(77);
    let now: Now = Arc::new(Mutex::new((1, Loads::own([1, 2]))));
    let watcher = watch(&now).unwrap();
    (target, now, watcher)
}

fn watch(now: &Now) -> Result<Watcher, Error> {
    let source = {
        let now = Arc::clone(now);
        move |_: Option<&Arc<Snapshot>>| {
            let (time, loads) = &*now.lock().unwrap();
            Ok(snapshot(*time, loads, None))
        }
    };
    let transport = MachTransport::new(&attach(77)?)?;
    let options = WatchOptions { reply_within: SOON, ..WatchOptions::default() };
    Watcher::start(Box::new(transport), Box::new(source), options)
}

fn publish(target: Target, now: &Now, loads: Loads) -> Vec<Reply> {
    {
        let mut now = now.lock().unwrap();
        *now = (now.0 + 1, loads);
    }
    target.notify(&ProcessEvent::ATLAS_CHANGED.header().to_bytes())
}

/// How many changes come until there is none.
fn drain(changes: &Changes) -> usize {
    (0..).take_while(|_| matches!(changes.next(Some(Duration::ZERO)).unwrap(), Next::Change(_))).count()
}

fn wait_until(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < SOON, "it did not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn changes_come_and_the_target_goes_on() {
    let kernel = Kernel::boot();
    let (target, now, watcher) = watched(&kernel);
    let changes = watcher.changes().unwrap();
    assert_eq!(drain(&changes), 2);
    for count in 3..9 {
        assert!(matches!(publish(target, &now, Loads::own(1..=count))[..], [Reply::Header(_)]));
        assert_eq!(drain(&changes), 1);
    }
    watcher.close();
    assert_eq!(target.watchers(), 0);
}

#[test]
fn without_listeners_the_target_is_left_alone_and_taken_up_again() {
    let kernel = Kernel::boot();
    let (target, now, watcher) = watched(&kernel);
    for _ in 0..3 {
        let changes = watcher.changes().unwrap();
        assert_eq!(watcher.state().unwrap(), State::Connected);
        assert_eq!(target.watchers(), 1);
        publish(target, &now, Loads::own([3]));
        drop(changes);
        wait_until(|| watcher.state().unwrap() == State::Disconnected);
        wait_until(|| target.watchers() == 0);
    }
}

#[test]
fn a_spoofed_message_ends_the_watch() {
    let kernel = Kernel::boot();
    let (target, now, watcher) = watched(&kernel);
    let changes = watcher.changes().unwrap();
    let header = ProcessEvent::ATLAS_CHANGED.header().to_bytes();
    let awaited = target.post(&Mail { sender: Some(5), ..Mail::new(&header) });
    assert_eq!(target.replies(&awaited), [Reply::GivenUp]);
    wait_until(|| matches!(watcher.state().unwrap(), State::Failed(_)));
    wait_until(|| target.watchers() == 0);
    assert!(watcher.changes().is_err());
    assert!(publish(target, &now, Loads::own([3])).is_empty());
    drop(changes);
}

#[test]
fn the_end_of_the_target_ends_the_watch() {
    let kernel = Kernel::boot();
    let (target, _, watcher) = watched(&kernel);
    let changes = watcher.changes().unwrap();
    assert_eq!(drain(&changes), 2);
    target.exit();
    assert!(matches!(changes.next(Some(SOON)).unwrap(), Next::Ended(_)));
    wait_until(|| watcher.state().unwrap() == State::Disconnected);
}

#[test]
fn every_call_may_fail_and_the_target_never_waits() {
    for at in 0.. {
        let kernel = Kernel::boot();
        let target = kernel.spawn(77);
        let now: Now = Arc::new(Mutex::new((1, Loads::own([1]))));
        kernel.fail_at(at, 6);
        let watcher = watch(&now);
        let replies = publish(target, &now, Loads::own([1, 2]));
        let failed = kernel.stop_failing();
        assert!(watcher.is_ok() || replies.is_empty());
        if let Ok(watcher) = &watcher {
            assert!(failed || matches!(replies[..], [Reply::Header(_)]), "{replies:?}");
            watcher.close();
        }
        assert_eq!(target.watchers(), 0);
        if !failed {
            assert!(at > 8, "{at} calls");
            return;
        }
    }
}
