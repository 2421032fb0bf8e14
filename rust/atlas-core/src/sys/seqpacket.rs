//! Unix sockets that keep messages apart, by names that no file has. Linux only.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect,
    listen, recv, send, shutdown, socket_with, sockopt::socket_peercred,
};

/// Connections that may wait to be accepted.
const QUEUE: i32 = 64;

fn new_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

/// Who is at the other end: process and user, as the kernel noted them when it began to listen, or connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The process.
    pub pid: u32,
    /// Its effective user.
    pub user: u32,
}

/// One end of a connection. Nothing here waits but [`Connection::wait`].
#[derive(Debug)]
pub struct Connection(OwnedFd);

impl Connection {
    /// Connects to whoever listens at the abstract name `name`.
    ///
    /// # Errors
    /// `ConnectionRefused` where nobody listens, `WouldBlock` where too many wait to be accepted.
    pub fn to(name: &[u8]) -> io::Result<Self> {
        let socket = new_socket()?;
        connect(&socket, &SocketAddrUnix::new_abstract_name(name)?)?;
        Ok(Self(socket))
    }

    /// Who is at the other end.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn peer(&self) -> io::Result<Peer> {
        let found = socket_peercred(&self.0)?;
        Ok(Peer { pid: found.pid.as_raw_nonzero().get().unsigned_abs(), user: found.uid.as_raw() })
    }

    /// Takes the next message and says how long it is, which may be more than `buffer` holds: then its end is lost. 0
    /// means that the other end is closed.
    ///
    /// # Errors
    /// `WouldBlock` where none is there.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match recv(&self.0, &mut *buffer, RecvFlags::TRUNC) {
                Err(Errno::INTR) => {}
                received => return Ok(received?.1),
            }
        }
    }

    /// Sends one message, whole or not at all.
    ///
    /// # Errors
    /// `BrokenPipe` where the other end is closed, `WouldBlock` where it does not take what it is sent.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        loop {
            match send(&self.0, message, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                sent => return Ok(sent.map(|_| ())?),
            }
        }
    }

    /// Waits until there is something to receive, or `bell` rings: which of the two, in this order.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn wait(&self, bell: BorrowedFd<'_>) -> io::Result<(bool, bool)> {
        let mut descriptors = [PollFd::new(&self.0, PollFlags::IN), PollFd::from_borrowed_fd(bell, PollFlags::IN)];
        loop {
            match poll(&mut descriptors, None) {
                Err(Errno::INTR) => {}
                ready => {
                    ready?;
                    // A connection that was cut, or is broken, is something to receive.
                    return Ok((!descriptors[0].revents().is_empty(), !descriptors[1].revents().is_empty()));
                }
            }
        }
    }

    /// Whether the other end is closed, or the connection was ended.
    #[must_use]
    pub fn was_cut(&self) -> bool {
        let mut descriptors = [PollFd::new(&self.0, PollFlags::RDHUP)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut descriptors, Some(&now)).is_err()
            || descriptors[0].revents().intersects(PollFlags::HUP | PollFlags::RDHUP | PollFlags::ERR)
    }

    /// Waits until there is something to receive.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn wait_alone(&self) -> io::Result<()> {
        loop {
            match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], None) {
                Err(Errno::INTR) => {}
                ready => return Ok(ready.map(|_| ())?),
            }
        }
    }

    /// Ends the connection for everybody who has it, forked children too; closing alone would not, as long as they do.
    pub fn end(&self) {
        let _ = shutdown(&self.0, Shutdown::Both);
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What listens at a name.
#[derive(Debug)]
pub struct Listener(OwnedFd);

impl Listener {
    /// Listens at the abstract name `name`.
    ///
    /// # Errors
    /// `AddrInUse` where somebody else does.
    pub fn at(name: &[u8]) -> io::Result<Self> {
        let socket = new_socket()?;
        bind(&socket, &SocketAddrUnix::new_abstract_name(name)?)?;
        listen(&socket, QUEUE)?;
        Ok(Self(socket))
    }

    /// The next connection that waits; `None` if none does.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn accept(&self) -> io::Result<Option<Connection>> {
        loop {
            match accept_with(&self.0, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(Errno::AGAIN) => return Ok(None),
                accepted => return Ok(Some(Connection(accepted?))),
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The number of a descriptor that a forked child has to close, kept where no lock guards it: in the child, whoever
/// held the lock does not exist.
#[derive(Debug)]
pub struct ForkedDescriptor {
    number: AtomicI32,
    owner: u32,
}

impl Default for ForkedDescriptor {
    fn default() -> Self {
        Self { number: AtomicI32::new(-1), owner: std::process::id() }
    }
}

impl ForkedDescriptor {
    /// Notes the descriptor of `connection`, or that there is none any more.
    pub fn set(&self, connection: Option<&Connection>) {
        self.number.store(connection.map_or(-1, |connection| connection.0.as_raw_fd()), Ordering::SeqCst);
    }

    /// In a forked child, closes its copy. In the process that opened it, does nothing.
    pub fn close_in_child(&self) {
        if std::process::id() == self.owner {
            return;
        }
        let number = self.number.swap(-1, Ordering::SeqCst);
        if number >= 0 {
            // SAFETY: the descriptor was open when the process forked, for `set` is told before it is closed, and it is
            // closed once, for the number is taken. Its owner is on the stack of a thread that the child does not have,
            // so that nobody here will use or close it again.
            unsafe { rustix::io::close(number) };
        }
    }
}
