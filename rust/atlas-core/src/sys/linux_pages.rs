//! For tests: memory that another process reads while this one writes, with and without a name in `/proc/PID/maps`.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Mapped pages, all zero at first.
pub struct Pages {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the pages belong to this value alone and are not tied to a thread.
unsafe impl Send for Pages {}

impl Pages {
    /// Without a name; below 2 GiB where `low`, which only x86-64 can.
    pub fn new(length: usize, low: bool) -> io::Result<Self> {
        #[cfg(target_arch = "x86_64")]
        let low = if low { libc::MAP_32BIT } else { 0 };
        #[cfg(not(target_arch = "x86_64"))]
        let low = i32::from(low) & 0;
        Self::map(length, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | low, -1)
    }

    /// With a name.
    pub fn named(name: &CStr, length: usize) -> io::Result<Self> {
        // SAFETY: `name` ends with a NUL and is only read; the call gives a new descriptor or -1.
        let file = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
        if file < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor for us, and nobody else knows its number.
        let file = std::fs::File::from(unsafe { OwnedFd::from_raw_fd(file) });
        file.set_len(length as u64)?;
        Self::map(length, libc::MAP_SHARED, file.as_raw_fd())
    }

    fn map(length: usize, flags: libc::c_int, file: libc::c_int) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: without an address the kernel chooses one that nothing else uses.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, file, 0) };
        match NonNull::new(start.cast()).filter(|_| start != libc::MAP_FAILED) {
            Some(start) => Ok(Self { start, length }),
            None => Err(io::Error::last_os_error()),
        }
    }

    /// Makes the pages code: read and execute.
    pub fn make_code(&self) -> io::Result<()> {
        // SAFETY: the range is this value's own mapping; nothing of it is referred to.
        match unsafe { libc::mprotect(self.start.as_ptr().cast(), self.length, libc::PROT_READ | libc::PROT_EXEC) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    pub fn address(&self) -> u64 {
        self.start.as_ptr().addr() as u64
    }

    /// The place of `size` bytes, checked.
    fn place(&self, at: usize, size: usize) -> *mut u8 {
        assert!(at.checked_add(size).is_some_and(|end| end <= self.length) && at.is_multiple_of(size.min(16)));
        self.start.as_ptr().wrapping_add(at)
    }

    pub fn write(&self, at: usize, bytes: &[u8]) {
        assert!(at.checked_add(bytes.len()).is_some_and(|end| end <= self.length));
        let place = self.start.as_ptr().wrapping_add(at);
        // SAFETY: the range lies in the mapping, which is writable and referred to by nobody in this process; `bytes`
        // is none of it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
    }

    pub fn store_u32(&self, at: usize, value: u32) {
        // SAFETY: the place was checked to lie in the mapping and to be aligned; it lives as long as `self`.
        unsafe { AtomicU32::from_ptr(self.place(at, 4).cast()) }.store(value, Ordering::Release);
    }

    pub fn store_u64(&self, at: usize, value: u64) {
        // SAFETY: as in `store_u32`.
        unsafe { AtomicU64::from_ptr(self.place(at, 8).cast()) }.store(value, Ordering::Release);
    }

    /// Two words in one store, as dyld swaps {address, size}.
    pub fn store_pair(&self, at: usize, pair: [u64; 2]) {
        let place = self.place(at, 16).cast::<u128>();
        let pair = u128::from(pair[0]) | u128::from(pair[1]) << 64;
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{__m128i, _mm_store_si128};
            let value = pair.to_le_bytes();
            // SAFETY: 16 bytes are 16 bytes, of any kind.
            let value: __m128i = unsafe { std::mem::transmute(value) };
            // SAFETY: the place was checked to lie in the mapping and to be aligned to 16 bytes; every x86-64 has SSE2.
            unsafe { _mm_store_si128(place.cast(), value) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        // SAFETY: the place was checked to lie in the mapping and to be aligned to 16 bytes.
        unsafe {
            place.write_volatile(pair);
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the range is this value's own mapping, and nobody can refer to it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}
