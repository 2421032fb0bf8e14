//! Targets in processes of their own, killed at every step.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use atlas_core::notify::transport::socket::SocketTarget;
use atlas_core::notify::{End, Next, ProcessEvent, Watcher};

use super::called::Called;
use super::process::{SOON, alone, snapshot, watch};

const ROLE: &str = "DYLD_ATLAS_TEST_TARGET";

/// Not a test but the target of the others: this program again, told so by the environment.
#[test]
fn target() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let mut target = SocketTarget::listen().unwrap();
    // Where the other side waits for it; the test runner shows what is written to the error stream of a process.
    std::io::Write::write_all(&mut std::io::stderr(), b"listening\n").unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        let _ = target.notify(&ProcessEvent::ATLAS_CHANGED.header().to_bytes());
        thread::sleep(Duration::from_millis(1));
    }
}

struct Target(Child);

impl Target {
    fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "targets::target", "--nocapture"]).env(ROLE, "1");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = lines.map_while(Result::ok).any(|line| line == "listening");
        assert!(said, "the target did not start");
        Self(child)
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A watcher of `target` that sees another snapshot each time it looks.
fn watched(target: &Target) -> Called {
    let pid = target.0.id();
    let time = Mutex::new(0);
    let source = move |_: Option<&Arc<atlas_core::model::Snapshot>>| {
        let mut time = time.lock().unwrap();
        *time += 1;
        Ok(snapshot(*time, 1 << (*time % 64)))
    };
    let transport = atlas_core::notify::transport::socket::SocketTransport::new(pid).unwrap();
    let options = atlas_core::notify::WatchOptions { reply_within: SOON, current: None };
    Called::new(Watcher::start(Box::new(transport), Box::new(source), options).unwrap())
}

fn ends(watcher: &Called, changes: &atlas_core::notify::Changes) {
    let start = Instant::now();
    loop {
        match changes.next(Some(SOON)).unwrap() {
            Next::Change(_) => assert!(start.elapsed() < SOON),
            Next::Ended(End::Exited) => break,
            other => panic!("{other:?}"),
        }
    }
    // Who comes now hears what was there last; handlers, for which no thread waits any more, are refused.
    let late = watcher.changes().unwrap();
    assert!(matches!(late.next(Some(SOON)).unwrap(), Next::Change(change) if change.initial));
    assert!(matches!(late.next(Some(SOON)).unwrap(), Next::Ended(End::Exited)));
    let error = watcher.subscribe(Box::new(|_| ())).unwrap_err();
    assert!(error.to_string().contains("exited"), "{error}");
}

#[test]
fn killed_after_some_changes() {
    let _alone = alone();
    for count in [0, 1, 2, 50] {
        let mut target = Target::start();
        let watcher = watched(&target);
        let changes = watcher.changes().unwrap();
        for _ in 0..count {
            assert!(matches!(changes.next(Some(SOON)).unwrap(), Next::Change(_)));
        }
        target.kill();
        ends(&watcher, &changes);
    }
}

#[test]
fn killed_while_a_handler_runs() {
    let _alone = alone();
    let target = Arc::new(Mutex::new(Target::start()));
    let watcher = watched(&target.lock().unwrap());
    let changes = watcher.changes().unwrap();
    let killed = Arc::clone(&target);
    watcher
        .subscribe(Box::new(move |change| {
            if !change.initial {
                killed.lock().unwrap().kill();
            }
        }))
        .unwrap();
    ends(&watcher, &changes);
}

#[test]
fn killed_before_it_is_watched() {
    let _alone = alone();
    let mut target = Target::start();
    let pid = target.0.id();
    target.kill();
    let published = Arc::new(Mutex::new(snapshot(1, 0)));
    let error = std::panic::catch_unwind(|| watch(pid, published, SOON)).err();
    assert!(error.is_some(), "nobody listens");
}
