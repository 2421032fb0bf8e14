//! Whether work grows as its input does.

use std::time::Duration;

use cpu_time::ThreadTime;

/// Four times the input must not take ten times as long. What grows with the square of it takes sixteen times.
///
/// `make` prepares the work for an input of a size; only the work is timed, the best of several runs.
pub fn grows_no_faster<Work: Fn()>(what: &str, count: usize, make: impl Fn(usize) -> Work) {
    let best = |count: usize| {
        let work = make(count);
        let run = |_| {
            // Of this thread alone: on a busy machine the clock on the wall tells more of the neighbours.
            let start = ThreadTime::now();
            work();
            start.elapsed()
        };
        (0..4).map(run).min().unwrap_or_default()
    };
    let (small, large) = (best(count), best(4 * count));
    println!("{what}: {small:?} for {count}, {large:?} for {}", 4 * count);
    assert!(
        large < 10 * small + Duration::from_millis(40),
        "{what}: {small:?} for {count}, {large:?} for four times that"
    );
}

#[test]
fn the_square_is_found() {
    let square = |count: usize| {
        move || {
            let sum =
                (0..count).map(|a| (0..count).fold(0_usize, |sum, b| sum ^ std::hint::black_box(a * b))).sum::<usize>();
            assert!(std::hint::black_box(sum) < usize::MAX);
        }
    };
    assert!(std::panic::catch_unwind(|| grows_no_faster("square", 6000, square)).is_err());
    grows_no_faster("line", 100_000, |count| move || assert!((0..count).map(std::hint::black_box).count() == count));
}
