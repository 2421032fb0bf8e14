//! Another process on Linux: its memory, its mappings, and whether it is still there.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// A process that was there when this was made.
///
/// Numbers of processes are used again. The descriptor is not: [`Self::is_gone`] speaks of the process that was meant.
#[derive(Debug)]
pub struct LinuxProcess {
    pid: libc::pid_t,
    /// None on kernels before 5.3, and in sandboxes that do not know the call.
    descriptor: Option<OwnedFd>,
}

/// A line of `/proc/PID/maps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinuxMapping {
    /// First address.
    pub start: u64,
    /// Address behind the last byte.
    pub end: u64,
    /// 1 read, 2 write, 4 execute.
    pub protection: u32,
    /// Where in the file the mapping begins, in bytes.
    pub offset: u64,
    /// What is mapped, as the kernel writes it; empty for anonymous memory. What is not UTF-8 becomes U+FFFD.
    pub name: String,
}

impl LinuxProcess {
    /// Makes sure that there is such a process.
    ///
    /// # Errors
    /// `ESRCH` where there is none.
    pub fn open(pid: u32) -> io::Result<Self> {
        // 0 and below would mean groups of processes.
        let number = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0);
        let Some(pid) = number else { return Err(io::Error::from_raw_os_error(libc::ESRCH)) };
        // SAFETY: `pidfd_open` takes two integers, touches no memory of ours, and gives a new descriptor or -1.
        let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let descriptor = match libc::c_int::try_from(descriptor) {
            Ok(descriptor) if descriptor >= 0 => {
                // SAFETY: the kernel has just made this descriptor for us, and nobody else knows its number.
                Some(unsafe { OwnedFd::from_raw_fd(descriptor) })
            }
            _ => {
                let error = io::Error::last_os_error();
                // Sandboxes answer EPERM to calls that they do not know.
                if !matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) {
                    return Err(error);
                }
                None
            }
        };
        Ok(Self { pid, descriptor })
    }

    /// Its number.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid.cast_unsigned()
    }

    /// Whether it has ended, even where nobody has waited for it yet. False where the kernel cannot tell.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        let Some(descriptor) = &self.descriptor else { return false };
        let mut poll = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: `poll` is one valid structure for as long as the call lasts, and the call is told that it is one; it
        // does not wait.
        let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
        ready == 1 && poll.revents & libc::POLLIN != 0
    }

    /// Copies its memory from `address` on into `buffer`; says how many bytes that were, from the start. Where a page
    /// is not there the copy ends.
    ///
    /// # Errors
    /// `EPERM` where that is not allowed, `ESRCH` where the process is gone.
    pub fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let Ok(place) = usize::try_from(address) else { return Ok(0) };
        // The kernel refuses a range that leaves the address space as a whole; its beginning is wanted all the same.
        let length = buffer.len().min(usize::MAX.saturating_sub(place));
        if length == 0 {
            return Ok(0);
        }
        let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: length };
        let remote = libc::iovec { iov_base: std::ptr::without_provenance_mut(place), iov_len: length };
        // SAFETY: `local` is the start of `buffer`, which is ours to write for as long as the call lasts and has at
        // least
        // `length` bytes; `remote` means nothing in this process and is only read by the kernel, which checks it
        // against the other one. Both lists have one entry.
        let count = unsafe { libc::process_vm_readv(self.pid, &raw const local, 1, &raw const remote, 1, 0) };
        if let Ok(count) = usize::try_from(count) {
            return Ok(count);
        }
        let error = io::Error::last_os_error();
        // EINVAL: a range that no process can have.
        if matches!(error.raw_os_error(), Some(libc::EFAULT | libc::EINVAL)) { Ok(0) } else { Err(error) }
    }

    /// Shows each mapping, by ascending address, until `found` gives something.
    ///
    /// # Errors
    /// `ENOENT` or `ESRCH` where the process is gone, `EACCES` where its mappings may not be seen.
    pub fn find_mapping<T>(&self, mut found: impl FnMut(&LinuxMapping) -> Option<T>) -> io::Result<Option<T>> {
        let mut lines = BufReader::new(File::open(format!("/proc/{}/maps", self.pid))?);
        let mut line = Vec::new();
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            if let Some(value) = mapping(&String::from_utf8_lossy(&line)).as_ref().and_then(&mut found) {
                return Ok(Some(value));
            }
        }
    }
}

/// Reads a line such as `7f00-7f10 r-xp 00000000 00:01 12   /memfd:name (deleted)`.
pub(super) fn mapping(line: &str) -> Option<LinuxMapping> {
    // The name may hold spaces; the five fields before it are separated by one each, then padded.
    let mut fields = line.trim_end_matches('\n').splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let protection = fields.next()?.bytes().zip([b'r', b'w', b'x']).zip([1, 2, 4]);
    let protection = protection.filter(|((found, wanted), _)| found == wanted).map(|(_, bit)| bit).sum();
    Some(LinuxMapping {
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
        protection,
        offset: u64::from_str_radix(fields.next()?, 16).ok()?,
        name: fields.nth(2).unwrap_or_default().trim_start_matches(' ').to_owned(),
    })
}
