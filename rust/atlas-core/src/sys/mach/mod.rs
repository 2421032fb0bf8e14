//! Mach: the tasks of other processes, ports, and messages. macOS, and wherever tests put a kernel in its place.
//!
//! * [`abi`]: what the headers of the SDK declare, with the layouts that this relies on
//! * [`rights`]: names of ports with an owner each, which gives them back
//! * [`task`]: another process by its task port
//! * [`mailbox`]: messages that come, and what they carry
//!
//! Nothing here decides what a number means for the user: calls fail with a [`MachFailure`], and that is classified
//! above.

mod abi;
mod late;
mod mailbox;
mod rights;
mod task;

pub use abi::MACH_NOTIFY_NO_SENDERS;
pub(crate) use abi::{
    KERN_DENIED, KERN_FAILURE, KERN_INVALID_ADDRESS, KERN_INVALID_ARGUMENT, KERN_INVALID_TASK, KERN_MEMORY_ERROR,
    KERN_MEMORY_FAILURE, KERN_NO_ACCESS, KERN_NOT_SUPPORTED, KERN_PROTECTION_FAILURE, KERN_TERMINATED,
    MACH_SEND_INVALID_DEST,
};
pub use mailbox::{Envelope, Mailbox};
pub use rights::{GuardedPort, PortSet};
pub use task::{Deregister, TaskPort, TaskRights, VmRegion, is_running, region_file_name};

/// A call that did not return `KERN_SUCCESS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachFailure {
    /// The call.
    pub call: &'static str,
    /// What it returned: a `kern_return_t` or a `mach_msg_return_t`.
    pub kern_return: i32,
}

/// `Ok` for `KERN_SUCCESS`.
fn check(call: &'static str, kern_return: i32) -> Result<(), MachFailure> {
    if kern_return == abi::KERN_SUCCESS { Ok(()) } else { Err(MachFailure { call, kern_return }) }
}

/// The process that holds a right. Names of ports are not inherited by a forked child, where the same numbers may come
/// to mean other ports: there, nothing is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner(u32);

impl Owner {
    fn this() -> Self {
        Self(std::process::id())
    }

    fn is_here(self) -> bool {
        self == Self::this()
    }
}

#[cfg(all(test, not(target_os = "macos")))]
pub(crate) mod tests;
