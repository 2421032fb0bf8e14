//! A descriptor that is readable while somebody should look: for event loops, and for threads that wait in `poll`.

use std::io;

#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A descriptor that can be made readable and unreadable. Neither waits for anything.
#[derive(Debug)]
#[cfg(unix)]
pub struct Descriptor {
    read: OwnedFd,
    /// The other end of a pipe, where there is no `eventfd`.
    #[cfg(not(target_os = "linux"))]
    write: OwnedFd,
}

#[cfg(unix)]
impl Descriptor {
    /// A descriptor that is not readable yet.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn new() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            use rustix::event::{EventfdFlags, eventfd};
            Ok(Self { read: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)? })
        }
        #[cfg(not(target_os = "linux"))]
        {
            use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
            let (read, write) = rustix::pipe::pipe()?;
            for end in [&read, &write] {
                fcntl_setfd(end, FdFlags::CLOEXEC)?;
                ioctl_fionbio(end, true)?;
            }
            Ok(Self { read, write })
        }
    }

    /// Makes it readable.
    pub fn ring(&self) {
        #[cfg(target_os = "linux")]
        let write = &self.read;
        #[cfg(not(target_os = "linux"))]
        let write = &self.write;
        // Eight bytes are one count to an eventfd. It refuses them only when it is full, and readable for that.
        while rustix::io::write(write, &1_u64.to_ne_bytes()) == Err(rustix::io::Errno::INTR) {}
    }

    /// Makes it unreadable.
    pub fn hush(&self) {
        let mut buffer = [0_u8; 512];
        loop {
            match rustix::io::read(&self.read, &mut buffer) {
                // A pipe that was rung often may hold more; an eventfd is empty after one read.
                Ok(count) if count == buffer.len() => {}
                Err(rustix::io::Errno::INTR) => {}
                _ => return,
            }
        }
    }
}

#[cfg(unix)]
impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}

/// Where nothing can be waited for by descriptor, there is none; threads wait for conditions.
#[derive(Debug)]
#[cfg(not(unix))]
pub struct Descriptor;

#[cfg(not(unix))]
impl Descriptor {
    /// Nothing.
    ///
    /// # Errors
    /// None.
    pub const fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Does nothing.
    pub const fn ring(&self) {}

    /// Does nothing.
    pub const fn hush(&self) {}
}
