//! A clock that costs next to nothing and ticks rarely.

/// The tick that this process is in. One takes some milliseconds, and never comes again.
#[must_use]
#[inline]
pub fn tick() -> u64 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the call writes one `timespec`, to a place that is ours.
        let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut now) };
        if result == 0 {
            // One tick of the kernel is 1 to 10 ms, and the value changes with it alone.
            return (now.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec as u64);
        }
    }
    fine()
}

/// The same by the clock that every system has.
fn fine() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    // Not 0, and apart from whatever the other clock says.
    u64::try_from(elapsed.as_millis() / 4).unwrap_or(u64::MAX).saturating_add(1)
}
