use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::compress::workers::{count, run};

#[test]
fn little_work_is_not_worth_a_thread() {
    assert_eq!(count(0, 5000), 1);
    assert_eq!(count(500 << 10, 8), 1);
    assert_eq!(count(64 << 20, 1), 1);
    let all = std::thread::available_parallelism().unwrap().get();
    assert_eq!(count(64 << 20, 16), all.min(16));
    assert_eq!(count(64 << 20, 2), all.min(2));
}

#[test]
fn every_job_is_done_once() {
    for workers in [1, 2, 7] {
        let done = Mutex::new(vec![0; 1000]);
        run(workers, 0..1000, |(), job: usize| {
            done.lock().unwrap()[job] += 1;
            Ok::<(), ()>(())
        })
        .unwrap();
        assert!(done.into_inner().unwrap().iter().all(|times| *times == 1));
    }
}

/// Job 3 fails late, jobs 4 to 6 at once: 3 is the one to be told.
#[test]
fn the_first_error_in_order_wins() {
    for workers in [1, 2, 4, 8] {
        let result = run(workers, 0..100, |(), job| {
            if job == 3 {
                std::thread::sleep(Duration::from_millis(20));
            }
            if (3..7).contains(&job) { Err(job) } else { Ok(()) }
        });
        assert_eq!(result, Err(3), "{workers} workers");
    }
}

#[test]
fn no_job_starts_after_an_error() {
    let started = AtomicUsize::new(0);
    let result = run(1, 0..100, |(), job| {
        started.fetch_add(1, Ordering::Relaxed);
        if job == 10 { Err(()) } else { Ok(()) }
    });
    assert_eq!((result, started.into_inner()), (Err(()), 11));
}
