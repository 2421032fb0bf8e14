//! Notifications on macOS, from dyld itself.
//!
//! A port is registered with the target's task; its dyld then sends each message there, from the thread that loads an
//! image, which waits for the reply. A message that is destroyed without one lets that thread go on, too, and so does
//! the end of this process. All there is to listen to stands in one port set: the registered port, while there is one,
//! and a second one by which [`Handle::wake`] speaks.
//!
//! Whoever gets hold of a right to send to the port could play dyld. The kernel says who sent each message, so it has
//! to come from the target; only the kernel itself may say that nobody can send any more, which is how the target's end
//! is told.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, TaskFailure};
use crate::sys::mach::{
    Deregister, Envelope, GuardedPort, KERN_DENIED, KERN_NO_ACCESS, KERN_NOT_SUPPORTED, MACH_NOTIFY_NO_SENDERS,
    MachFailure, Mailbox, PortSet, TaskPort,
};
use crate::task::TaskMemory as _;
use crate::task::mach::{MachTask, task_failure};

use super::super::message::{Header, INVALID_MESSAGE, MAX_MESSAGE_SIZE};
use super::{Handle, Loss, Received, Rejection, Transport};

/// The pid by which the kernel speaks of itself.
const KERNEL: u32 = 0;

/// A watcher's end.
#[derive(Debug)]
pub struct MachTransport {
    task: MachTask,
    pid: u32,
    registration: Option<Registration>,
    mailbox: Mailbox,
    set: PortSet,
    handle: Arc<MachHandle>,
}

/// A port that is registered with a task, until this is dropped.
#[derive(Debug)]
struct Registration {
    task: Arc<TaskPort>,
    port: GuardedPort,
    deregister: Deregister,
}

impl Registration {
    fn new(task: &Arc<TaskPort>, set: &PortSet) -> Result<Self, MachFailure> {
        let port = GuardedPort::new()?;
        set.insert(&port)?;
        // Before there is a sender: one that comes and goes in between is told of, too.
        port.notify_no_senders()?;
        let deregister = task.register(&port)?;
        Ok(Self { task: Arc::clone(task), port, deregister })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if self.task.is_here() {
            // A task that is gone has forgotten it by itself. The port goes next, and with it what was not received.
            let _ = self.task.deregister(&self.port, self.deregister);
        }
    }
}

#[derive(Debug)]
struct MachHandle {
    port: GuardedPort,
}

impl Handle for MachHandle {
    fn wake(&self) {
        self.port.poke();
    }
}

impl MachTransport {
    /// A way to be told by the dyld of `task`.
    ///
    /// # Errors
    /// No port is left.
    pub fn new(task: &MachTask) -> crate::Result<Self> {
        let make = || {
            let set = PortSet::new()?;
            let port = GuardedPort::new()?;
            set.insert(&port)?;
            Ok((set, port))
        };
        let (set, port) = make().map_err(|failure: MachFailure| Error::mach(failure.call, failure.kern_return))?;
        Ok(Self {
            task: task.clone(),
            pid: task.pid().unwrap_or_default(),
            registration: None,
            mailbox: Mailbox::new(MAX_MESSAGE_SIZE),
            set,
            handle: Arc::new(MachHandle { port }),
        })
    }

    fn failure(&self, failure: MachFailure) -> TaskFailure {
        task_failure(failure, Some(self.pid))
    }

    fn loss(&self, failure: MachFailure) -> Loss {
        // The farewell may be on its way, but nothing is lost by seeing for oneself.
        if self.task.port().is_gone() { Loss::Exited } else { Loss::Failed(self.failure(failure)) }
    }

    fn rejection(&self, failure: MachFailure) -> Rejection {
        let kept = self.failure(failure);
        let error = match failure.kern_return {
            _ if self.task.port().is_gone() => Error::new(ErrorKind::TaskGone(kept)),
            KERN_NOT_SUPPORTED => Error::watcher(format!("{kept}: this kernel does not tell when images change"))
                .with_hint("notifications need macOS 11.3 or newer; snapshots can be taken without"),
            // The port was given for reading, so it is not that.
            KERN_NO_ACCESS | KERN_DENIED => Error::new(ErrorKind::TaskAccess(kept)).with_hint(
                "a policy of this system does not let the process be watched; it can be read, so call snapshot() from \
                 time to time and compare",
            ),
            _ => self.task.error(failure),
        };
        Rejection { failure: kept, error }
    }

    /// What a message is; `None` for one that is not worth a word.
    fn understand(&mut self, envelope: &Envelope) -> Option<Received> {
        if envelope.port == self.handle.port.name() {
            self.mailbox.give_up();
            return Some(Received::Woken);
        }
        let registered =
            self.registration.as_ref().is_some_and(|registration| registration.port.name() == envelope.port);
        if !registered {
            self.mailbox.give_up();
            return None;
        }
        match envelope.sender {
            Some(KERNEL) if envelope.id == MACH_NOTIFY_NO_SENDERS => {
                self.mailbox.give_up();
                Some(Received::Lost(Loss::Exited))
            }
            Some(sender) if sender == self.pid => {
                let header = Header::read(&envelope.header)?;
                Some(Received::Message { header, size: envelope.size })
            }
            _ => {
                self.mailbox.give_up();
                let failure = TaskFailure { call: "mach_msg", pid: Some(self.pid), status: INVALID_MESSAGE };
                Some(Received::Lost(Loss::Failed(failure)))
            }
        }
    }
}

impl Transport for MachTransport {
    fn connect(&mut self) -> Result<(), Rejection> {
        match Registration::new(self.task.port(), &self.set) {
            Ok(registration) => {
                self.registration = Some(registration);
                Ok(())
            }
            Err(failure) => Err(self.rejection(failure)),
        }
    }

    fn receive(&mut self) -> Received {
        loop {
            match self.mailbox.receive(&self.set) {
                Ok(envelope) => {
                    if let Some(received) = self.understand(&envelope) {
                        return received;
                    }
                }
                Err(failure) => return Received::Lost(self.loss(failure)),
            }
        }
    }

    fn reply(&mut self, reply: Header) -> Result<(), Loss> {
        self.mailbox.reply(reply.to_bytes()).map_err(|failure| self.loss(failure))
    }

    fn disconnect(&mut self) {
        self.mailbox.give_up();
        self.registration = None;
    }

    fn handle(&self) -> Arc<dyn Handle> {
        Arc::clone(&self.handle) as Arc<dyn Handle>
    }
}
