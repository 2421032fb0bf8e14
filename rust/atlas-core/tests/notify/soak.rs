//! A hundred thousand changes, and listeners that come, go, block, fail and leave in the middle: none lost, none
//! doubled.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

use atlas_core::notify::{Change, Next, Watcher};

use super::called::Called;
use super::process::{Listener, Process, alone};

/// Changes to be made.
const CHANGES: u64 = 100_000;
const REPLY_WITHIN: Duration = Duration::from_millis(20);
/// Longer than anything takes that goes on at all.
const NEVER: Duration = Duration::from_secs(60);

/// How handlers that block meet a target that must not wait for their end.
#[derive(Default)]
struct Blocks {
    /// How often the target went on.
    went_on: AtomicU64,
    /// How often a handler has begun to block.
    begun: AtomicU64,
    /// How often the target went on while it still did.
    overtaken: AtomicU64,
}

impl Blocks {
    /// Blocks until the target has gone on: one that waited for this would never go on.
    fn until_the_target_goes_on(&self) {
        let (before, start) = (self.went_on.load(Ordering::SeqCst), Instant::now());
        self.begun.fetch_add(1, Ordering::SeqCst);
        while self.went_on.load(Ordering::SeqCst) == before && start.elapsed() < NEVER {
            thread::sleep(Duration::from_millis(1));
        }
        self.overtaken.fetch_add(u64::from(start.elapsed() < NEVER), Ordering::SeqCst);
    }
}

/// Numbers without a pattern, the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Reads a queue to its end.
fn read(watcher: &Watcher) -> thread::JoinHandle<Listener> {
    let changes = watcher.changes().unwrap();
    thread::spawn(move || {
        let mut listener = Listener::default();
        while let Next::Change(change) = changes.next(None).unwrap() {
            listener.hear(&change);
        }
        listener
    })
}

/// Queues that are opened, read for a while, and dropped, as long as there is something to watch.
fn come_and_go(watcher: &Arc<Called>, stop: &Arc<AtomicBool>, seed: u64) -> thread::JoinHandle<u64> {
    let (watcher, stop) = (Arc::clone(watcher), Arc::clone(stop));
    thread::spawn(move || {
        let (mut random, mut lives) = (Random(seed), 0);
        while !stop.load(Ordering::Relaxed) {
            let Ok(changes) = watcher.changes() else { break };
            let mut listener = Listener::default();
            for _ in 0..random.next() % 300 {
                match changes.next(Some(Duration::from_millis(5))) {
                    Ok(Next::Change(change)) => listener.hear(&change),
                    _ => break,
                }
            }
            lives += 1;
        }
        lives
    })
}

/// A handler that hears, and now and then blocks for longer than the target waits.
fn blocking(listener: &Arc<Mutex<Listener>>, blocks: &Arc<Blocks>) -> Box<dyn FnMut(&Change) + Send> {
    let (listener, blocks, mut random) = (Arc::clone(listener), Arc::clone(blocks), Random(77));
    Box::new(move |change| {
        listener.lock().unwrap().hear(change);
        if random.next() % 3000 == 0 {
            blocks.until_the_target_goes_on();
        }
    })
}

/// A handler that hears, and now and then panics.
fn failing(listener: &Arc<Mutex<Listener>>) -> Box<dyn FnMut(&Change) + Send> {
    let (listener, mut random) = (Arc::clone(listener), Random(99));
    Box::new(move |change| {
        listener.lock().unwrap().hear(change);
        if random.next() % 50 == 0 {
            std::panic::resume_unwind(Box::new("on purpose"));
        }
    })
}

/// A handler that leaves in the middle of what it hears, and another one in its place.
fn leaving(watcher: &Weak<Called>, lives: &Arc<AtomicU64>, after: u64) -> Box<dyn FnMut(&Change) + Send> {
    let (watcher, lives) = (Weak::clone(watcher), Arc::clone(lives));
    let (mut listener, mut calls, mut gone) = (Listener::default(), 0, false);
    // Its own number: handlers like it come one after the other, but not without others in between.
    let mut own = None;
    Box::new(move |change| {
        assert!(!gone, "it is not called after it has left");
        listener.hear(change);
        calls += 1;
        if calls < after {
            return;
        }
        let Some(watcher) = watcher.upgrade() else { return };
        let number = *own.get_or_insert_with(|| NUMBER.load(Ordering::SeqCst));
        gone = true;
        lives.fetch_add(1, Ordering::SeqCst);
        watcher.unsubscribe(number).unwrap();
        let next = leaving(&Arc::downgrade(&watcher), &lives, 1 + (after * 7 + 13) % 400);
        if let Ok(number) = watcher.subscribe(next) {
            NUMBER.store(number, Ordering::SeqCst);
        }
    })
}

/// The number of the one handler that leaves and is followed.
static NUMBER: AtomicU64 = AtomicU64::new(0);

#[test]
fn a_hundred_thousand_changes() {
    let _alone = alone();
    let mut process = Process::new(0x55);
    let watcher = Arc::new(process.watch(REPLY_WITHIN));
    let stop = Arc::new(AtomicBool::new(false));
    let readers = [read(&watcher), read(&watcher)];
    let heard: [Arc<Mutex<Listener>>; 2] = Default::default();
    let blocks = Arc::new(Blocks::default());
    watcher.subscribe(blocking(&heard[0], &blocks)).unwrap();
    watcher.subscribe(failing(&heard[1])).unwrap();
    let lives = Arc::new(AtomicU64::new(0));
    NUMBER.store(watcher.subscribe(leaving(&Arc::downgrade(&watcher), &lives, 90)).unwrap(), Ordering::SeqCst);
    let comers = [1, 2, 3].map(|seed| come_and_go(&watcher, &stop, seed * 0x9e37_79b9));

    let (mut random, mut mask, mut made, mut held) = (Random(0xdead_beef), 0x55, 0, Vec::new());
    while made < CHANGES {
        // Up to some forty at once.
        let flip = random.next() & random.next() | 1 << (random.next() % 64);
        mask ^= flip;
        made += u64::from(flip.count_ones());
        let (begun, start) = (blocks.begun.load(Ordering::SeqCst), Instant::now());
        assert_eq!(process.publish(mask).replied, 1);
        if blocks.begun.load(Ordering::SeqCst) != begun {
            held.push(start.elapsed());
        }
        blocks.went_on.fetch_add(1, Ordering::SeqCst);
    }
    stop.store(true, Ordering::Relaxed);
    let came: u64 = comers.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert!(came > 20 && lives.load(Ordering::SeqCst) > 20, "{came} queues, {lives:?} handlers");
    // Handlers catch up, then all ends with the target.
    let start = Instant::now();
    let (begun, overtaken) = (|| blocks.begun.load(Ordering::SeqCst), || blocks.overtaken.load(Ordering::SeqCst));
    // That includes all who blocked: none was waited for to the end.
    while heard.iter().any(|listener| listener.lock().unwrap().heard < made) || overtaken() < begun() {
        assert!(start.elapsed() < NEVER, "handlers did not catch up: {} of {} were overtaken", overtaken(), begun());
        blocks.went_on.fetch_add(1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(5));
    }
    assert!(begun() > 10, "{} blocked", begun());
    // Whatever else the machine has to do, the time was kept once.
    let quickest = held.iter().filter(|held| **held >= REPLY_WITHIN).min();
    assert!(quickest.is_some_and(|quickest| *quickest < REPLY_WITHIN * 2), "{quickest:?} of {held:?}");
    drop(process);
    let readers = readers.map(|reader| reader.join().unwrap());
    let heard = heard.map(|listener| std::mem::take(&mut *listener.lock().unwrap()));
    for listener in readers.iter().chain(&heard) {
        assert_eq!((listener.heard, listener.mask), (made, mask));
        assert!(listener.is_whole());
    }
}
