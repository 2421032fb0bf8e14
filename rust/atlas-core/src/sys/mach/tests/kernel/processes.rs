//! Targets: their memory, who may reach them, and the messages of their dyld.

use std::collections::BTreeMap;

use super::messages::{Message, Reply, ReplyRight};
use super::state::{KERN_INVALID_ARGUMENT, Port, PortId, Purpose, State};
use super::{at_once, wait_for};

/// Who may have which port of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    Nobody,
    Read,
    Control,
}

pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    pub(super) protection: i32,
    pub(super) path: Option<String>,
}

pub(super) struct Process {
    pub(super) memory: BTreeMap<u64, Piece>,
    pub(super) dyld_info: (u64, u64, i32),
    pub(super) access: Access,
    pub(super) suspended: u32,
    /// The ports that dyld sends to; it has a send right to each.
    pub(super) watchers: Vec<PortId>,
    /// The ports that stand for the task, where somebody asked for them: to control, to read.
    ports: [Option<PortId>; 2],
    /// The ports on which its threads wait for replies.
    awaiting: Vec<PortId>,
    /// Whether it has ended, and its parent has not asked for it yet: a zombie, whose task is still there.
    pub(super) has_ended: bool,
}

impl State {
    pub(super) fn spawn(&mut self, pid: u32) {
        let process = Process {
            memory: BTreeMap::new(),
            dyld_info: (0, 0, 1),
            access: Access::Control,
            suspended: 0,
            watchers: Vec::new(),
            ports: [None; 2],
            awaiting: Vec::new(),
            has_ended: false,
        };
        self.processes.insert(pid, process);
    }

    /// A send right to the task.
    pub(super) fn task_for_pid(&mut self, pid: u32, control: bool) -> Option<u32> {
        let wanted = if control { Access::Control } else { Access::Read };
        let process = self.processes.get(&pid).filter(|process| process.access >= wanted && !process.has_ended)?;
        let port = match process.ports[usize::from(control)] {
            Some(port) => port,
            None => {
                let port = self.new_port(Purpose::Task(pid, control));
                self.processes.get_mut(&pid)?.ports[usize::from(control)] = Some(port);
                port
            }
        };
        Some(self.give_send(port))
    }

    /// The task behind a name, and whether it may be controlled.
    pub(super) fn task(&mut self, name: u32) -> Result<(&mut Process, bool), i32> {
        let port = self.names.get(&name).and_then(|name| name.port);
        let Some(Port { purpose: Purpose::Task(pid, control), is_alive, .. }) =
            port.and_then(|port| self.ports.get(&port))
        else {
            return Err(KERN_INVALID_ARGUMENT);
        };
        if !*is_alive {
            return Err(super::messages::SEND_INVALID_DEST);
        }
        // The ports of a task that has ended are of no use at first, and dead only later.
        let process = self.processes.get_mut(pid).filter(|process| !process.has_ended);
        Ok((process.ok_or(KERN_INVALID_ARGUMENT)?, *control))
    }

    /// The task ends: its memory and all rights that it has in its own name go at once.
    pub(super) fn end(&mut self, pid: u32) {
        let Some(process) = self.processes.get_mut(&pid) else { return };
        process.has_ended = true;
        for port in std::mem::take(&mut process.awaiting) {
            self.ports.get_mut(&port).unwrap().is_alive = false;
        }
    }

    /// The last who held the task lets go of it. Its ports die, and those that were registered with it lose a sender.
    pub(super) fn exit(&mut self, pid: u32) {
        self.end(pid);
        let Some(process) = self.processes.remove(&pid) else { return };
        for port in process.ports.into_iter().flatten() {
            self.ports.get_mut(&port).unwrap().is_alive = false;
        }
        for port in process.watchers {
            self.lose_send(port);
        }
    }
}

/// A message that a test sends.
pub(crate) struct Mail {
    /// All of it, header first; only its id counts there.
    pub(crate) bytes: Vec<u8>,
    /// Who sends it; the target, where that is not said.
    pub(crate) sender: Option<u32>,
    /// How many send rights it carries, to a port of its own.
    pub(crate) rights: usize,
    /// Whether a right to reply often comes with it, instead of once; `None` for no right at all.
    pub(crate) reply_often: Option<bool>,
}

impl Mail {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), sender: None, rights: 0, reply_often: Some(false) }
    }
}

/// A target, as tests move it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) pid: u32,
}

impl Target {
    pub(super) const fn new(pid: u32) -> Self {
        Self { pid }
    }

    fn with<T>(self, what: impl FnOnce(&mut Process) -> T) -> T {
        at_once(|state| what(state.processes.get_mut(&self.pid).unwrap()))
    }

    pub(crate) fn map(self, address: u64, bytes: Vec<u8>, protection: i32, path: Option<&str>) {
        let piece = Piece { bytes, protection, path: path.map(str::to_owned) };
        self.with(|process| process.memory.insert(address, piece));
    }

    pub(crate) fn unmap(self, address: u64) {
        self.with(|process| process.memory.remove(&address));
    }

    /// Writes over memory that is mapped in one piece.
    pub(crate) fn write(self, address: u64, bytes: &[u8]) {
        self.with(|process| {
            let (start, piece) = process.memory.range_mut(..=address).next_back().unwrap();
            let at = (address - start) as usize;
            piece.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        });
    }

    pub(crate) fn set_dyld_info(self, address: u64, size: u64, format: i32) {
        self.with(|process| process.dyld_info = (address, size, format));
    }

    pub(crate) fn allow(self, access: Access) {
        self.with(|process| process.access = access);
    }

    pub(crate) fn suspended(self) -> u32 {
        self.with(|process| process.suspended)
    }

    pub(crate) fn watchers(self) -> usize {
        self.with(|process| process.watchers.len())
    }

    /// Ends, and stays for its parent to ask for.
    pub(crate) fn end(self) {
        at_once(|state| state.end(self.pid));
    }

    /// Ends for good; whoever watches loses a sender.
    pub(crate) fn exit(self) {
        at_once(|state| state.exit(self.pid));
    }

    /// Sends `mail` to every watcher, and gives the ports on which replies are awaited.
    pub(crate) fn post(self, mail: &Mail) -> Vec<u64> {
        at_once(|state| {
            let watchers = state.processes[&self.pid].watchers.clone();
            let word = |at: usize| u32::from_ne_bytes(mail.bytes[at..at + 4].try_into().unwrap());
            let mut awaited = Vec::new();
            for watcher in watchers {
                let reply = state.new_port(Purpose::Reply(None));
                awaited.push(reply);
                state.processes.get_mut(&self.pid).unwrap().awaiting.push(reply);
                let right = match mail.reply_often {
                    Some(true) => {
                        state.ports.get_mut(&reply).unwrap().senders += 1;
                        Some(ReplyRight::Many(reply))
                    }
                    Some(false) => Some(ReplyRight::Once(reply)),
                    None => None,
                };
                state.ports.get_mut(&reply).unwrap().senders += mail.rights as u32;
                let message = Message {
                    id: word(20),
                    reply: right,
                    body: mail.bytes[24..].to_vec(),
                    sender: mail.sender.unwrap_or(self.pid),
                    carried: vec![reply; mail.rights],
                };
                state.ports.get_mut(&watcher).unwrap().queue.push(message);
            }
            awaited
        })
    }

    /// Waits as dyld does.
    pub(crate) fn replies(self, awaited: &[u64]) -> Vec<Reply> {
        let all = wait_for(|state| {
            let reply = |port| match &state.ports[port].purpose {
                Purpose::Reply(reply) => *reply,
                _ => None,
            };
            awaited.iter().map(reply).collect::<Option<Vec<_>>>()
        });
        all.expect("a reply, or the message given up")
    }

    /// Tells every watcher, and waits for all of them, as dyld does.
    pub(crate) fn notify(self, bytes: &[u8]) -> Vec<Reply> {
        self.replies(&self.post(&Mail::new(bytes)))
    }

    /// The thread that waits for a reply ends.
    pub(crate) fn stop_waiting(self, awaited: &[u64]) {
        at_once(|state| awaited.iter().for_each(|port| state.ports.get_mut(port).unwrap().is_alive = false));
    }
}
