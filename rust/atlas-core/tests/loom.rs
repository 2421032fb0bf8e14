//! The hub of notifications under loom: every order in which its threads can meet, within bounds.
//!
//! The hub's own files are compiled here a second time, with loom's locks in place of the standard ones; nothing else in
//! the crate needs to know. CI runs this as a test of its own (`cargo test --test loom`); it takes seconds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(dead_code, reason = "the tests here use a part of the hub")]

#[path = "../src/notify/hub.rs"]
mod hub;
#[path = "../src/notify/tests/kind.rs"]
mod kind;
#[path = "../src/notify/machine.rs"]
mod machine;
#[path = "../src/notify/roster.rs"]
mod roster;

/// loom's locks, by the names of `notify/sync.rs`. There is no time in loom: what waits, waits until it is woken.
mod sync {
    pub use loom::sync::{Condvar, Mutex, MutexGuard};
    use std::time::Instant;

    pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }

    pub fn wait<'a, T>(changed: &Condvar, guard: MutexGuard<'a, T>, _: Option<Instant>) -> MutexGuard<'a, T> {
        changed.wait(guard).unwrap()
    }

    /// A deadline in a test means one that is past: look, do not wait.
    pub fn is_past(deadline: Option<Instant>) -> bool {
        deadline.is_some()
    }
}

mod parts {
    pub use crate::hub::*;
    pub use crate::machine::*;
    pub use crate::roster::*;
}

use std::time::Instant;

use loom::sync::Arc;
use loom::thread;

use kind::{Counting, Light, Numbers, register};
use parts::{Attempt, Denied, End, Hub, Input, Role, State, Task};

type TestHub = Hub<Counting>;

/// All orders with at most four preemptions, which is where bugs of locks and conditions show.
fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(4);
    builder.check(test);
}

fn spawn<T: 'static>(hub: &Arc<TestHub>, act: impl FnOnce(&TestHub) -> T + 'static) -> thread::JoinHandle<T> {
    let hub = Arc::clone(hub);
    thread::spawn(move || act(&hub))
}

fn connected(first: Numbers) -> Arc<TestHub> {
    let hub = Arc::new(TestHub::default());
    // As the receiver would after `connect` had asked for it; what asks is tested apart.
    assert!(!hub.attempted(Attempt::Made(first)));
    hub
}

fn waiting(hub: &TestHub, id: u64) -> Vec<u32> {
    std::iter::from_fn(|| hub.next(id, Some(Instant::now())).ok().flatten()).collect()
}

#[test]
fn a_listener_hears_each_number_once_whenever_it_comes() {
    model(|| {
        let hub = connected(Numbers(0..1));
        let receiver = spawn(&hub, |hub| {
            hub.publish(&Numbers(1..2), Some(Numbers(0..2)));
            hub.publish(&Numbers(2..3), Some(Numbers(0..3)));
        });
        let id = register(&hub, Role::Stream(Light::default())).unwrap();
        receiver.join().unwrap();
        assert_eq!(waiting(&hub, id), [0, 1, 2]);
    });
}

#[test]
fn a_stream_that_waits_is_woken_by_each_change_and_by_the_end() {
    model(|| {
        let hub = connected(Numbers(0..0));
        let light = Light::default();
        let id = register(&hub, Role::Stream(light.clone())).unwrap();
        let receiver = spawn(&hub, |hub| {
            hub.publish(&Numbers(1..2), None);
            hub.feed(Input::Exited);
        });
        assert_eq!(hub.next(id, None), Ok(Some(1)));
        assert_eq!(hub.next(id, None), Err(End::Exited));
        receiver.join().unwrap();
        assert!(light.is_on(), "an end is something to take");
    });
}

#[test]
fn a_bell_is_on_exactly_while_something_waits() {
    model(|| {
        let hub = connected(Numbers(0..0));
        let light = Light::default();
        let id = register(&hub, Role::Stream(light.clone())).unwrap();
        let receiver = spawn(&hub, |hub| {
            hub.publish(&Numbers(1..2), None);
            hub.publish(&Numbers(2..3), None);
        });
        let early = waiting(&hub, id).len();
        receiver.join().unwrap();
        assert_eq!(light.is_on(), early < 2);
        assert_eq!((early + waiting(&hub, id).len(), light.is_on()), (2, false));
    });
}

#[test]
fn the_receiver_settles_once_handlers_have_heard_all() {
    model(|| {
        let hub = connected(Numbers(0..0));
        let id = register(&hub, Role::Handler).unwrap();
        let deliverer = spawn(&hub, |hub| {
            let mut heard = Vec::new();
            while let Some(call) = hub.call() {
                heard.push(call.item);
                hub.called();
            }
            heard
        });
        hub.publish(&Numbers(1..2), None);
        hub.settle(None);
        assert_eq!(hub.unregister(id).removed.len(), 1, "nobody is out on a call");
        let _ = hub.close();
        assert_eq!(deliverer.join().unwrap(), [1]);
    });
}

#[test]
fn a_handler_may_leave_and_come_within_its_call() {
    model(|| {
        let hub = connected(Numbers(0..1));
        let id = register(&hub, Role::Handler).unwrap();
        let deliverer = spawn(&hub, move |hub| {
            let call = hub.call().unwrap();
            let _ = hub.unregister(id);
            let other = register(hub, Role::Stream(Light::default())).unwrap();
            hub.called();
            (call.item, other)
        });
        hub.publish(&Numbers(1..2), Some(Numbers(0..2)));
        hub.settle(None);
        let (item, other) = deliverer.join().unwrap();
        assert_eq!((item, waiting(&hub, other)), (0, vec![0, 1]), "the change is heard by the one that came, whole");
        assert_eq!(hub.state(), State::Connected);
    });
}

#[test]
fn one_attempt_serves_two_who_come_together() {
    model(|| {
        let hub = Arc::new(TestHub::default());
        let other = spawn(&hub, |hub| hub.connect().is_ok());
        let receiver = spawn(&hub, |hub| {
            assert_eq!(hub.task(), Task::Connect);
            assert!(!hub.attempted(Attempt::Made(Numbers(0..1))));
            assert_eq!(hub.task(), Task::Receive);
        });
        assert!(hub.connect().is_ok() && other.join().unwrap());
        receiver.join().unwrap();
    });
}

#[test]
fn a_refusal_reaches_everybody_and_ends_it() {
    model(|| {
        let hub = Arc::new(TestHub::default());
        let receiver = spawn(&hub, |hub| {
            assert_eq!(hub.task(), Task::Connect);
            assert!(!hub.attempted(Attempt::Refused(5, "no")));
        });
        let other = spawn(&hub, |hub| hub.connect());
        let mine = hub.connect();
        let denials = [mine, other.join().unwrap()];
        assert_eq!(denials.iter().filter(|denial| matches!(denial, Err(Denied::Attempt("no")))).count(), 1);
        assert!(denials.iter().all(Result::is_err));
        receiver.join().unwrap();
    });
}

/// The last listener leaves, another comes, the receiver finds out: in whatever order, there is one connection in the end,
/// held by a machine that says so.
#[test]
fn who_comes_while_the_last_one_leaves_is_connected() {
    model(|| {
        let hub = connected(Numbers(0..1));
        let first = register(&hub, Role::Stream(Light::default())).unwrap();
        let receiver = spawn(&hub, |hub| {
            let mut connections = 1;
            loop {
                match hub.task() {
                    Task::Connect => {
                        connections += 1;
                        assert!(!hub.attempted(Attempt::Made(Numbers(0..1))));
                    }
                    Task::Release => connections -= 1,
                    Task::Receive => {
                        // A real one would wait for a message or a wake-up; here it looks again, after the others.
                        thread::yield_now();
                    }
                    Task::Stop => return connections,
                }
            }
        });
        let left = hub.unregister(first);
        assert!(left.wake);
        let second = register(&hub, Role::Stream(Light::default())).unwrap();
        assert_eq!(waiting(&hub, second), [0]);
        let _ = hub.close();
        assert_eq!(receiver.join().unwrap(), 0, "what was connected was given back");
    });
}

#[test]
fn closing_ends_everything_that_waits() {
    model(|| {
        let hub = connected(Numbers(0..0));
        let id = register(&hub, Role::Stream(Light::default())).unwrap();
        let receiver = spawn(&hub, |hub| {
            hub.settle(None);
            while hub.task() != Task::Stop {
                thread::yield_now();
            }
        });
        let taker = spawn(&hub, move |hub| hub.next(id, None));
        let _ = hub.close();
        assert_eq!(taker.join().unwrap(), Err(End::Closed));
        receiver.join().unwrap();
    });
}
