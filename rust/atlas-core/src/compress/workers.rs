//! Work on independent blocks by several threads, with an error that does not depend on who was faster.

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Decoded bytes that are worth a thread of their own. Starting one takes about as long as decoding this much.
const BYTES_PER_WORKER: usize = 256 << 10;
/// Most threads, the calling one included. Each may hold a block's worth of memory.
const MOST_WORKERS: usize = 16;

/// How many threads `bytes` of work in `blocks` parts are worth.
pub(super) fn count(bytes: usize, blocks: usize) -> usize {
    let wanted = blocks.min(bytes / BYTES_PER_WORKER).min(MOST_WORKERS);
    if wanted < 2 {
        return 1;
    }
    wanted.min(thread::available_parallelism().map_or(1, NonZero::get))
}

/// Does `work` on all `jobs` with `workers` threads, the calling one included, each with a state of its own.
///
/// Jobs are handed out in their order and none after an error, so every job before the first bad one is done: the error
/// returned is always that of the first bad job.
pub(super) fn run<Job, State: Default, E: Send>(
    workers: usize,
    jobs: impl Iterator<Item = Job> + Send,
    work: impl Fn(&mut State, Job) -> Result<(), E> + Sync,
) -> Result<(), E> {
    // The jobs that are left, and the number of the next.
    let queue = Mutex::new((jobs.fuse(), 0_usize));
    let first_error = Mutex::new(None::<(usize, E)>);
    let labour = || {
        let mut state = State::default();
        loop {
            let next = {
                let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                let (jobs, number) = &mut *queue;
                let next = jobs.next().map(|job| (*number, job));
                *number = number.saturating_add(1);
                next
            };
            let Some((number, job)) = next else { return };
            if let Err(error) = work(&mut state, job) {
                let mut first = first_error.lock().unwrap_or_else(PoisonError::into_inner);
                if first.as_ref().is_none_or(|(earlier, _)| number < *earlier) {
                    *first = Some((number, error));
                }
            }
            if first_error.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..workers {
            // A system that refuses another thread leaves more work to those that are there.
            if thread::Builder::new().spawn_scoped(scope, labour).is_err() {
                break;
            }
        }
        labour();
    });
    match first_error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        None => Ok(()),
        Some((_, error)) => Err(error),
    }
}
