//! A reservation on Unix: one anonymous mapping, pieces mapped over it with `MAP_FIXED`.
//!
//! Every call below changes only pages of the one mapping that the value owns, and it alone: nobody else learns of its
//! address before it is sealed, and afterwards only through `&self`, for reading.

use std::ffi::c_int;
use std::io;
use std::os::fd::AsRawFd as _;
use std::ptr::NonNull;
use std::sync::OnceLock;

use super::file::OpenFile;
use super::reservation;

/// Pages that are not written need not be paid for. Where the flag is not known, private read-only pages are free
/// anyway.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
const NO_RESERVE: c_int = libc::MAP_NORESERVE;
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
const NO_RESERVE: c_int = 0;

/// Owns the pages from `start` on for `mapped` bytes.
#[derive(Debug)]
pub struct Space {
    start: NonNull<u8>,
    length: usize,
    /// `length` in whole pages; 0 where nothing is mapped.
    mapped: usize,
    is_writable: bool,
}

// SAFETY: the pages belong to the process, not to a thread, and only the value that owns them changes or unmaps them.
unsafe impl Send for Space {}
// SAFETY: through `&Space` the pages are only read.
unsafe impl Sync for Space {}

/// The size of a page: 4, 16 or 64 KiB.
fn page() -> usize {
    static PAGE: OnceLock<usize> = OnceLock::new();
    *PAGE.get_or_init(|| {
        // SAFETY: asks for a number; nothing is passed that could be wrong.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        // 64 KiB is a multiple of every page size there is, should the host not say.
        usize::try_from(size).ok().filter(|size| size.is_power_of_two()).unwrap_or(0x10000)
    })
}

impl Space {
    /// The address of the byte at `at`, which has `size` bytes of this mapping from there on.
    fn address(&self, at: usize, size: usize) -> io::Result<*mut u8> {
        if at.checked_add(size).is_none_or(|end| end > self.mapped) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(self.start.as_ptr().wrapping_add(at))
    }

    /// Lets the pages that hold `size` bytes from `at` on be written; all others stay as they are.
    fn let_write(&mut self, at: usize, size: usize) -> io::Result<*mut u8> {
        let target = self.address(at, size)?;
        let first = at - at % page();
        self.protect(first, at - first + size, libc::PROT_READ | libc::PROT_WRITE)?;
        self.is_writable = true;
        Ok(target)
    }

    fn protect(&mut self, at: usize, size: usize, protection: c_int) -> io::Result<()> {
        let address = self.address(at, size)?.cast();
        // SAFETY: the range begins on a page and lies in the mapping that `self` owns and that `&mut self` says nobody
        // reads. Private pages: what is written to them reaches no file.
        let result = unsafe { libc::mprotect(address, size, protection) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Gives pages back to the system.
    fn unmap(&mut self, at: usize, size: usize) {
        if size == 0 {
            return;
        }
        if let Ok(address) = self.address(at, size) {
            // SAFETY: the range lies in the mapping that `self` owns, and `&mut self` says that nobody reads it. It can
            // fail only for addresses that are no pages, so that there is nothing to do about it.
            unsafe { libc::munmap(address.cast(), size) };
        }
    }
}

impl reservation::Space for Space {
    fn page_size() -> Option<u64> {
        Some(page() as u64)
    }

    fn new(length: usize) -> io::Result<Self> {
        let mapped = length.checked_next_multiple_of(page()).ok_or(io::ErrorKind::OutOfMemory)?;
        if mapped == 0 {
            return Ok(Self { start: NonNull::dangling(), length, mapped, is_writable: false });
        }
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON | NO_RESERVE;
        // SAFETY: a new mapping at an address that the system chooses touches nothing that is there.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), mapped, libc::PROT_READ, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, length, mapped, is_writable: false })
    }

    fn map(&mut self, at: usize, file: &OpenFile, offset: u64, length: usize) -> io::Result<()> {
        let offset = libc::off_t::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        let address = self.address(at, length)?;
        if !at.is_multiple_of(page()) || !length.is_multiple_of(page()) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let (flags, descriptor) = (libc::MAP_PRIVATE | libc::MAP_FIXED, file.file.as_raw_fd());
        // SAFETY: `MAP_FIXED` replaces whole pages of the mapping that `self` owns, as was just checked, and no others;
        // `&mut self` says that nobody reads them. What remains is the hazard of every mapped file: see
        // `OpenFile::map`.
        let result = unsafe { libc::mmap(address.cast(), length, libc::PROT_READ, flags, descriptor, offset) };
        if result != libc::MAP_FAILED {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        // A system may have unmapped what was there before it failed, and another thread may have got these addresses
        // since: they are no longer ours to unmap. Rather lose a range of addresses, and give back the rest.
        self.unmap(at + length, self.mapped - at - length);
        self.unmap(0, at);
        (self.length, self.mapped) = (0, 0);
        Err(error)
    }

    fn read(&mut self, at: usize, file: &OpenFile, offset: u64, length: usize) -> io::Result<()> {
        let target = self.let_write(at, length)?;
        let mut done = 0;
        while done < length {
            let position = offset.checked_add(done as u64).and_then(|position| libc::off_t::try_from(position).ok());
            let position = position.ok_or(io::ErrorKind::InvalidInput)?;
            let (to, left) = (target.wrapping_add(done), length - done);
            // SAFETY: `left` bytes from `to` on lie in pages that `self` owns and that were just made writable; the
            // call writes no more than these.
            let count = unsafe { libc::pread(file.file.as_raw_fd(), to.cast(), left, position) };
            match usize::try_from(count) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => done += count,
                Err(_) => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    fn copy(&mut self, at: usize, bytes: &[u8]) -> io::Result<()> {
        let target = self.let_write(at, bytes.len())?;
        // SAFETY: the pages of the target belong to `self` alone and were just made writable; so `bytes`, which
        // somebody else lends, lies elsewhere.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len()) };
        Ok(())
    }

    fn seal(&mut self) -> io::Result<()> {
        if !self.is_writable {
            return Ok(());
        }
        self.protect(0, self.mapped, libc::PROT_READ)?;
        self.is_writable = false;
        Ok(())
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: `length` bytes from `start` on, at most `isize::MAX`, are mapped and readable for as long as `self`
        // lives; a new mapping is all zeros, so they are initialised. They change no more once sealed, except as for
        // every mapped file: see `OpenFile::map`. Of no bytes the address is dangling but not null, as a slice wants
        // it.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        self.unmap(0, self.mapped);
    }
}
