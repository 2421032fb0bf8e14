//! Notifications on Linux, from a process that stands for a Darwin one.
//!
//! The target listens on a Unix socket that keeps messages apart, at an abstract name with its number in it. Connecting
//! is registering, closing is deregistering. The target sends dyld's messages with dyld's headers, and waits for each
//! reply, which is a header, too. Abstract names belong to whoever takes them first, so both sides ask the kernel who
//! the other is: a watcher wants the process that it meant, a target wants its own user or root.
//!
//! Nothing is lost between connecting and being accepted, as long as the target keeps this order:
//! 1. target: publishes
//! 2. target: accepts all who wait
//! 3. target: notifies all it has accepted
//!
//! Who connects before 2 is notified; who connects after 2 reads what 1 published.

use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, SystemStatus, TaskFailure};
use crate::sys::{Connection, Descriptor, ForkedDescriptor, LinuxProcess, Listener};

use super::super::message::{HEADER_SIZE, Header, INVALID_MESSAGE, MAX_MESSAGE_SIZE};
use super::{Handle, Loss, Received, Rejection, Transport};

/// How often a full queue is tried again, and what passes between two times: a second in all.
const PATIENCE: u32 = 200;
const PAUSE: Duration = Duration::from_millis(5);

/// The abstract name at which process `pid` listens, without the leading NUL.
#[must_use]
pub fn name_of(pid: u32) -> String {
    format!("dyld_process_info_notify.{pid}")
}

/// A watcher's end.
#[derive(Debug)]
pub struct SocketTransport {
    pid: u32,
    connection: Option<Connection>,
    handle: Arc<SocketHandle>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct SocketHandle {
    bell: Descriptor,
    forked: ForkedDescriptor,
}

impl Handle for SocketHandle {
    fn wake(&self) {
        self.bell.ring();
    }

    fn close_in_child(&self) {
        self.forked.close_in_child();
    }
}

impl SocketTransport {
    /// A way to be told by process `pid`.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn new(pid: u32) -> crate::Result<Self> {
        let bell = Descriptor::new().map_err(|error| Error::io("eventfd", error))?;
        let handle = Arc::new(SocketHandle { bell, forked: ForkedDescriptor::default() });
        Ok(Self { pid, connection: None, handle, buffer: vec![0; MAX_MESSAGE_SIZE] })
    }

    fn failure(&self, call: &'static str, error: &std::io::Error) -> TaskFailure {
        let status = SystemStatus::Errno(error.raw_os_error().unwrap_or_default());
        TaskFailure { call, pid: Some(self.pid), status }
    }

    fn loss(&self, call: &'static str, error: &std::io::Error) -> Loss {
        use std::io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected};
        match error.kind() {
            BrokenPipe | ConnectionReset | NotConnected => Loss::Exited,
            _ => Loss::Failed(self.failure(call, error)),
        }
    }

    fn rejection(&self, call: &'static str, error: &std::io::Error) -> Rejection {
        let failure = self.failure(call, error);
        let error = if error.kind() == std::io::ErrorKind::WouldBlock {
            Error::watcher(format!("{failure}: more watchers wait for the process than it accepts"))
                .with_hint("close watchers that are not needed, or try again")
        } else if LinuxProcess::open(self.pid).is_ok_and(|process| !process.is_gone()) {
            Error::watcher(format!("{failure}: the process does not say when its images change"))
                .with_hint("on Linux, processes started by dyld_atlas.testing.SimulatedProcess do")
        } else {
            Error::new(ErrorKind::TaskGone(failure))
        };
        Rejection { failure, error }
    }

    /// Connects; waits a little where more watchers want to be accepted than the target lets wait.
    fn reach(&self) -> std::io::Result<Connection> {
        let name = name_of(self.pid);
        for _ in 0..PATIENCE {
            match Connection::to(name.as_bytes()) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
                reached => return reached,
            }
        }
        Connection::to(name.as_bytes())
    }

    fn take(&mut self) -> Received {
        let Some(connection) = &self.connection else { return Received::Lost(Loss::Exited) };
        loop {
            let (message, woken) = match connection.wait(self.handle.bell.as_fd()) {
                Ok(ready) => ready,
                Err(error) => return Received::Lost(self.loss("poll", &error)),
            };
            if woken {
                self.handle.bell.hush();
                return Received::Woken;
            }
            if !message {
                continue;
            }
            return match connection.receive(&mut self.buffer) {
                // Nothing to take is what a connection that was cut says, and a message of no bytes, too.
                Ok(0) if connection.was_cut() => Received::Lost(Loss::Exited),
                // There are no trailers here: a message is as long as it says, and what the buffer does not hold is
                // none.
                Ok(size) => match Header::read(self.buffer.get(..size).unwrap_or_default()) {
                    Some(header) if usize::try_from(header.size) == Ok(size) => Received::Message { header, size },
                    _ => {
                        let failure = TaskFailure { call: "recv", pid: Some(self.pid), status: INVALID_MESSAGE };
                        Received::Lost(Loss::Failed(failure))
                    }
                },
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(error) => Received::Lost(self.loss("recv", &error)),
            };
        }
    }
}

impl Transport for SocketTransport {
    fn connect(&mut self) -> Result<(), Rejection> {
        let connection = self.reach().map_err(|error| self.rejection("connect", &error))?;
        let peer = connection.peer().map_err(|error| self.rejection("getsockopt", &error))?;
        if peer.pid != self.pid {
            let failure =
                TaskFailure { call: "connect", pid: Some(self.pid), status: SystemStatus::Errno(libc::EPERM) };
            let error = Error::watcher(format!("process {} listens under the name of process {}", peer.pid, self.pid));
            return Err(Rejection { failure, error });
        }
        self.handle.forked.set(Some(&connection));
        self.connection = Some(connection);
        Ok(())
    }

    fn receive(&mut self) -> Received {
        self.take()
    }

    fn reply(&mut self, reply: Header) -> Result<(), Loss> {
        let connection = self.connection.as_ref().ok_or(Loss::Exited)?;
        connection.send(&reply.to_bytes()).map_err(|error| self.loss("send", &error))
    }

    fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.handle.forked.set(None);
            connection.end();
        }
    }

    fn handle(&self) -> Arc<dyn Handle> {
        Arc::clone(&self.handle) as Arc<dyn Handle>
    }
}

impl Drop for SocketTransport {
    fn drop(&mut self) {
        self.disconnect();
    }
}

/// A target's end: for a process that stands for a Darwin one.
#[derive(Debug)]
pub struct SocketTarget {
    listener: Listener,
    watchers: Vec<Connection>,
    user: u32,
}

/// What became of a notification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notified {
    /// Watchers that replied.
    pub replied: usize,
    /// Watchers that left instead, or replied with anything but a header, and were let go.
    pub gone: usize,
}

impl SocketTarget {
    /// Listens for watchers of this process.
    ///
    /// # Errors
    /// Somebody else listens under its name, or no descriptor is left.
    pub fn listen() -> std::io::Result<Self> {
        let listener = Listener::at(name_of(std::process::id()).as_bytes())?;
        Ok(Self { listener, watchers: Vec::new(), user: rustix::process::geteuid().as_raw() })
    }

    /// Accepts all who wait, and says how many watchers there are. To be called between publishing and notifying.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn accept(&mut self) -> std::io::Result<usize> {
        while let Some(connection) = self.listener.accept()? {
            if connection.peer().is_ok_and(|peer| peer.user == self.user || peer.user == 0) {
                self.watchers.push(connection);
            }
        }
        Ok(self.watchers.len())
    }

    /// Accepts all who wait, sends `message` to every watcher in turn, and waits for the reply of each. As in dyld
    /// there is no limit of time; a watcher that is closed or dies is let go.
    ///
    /// # Errors
    /// What the operating system says of accepting.
    pub fn notify(&mut self, message: &[u8]) -> std::io::Result<Notified> {
        self.accept()?;
        let before = self.watchers.len();
        self.watchers.retain(|watcher| ask(watcher, message).unwrap_or(false));
        let replied = self.watchers.len();
        Ok(Notified { replied, gone: before.saturating_sub(replied) })
    }
}

/// Sends a message and waits for the reply; whether there was one.
fn ask(watcher: &Connection, message: &[u8]) -> std::io::Result<bool> {
    watcher.send(message)?;
    let mut reply = [0; HEADER_SIZE];
    loop {
        watcher.wait_alone()?;
        match watcher.receive(&mut reply) {
            Ok(size) => return Ok(size == HEADER_SIZE && Header::read(&reply).is_some_and(|reply| reply.id == 0)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
