//! The hub with real threads: who waits for what, and what wakes them.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::kind::{Counting, Light, Numbers, register};
use super::parts::{Attempt, BACKLOG, Denied, End, Hub, Input, Role, State, Task};

type TestHub = Hub<Counting>;

/// Plays the receiver's part in connecting, once for each attempt.
fn connect_as(hub: &Arc<TestHub>, attempts: Vec<Attempt<Counting>>) -> thread::JoinHandle<()> {
    let hub = Arc::clone(hub);
    thread::spawn(move || {
        for attempt in attempts {
            assert_eq!(hub.task(), Task::Connect);
            assert!(!hub.attempted(attempt));
        }
    })
}

fn connected(first: Numbers) -> Arc<TestHub> {
    let hub = Arc::new(TestHub::default());
    let receiver = connect_as(&hub, vec![Attempt::Made(first)]);
    hub.connect().unwrap();
    receiver.join().unwrap();
    assert_eq!((hub.state(), hub.task()), (State::Connected, Task::Receive));
    hub
}

fn stream(hub: &TestHub) -> (u64, Light) {
    let light = Light::default();
    (register(hub, Role::Stream(light.clone())).unwrap(), light)
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(5))
}

fn rest(hub: &TestHub, id: u64) -> Vec<u32> {
    std::iter::from_fn(|| hub.next(id, soon()).ok().flatten()).collect()
}

#[test]
fn the_first_listener_connects() {
    let hub = Arc::new(TestHub::default());
    let receiver = connect_as(&hub, vec![Attempt::Made(Numbers(0..2))]);
    let (id, _) = stream(&hub);
    receiver.join().unwrap();
    hub.publish(&Numbers(2..3), Some(Numbers(0..3)));
    assert_eq!((id, rest(&hub, id)), (1, vec![0, 1, 2]));
    assert_eq!(rest(&hub, stream(&hub).0), [0, 1, 2], "who comes later has all of it in the first list");
}

#[test]
fn a_refused_connection_is_the_last_attempt() {
    let hub = Arc::new(TestHub::default());
    let receiver = connect_as(&hub, vec![Attempt::Refused(7, "no right")]);
    assert!(matches!(hub.connect(), Err(Denied::Attempt("no right"))));
    receiver.join().unwrap();
    assert_eq!(hub.state(), State::Failed(7));
    assert!(matches!(hub.connect(), Err(Denied::Ended(End::Failed(7)))));
    assert!(hub.close().removed.is_empty());
    assert_eq!(hub.task(), Task::Stop);
}

#[test]
fn a_list_that_could_not_be_read_may_be_read_next_time() {
    let hub = Arc::new(TestHub::default());
    let receiver = connect_as(&hub, vec![Attempt::Unread("torn"), Attempt::Made(Numbers(4..5))]);
    assert!(matches!(hub.connect(), Err(Denied::Attempt("torn"))));
    assert_eq!(hub.state(), State::Disconnected);
    assert_eq!(rest(&hub, stream(&hub).0), [4]);
    receiver.join().unwrap();
}

#[test]
fn many_wait_for_one_attempt() {
    let hub = Arc::new(TestHub::default());
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let hub = Arc::clone(&hub);
            thread::spawn(move || stream(&hub).0)
        })
        .collect();
    connect_as(&hub, vec![Attempt::Made(Numbers(0..1))]).join().unwrap();
    let mut ids: Vec<_> = waiting.into_iter().map(|thread| thread.join().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4]);
    assert!(ids.into_iter().all(|id| rest(&hub, id) == [0]));
}

#[test]
fn the_last_to_leave_disconnects_and_who_comes_at_once_keeps_the_connection() {
    let hub = connected(Numbers(0..1));
    let (a, _) = stream(&hub);
    let (b, _) = stream(&hub);
    assert!(!hub.unregister(a).wake, "one is left");
    assert!(!hub.unregister(a).wake, "it is gone already");
    assert!(hub.unregister(b).wake);
    assert_eq!(hub.state(), State::Disconnecting);
    let (c, _) = stream(&hub);
    assert_eq!((c, hub.task()), (3, Task::Receive), "the same connection goes on");
    assert!(hub.unregister(c).wake);
    assert_eq!((hub.task(), hub.state()), (Task::Release, State::Disconnected));
    let receiver = connect_as(&hub, vec![Attempt::Made(Numbers(8..9))]);
    let (d, _) = stream(&hub);
    receiver.join().unwrap();
    assert_eq!((d, rest(&hub, d)), (4, vec![8]), "connected anew, with a list read anew");
}

#[test]
fn an_error_ends_every_stream_after_what_was_told() {
    let hub = connected(Numbers(0..1));
    let (id, light) = stream(&hub);
    hub.publish(&Numbers(1..2), None);
    hub.feed(Input::Error(5));
    assert_eq!(hub.state(), State::Failing(5));
    assert_eq!((hub.next(id, None), hub.next(id, None)), (Ok(Some(0)), Ok(Some(1))));
    assert_eq!(hub.next(id, None), Err(End::Failed(5)));
    assert!(light.is_on());
    assert!(matches!(register(&hub, Role::Handler), Err(Denied::Ended(End::Failed(5)))));
    assert_eq!((hub.task(), hub.state()), (Task::Release, State::Failed(5)));
}

#[test]
fn an_exit_is_no_failure_and_final() {
    let hub = connected(Numbers(0..1));
    let (id, _) = stream(&hub);
    hub.feed(Input::Exited);
    assert_eq!(hub.task(), Task::Release);
    assert_eq!((hub.next(id, None), hub.next(id, None)), (Ok(Some(0)), Err(End::Exited)));
    assert_eq!(hub.state(), State::Disconnected);
    assert!(matches!(hub.connect(), Err(Denied::Ended(End::Exited))));
    // Who comes late hears what was there last.
    let light = Light::default();
    let late = hub.reserve();
    hub.register_after_exit(late, None, light.clone()).unwrap();
    assert!(light.is_on());
    assert_eq!((hub.next(late, None), hub.next(late, None)), (Ok(Some(0)), Err(End::Exited)));
    assert!(light.is_on());
    drop(hub.close());
    assert!(hub.register_after_exit(9, None, light).is_none());
}

#[test]
fn nobody_comes_late_before_the_exit() {
    let hub = connected(Numbers(0..1));
    assert!(hub.register_after_exit(9, None, Light::default()).is_none());
}

#[test]
fn closing_wakes_whoever_waits() {
    let hub = connected(Numbers(0..0));
    let (id, light) = stream(&hub);
    type Wait = Box<dyn FnOnce(&TestHub) + Send>;
    let waits: [Wait; 2] = [
        Box::new(move |hub| assert_eq!(hub.next(id, None), Err(End::Closed))),
        Box::new(|hub| assert!(hub.call().is_none())),
    ];
    let threads = waits.map(|wait| {
        let hub = Arc::clone(&hub);
        thread::spawn(move || wait(&hub))
    });
    thread::sleep(Duration::from_millis(20));
    assert!(!light.is_on());
    let left = hub.close();
    assert!(left.wake);
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(light.is_on());
    assert_eq!((hub.task(), hub.task()), (Task::Release, Task::Stop));
    assert!(matches!(hub.connect(), Err(Denied::Ended(End::Closed))));
}

#[test]
fn closing_ends_the_wait_for_a_handler() {
    let hub = connected(Numbers(0..0));
    register(&hub, Role::Handler).unwrap();
    hub.publish(&Numbers(5..6), None);
    let settling = {
        let hub = Arc::clone(&hub);
        thread::spawn(move || hub.settle(None))
    };
    assert_eq!(hub.call().unwrap().item, 5);
    assert_eq!(hub.close().removed.len(), 1);
    settling.join().unwrap();
}

#[test]
fn who_waits_for_a_connection_is_woken_by_closing() {
    let hub = Arc::new(TestHub::default());
    let waiting = {
        let hub = Arc::clone(&hub);
        thread::spawn(move || assert!(matches!(hub.connect(), Err(Denied::Ended(End::Closed)))))
    };
    assert_eq!(hub.task(), Task::Connect);
    let _ = hub.close();
    waiting.join().unwrap();
    assert!(!hub.attempted(Attempt::Made(Numbers(0..0))), "it is given back as any other");
    assert_eq!((hub.task(), hub.task()), (Task::Release, Task::Stop));
}

#[test]
fn the_receiver_waits_for_handlers_up_to_its_deadline_and_only_once() {
    let hub = connected(Numbers(0..0));
    register(&hub, Role::Handler).unwrap();
    hub.publish(&Numbers(1..2), None);
    assert_eq!(hub.call().unwrap().item, 1);
    let start = Instant::now();
    hub.settle(Some(start + Duration::from_millis(30)));
    assert!(start.elapsed() >= Duration::from_millis(30));
    hub.publish(&Numbers(2..3), None);
    let start = Instant::now();
    hub.settle(Some(start + Duration::from_secs(60)));
    assert!(start.elapsed() < Duration::from_secs(30), "it was overtaken before");
    hub.called();
    let call = hub.call().unwrap();
    assert_eq!(call.item, 2, "late, but not lost");
    hub.called();
    hub.settle(None);
    hub.publish(&Numbers(3..4), None);
    let start = Instant::now();
    hub.settle(Some(start + Duration::from_millis(30)));
    assert!(start.elapsed() >= Duration::from_millis(30), "it had caught up, so it is waited for again");
}

#[test]
fn the_receiver_goes_on_when_handlers_have_heard_all() {
    let hub = connected(Numbers(0..0));
    let id = register(&hub, Role::Handler).unwrap();
    let deliverer = {
        let hub = Arc::clone(&hub);
        thread::spawn(move || {
            let mut heard = Vec::new();
            while let Some(call) = hub.call() {
                heard.push(call.item);
                hub.called();
            }
            heard
        })
    };
    for n in 0..200 {
        hub.publish(&Numbers(n..n + 1), None);
        hub.settle(None);
    }
    assert_eq!(id, 1);
    assert_eq!(hub.close().removed.len(), 1);
    assert_eq!(deliverer.join().unwrap(), (0..200).collect::<Vec<_>>());
}

#[test]
fn a_stream_that_nobody_reads_slows_the_target_down() {
    let hub = connected(Numbers(0..0));
    let (id, _) = stream(&hub);
    for n in 0..BACKLOG as u32 {
        let start = Instant::now();
        hub.settle(None);
        assert!(start.elapsed() < Duration::from_secs(5));
        hub.publish(&Numbers(n..n + 1), None);
    }
    let start = Instant::now();
    hub.settle(Some(start + Duration::from_millis(30)));
    assert!(start.elapsed() >= Duration::from_millis(30));
    let reader = {
        let hub = Arc::clone(&hub);
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(10));
            hub.next(id, None)
        })
    };
    hub.settle(None);
    assert_eq!(reader.join().unwrap(), Ok(Some(0)));
}
