//! Names of ports, each with one owner that gives it back.

use super::abi::{self, mach_port_name_t};
use super::{MachFailure, Owner, check};

/// The name of this task's own port; nobody's to give back.
pub(super) fn own_task() -> mach_port_name_t {
    let name = &raw const abi::mach_task_self_;
    // SAFETY: the system library has written the number before anything here runs, and writes it again only in a forked
    // child, before that goes on; so nobody writes while this reads, and it is read anew each time.
    unsafe { name.read_volatile() }
}

/// A send right to a task, or a dead name in its place.
#[derive(Debug)]
pub(super) struct SendRight {
    name: mach_port_name_t,
    owner: Owner,
}

impl SendRight {
    /// Takes over a right that a call has just given to this task.
    pub(super) fn new(name: mach_port_name_t) -> Self {
        Self { name, owner: Owner::this() }
    }

    pub(super) const fn name(&self) -> mach_port_name_t {
        self.name
    }

    /// The right as a forked child sees it: the same number, and another process.
    #[cfg(all(test, not(target_os = "macos")))]
    pub(super) const fn in_child(mut self) -> Self {
        self.owner = Owner(0);
        self
    }
}

impl Drop for SendRight {
    fn drop(&mut self) {
        if self.owner.is_here() {
            // SAFETY: a number goes in and one comes out. The right is this value's, and is given back once.
            unsafe { abi::mach_port_deallocate(own_task(), self.name) };
        }
    }
}

/// A receive right that only who knows the guard can destroy, so that a stray call elsewhere in the process does not.
#[derive(Debug)]
pub struct GuardedPort {
    name: mach_port_name_t,
    guard: u64,
    owner: Owner,
}

/// A number that nobody can guess.
fn random() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::hash::RandomState::new().build_hasher().finish()
}

impl GuardedPort {
    /// Makes a port, with the options of dyld's own reader.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new() -> Result<Self, MachFailure> {
        let mut options = abi::mach_port_options_t {
            flags: abi::MPO_CONTEXT_AS_GUARD | abi::MPO_IMPORTANCE_RECEIVER | abi::MPO_STRICT,
            mpl: abi::MACH_PORT_QLIMIT_DEFAULT,
            ..Default::default()
        };
        let guard = random();
        let mut name = abi::MACH_PORT_NULL;
        // SAFETY: both pointers are to values of this frame, of the types that the header asks for.
        let status = unsafe { abi::mach_port_construct(own_task(), &raw mut options, guard, &raw mut name) };
        check("mach_port_construct", status)?;
        Ok(Self { name, guard, owner: Owner::this() })
    }

    /// Its name: what the kernel calls it in messages that come to it.
    #[must_use]
    pub const fn name(&self) -> u32 {
        self.name
    }

    /// Asks for a message to this port when nobody can send to it any more, once somebody could.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn notify_no_senders(&self) -> Result<(), MachFailure> {
        let mut previous = abi::MACH_PORT_NULL;
        // SAFETY: `previous` is a value of this frame; all else are numbers. The right to send once is made of this
        // port's receive right by the kernel.
        let status = unsafe {
            abi::mach_port_request_notification(
                own_task(),
                self.name,
                abi::MACH_NOTIFY_NO_SENDERS,
                1,
                self.name,
                abi::MACH_MSG_TYPE_MAKE_SEND_ONCE,
                &raw mut previous,
            )
        };
        check("mach_port_request_notification", status)?;
        if previous != abi::MACH_PORT_NULL {
            drop(SendRight::new(previous));
        }
        Ok(())
    }

    /// Sends an empty message to it, from this process. Waits for nothing: where messages wait already, this is not
    /// needed.
    pub fn poke(&self) {
        if !self.owner.is_here() {
            return;
        }
        let size = size_of::<abi::mach_msg_header_t>() as u32;
        let mut header = abi::mach_msg_header_t {
            msgh_bits: abi::MACH_MSG_TYPE_MAKE_SEND,
            msgh_size: size,
            msgh_remote_port: self.name,
            ..Default::default()
        };
        let option = abi::MACH_SEND_MSG | abi::MACH_SEND_TIMEOUT;
        // SAFETY: `header` is a whole message of the size that is given, and nothing is to be received. The time-out is
        // 0, so the call does not wait.
        let status = unsafe {
            abi::mach_msg(&raw mut header, option, size, 0, abi::MACH_PORT_NULL, abi::MACH_MSG_TIMEOUT_NONE, 0)
        };
        if status == abi::MACH_SEND_TIMED_OUT {
            // The right that was made has come back with the message.
            // SAFETY: the header is one that `mach_msg` has just written, and carries that right and nothing else.
            unsafe { abi::mach_msg_destroy(&raw mut header) };
        }
    }
}

impl Drop for GuardedPort {
    fn drop(&mut self) {
        if self.owner.is_here() {
            // SAFETY: numbers only. The receive right is this value's, and is destroyed once, with its own guard.
            unsafe { abi::mach_port_destruct(own_task(), self.name, 0, self.guard) };
        }
    }
}

/// Several ports to be listened to at once. A port that is destroyed leaves the set by itself.
#[derive(Debug)]
pub struct PortSet {
    name: mach_port_name_t,
    owner: Owner,
}

impl PortSet {
    /// An empty set.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new() -> Result<Self, MachFailure> {
        let mut name = abi::MACH_PORT_NULL;
        // SAFETY: `name` is a value of this frame.
        let status = unsafe { abi::mach_port_allocate(own_task(), abi::MACH_PORT_RIGHT_PORT_SET, &raw mut name) };
        check("mach_port_allocate", status)?;
        Ok(Self { name, owner: Owner::this() })
    }

    /// Listens to `port`, too.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn insert(&self, port: &GuardedPort) -> Result<(), MachFailure> {
        // SAFETY: numbers only, of two ports that both are this process's.
        let status = unsafe { abi::mach_port_insert_member(own_task(), port.name, self.name) };
        check("mach_port_insert_member", status)
    }

    pub(super) const fn name(&self) -> mach_port_name_t {
        self.name
    }
}

impl Drop for PortSet {
    fn drop(&mut self) {
        if self.owner.is_here() {
            // SAFETY: numbers only. The set is this value's; its members stay.
            unsafe { abi::mach_port_mod_refs(own_task(), self.name, abi::MACH_PORT_RIGHT_PORT_SET, -1) };
        }
    }
}
