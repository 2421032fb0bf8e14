//! A target without a process: what it sends and how calls fail is said by the test.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use super::called::Called;
use super::snapshots::{Loads, snapshot};
use crate::error::{Error, SystemStatus, TaskFailure};
use crate::model::Snapshot;
use crate::notify::message::{HEADER_SIZE, Header, ProcessEvent};
use crate::notify::transport::{Handle, Loss, Received, Rejection, Transport};
use crate::notify::{SnapshotSource, WatchOptions, Watcher};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

pub const FAILURE: TaskFailure = TaskFailure { call: "scripted", pid: Some(7), status: SystemStatus::Errno(5) };

/// What the target and the test share.
#[derive(Default)]
pub struct Script {
    /// How the next calls fail; when there is nothing, they go well.
    pub connect: Mutex<VecDeque<Option<TaskFailure>>>,
    pub reply: Mutex<VecDeque<Option<Loss>>>,
    pub snapshots: Mutex<VecDeque<Option<Error>>>,
    /// What the target has now.
    pub now: Mutex<Option<Arc<Snapshot>>>,
    /// Connections made and not given back.
    pub open: AtomicI32,
    pub connects: AtomicI32,
    pub taken: AtomicI32,
}

struct ScriptedTransport {
    script: Arc<Script>,
    events: mpsc::Receiver<Received>,
    sender: mpsc::Sender<Received>,
    replies: mpsc::Sender<Header>,
}

struct ScriptedHandle(mpsc::Sender<Received>);

impl Handle for ScriptedHandle {
    fn wake(&self) {
        let _ = self.0.send(Received::Woken);
    }
}

fn next<T>(queue: &Mutex<VecDeque<Option<T>>>) -> Option<T> {
    queue.lock().unwrap().pop_front().flatten()
}

impl Transport for ScriptedTransport {
    fn connect(&mut self) -> Result<(), Rejection> {
        self.script.connects.fetch_add(1, Ordering::SeqCst);
        if let Some(failure) = next(&self.script.connect) {
            return Err(Rejection { failure, error: Error::watcher("scripted rejection") });
        }
        assert_eq!(self.script.open.fetch_add(1, Ordering::SeqCst), 0, "one connection at a time");
        Ok(())
    }

    fn receive(&mut self) -> Received {
        assert_eq!(self.script.open.load(Ordering::SeqCst), 1);
        self.events.recv().unwrap()
    }

    fn reply(&mut self, reply: Header) -> Result<(), Loss> {
        if let Some(loss) = next(&self.script.reply) {
            return Err(loss);
        }
        self.replies.send(reply).unwrap();
        Ok(())
    }

    fn disconnect(&mut self) {
        // It is called once more at the end, to be sure.
        let _ = self.script.open.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |open| (open > 0).then(|| open - 1));
    }

    fn handle(&self) -> Arc<dyn Handle> {
        Arc::new(ScriptedHandle(self.sender.clone()))
    }
}

struct ScriptedSource(Arc<Script>);

impl SnapshotSource for ScriptedSource {
    fn take(&mut self, _: Option<&Arc<Snapshot>>) -> crate::Result<Arc<Snapshot>> {
        self.0.taken.fetch_add(1, Ordering::SeqCst);
        match next(&self.0.snapshots) {
            Some(error) => Err(error),
            None => Ok(self.0.now.lock().unwrap().clone().unwrap()),
        }
    }
}

/// The test's end.
pub struct Target {
    pub script: Arc<Script>,
    events: mpsc::Sender<Received>,
    replies: mpsc::Receiver<Header>,
    time: u64,
}

/// A target with `loads`, and how to watch it.
pub fn target(loads: &Loads) -> (Target, Box<dyn Transport>, Box<dyn SnapshotSource>) {
    let script = Arc::new(Script::default());
    *script.now.lock().unwrap() = Some(snapshot(1, loads, None));
    let ((sender, events), (replies, replied)) = (mpsc::channel(), mpsc::channel());
    let transport = ScriptedTransport { script: Arc::clone(&script), events, sender: sender.clone(), replies };
    let source = ScriptedSource(Arc::clone(&script));
    (Target { script, events: sender, replies: replied, time: 1 }, Box::new(transport), Box::new(source))
}

/// A target with `loads` that is watched.
pub fn watched(loads: &Loads, reply_within: Duration) -> (Target, Called) {
    let (target, transport, source) = target(loads);
    let options = WatchOptions { reply_within, ..WatchOptions::default() };
    let watcher = Watcher::start(transport, source, options).unwrap();
    (target, Called::new(watcher))
}

impl Target {
    /// Changes what is loaded, without a word.
    pub fn change(&mut self, loads: &Loads) {
        self.time += 1;
        let mut now = self.script.now.lock().unwrap();
        let before = now.take().filter(|before| before.shared_cache().is_some());
        *now = Some(snapshot(self.time, loads, before.as_deref()));
    }

    pub fn send(&self, header: Header, size: usize) {
        self.events.send(Received::Message { header, size }).unwrap();
    }

    /// Sends an event and waits for the reply: how long that took, or `None` if none came.
    pub fn event(&self, event: ProcessEvent) -> Option<Duration> {
        let start = Instant::now();
        self.send(Header { bits: 0x1112, remote_port: 9, ..event.header() }, HEADER_SIZE);
        let reply = self.reply()?;
        assert_eq!(reply, Header { bits: 0x12, size: 24, remote_port: 9, ..Header::default() });
        Some(start.elapsed())
    }

    /// Waits for a reply.
    pub fn reply(&self) -> Option<Header> {
        self.replies.recv_timeout(LONG).ok()
    }

    /// Loads what is said, and says so.
    pub fn publish(&mut self, loads: &Loads) -> Duration {
        self.change(loads);
        self.event(ProcessEvent::ATLAS_CHANGED).expect("a reply")
    }

    pub fn lose(&self, loss: Loss) {
        self.events.send(Received::Lost(loss)).unwrap();
    }
}
