//! After any life, nothing is left: no thread, no descriptor.

use std::thread;
use std::time::{Duration, Instant};

use atlas_core::notify::ProcessEvent;

use super::process::{Process, SOON, alone};

fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("dyld_atlas")).count()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn settles_at(what: impl Fn() -> usize, wanted: usize) {
    let start = Instant::now();
    while what() != wanted {
        assert!(start.elapsed() < SOON, "{} instead of {wanted}", what());
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn nothing_is_left_of_a_watcher() {
    let _alone = alone();
    let lives: [fn(&mut Process); 6] = [
        |process| drop(process.watch(SOON)),
        |process| {
            let watcher = process.watch(SOON);
            let queues = [watcher.changes().unwrap(), watcher.changes().unwrap()];
            process.publish(5);
            drop(watcher);
            drop(queues);
        },
        |process| {
            let watcher = process.watch(SOON);
            watcher.subscribe(Box::new(|_| ())).unwrap();
            watcher.on(ProcessEvent::MAIN, Box::new(|| ())).unwrap();
            process.publish(7);
        },
        |process| {
            let watcher = process.watch(SOON);
            let changes = watcher.changes().unwrap();
            // The target refuses to speak sense.
            process.target.notify(b"nonsense").unwrap();
            assert!(changes.next(Some(SOON)).is_ok() && changes.next(Some(SOON)).is_err());
        },
        |process| {
            let watcher = process.watch(SOON);
            for _ in 0..5 {
                drop(watcher.changes().unwrap());
                thread::sleep(Duration::from_millis(2));
            }
        },
        |process| {
            let watcher = process.watch(Duration::from_millis(1));
            watcher.subscribe(Box::new(|_| thread::sleep(Duration::from_millis(20)))).unwrap();
            process.publish(9);
            process.publish(8);
        },
    ];
    for (index, life) in lives.iter().enumerate() {
        let before = descriptors();
        for _ in 0..3 {
            let mut process = Process::new(1);
            life(&mut process);
        }
        settles_at(threads, 0);
        settles_at(descriptors, before);
        assert!(index < lives.len());
    }
}
