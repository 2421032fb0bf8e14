//! Ports, the names that this process has for them, and rights.

use std::collections::{BTreeMap, BTreeSet};

use super::messages::{Message, Reply};
use super::processes::Process;

pub(super) const KERN_SUCCESS: i32 = 0;
pub(super) const KERN_INVALID_ARGUMENT: i32 = 4;
pub(super) const KERN_INVALID_NAME: i32 = 15;
pub(super) const KERN_INVALID_RIGHT: i32 = 17;
pub(super) const KERN_INVALID_CAPABILITY: i32 = 20;

/// A port is known by a number that is never used again; names are.
pub(super) type PortId = u64;

/// What a port is there for.
pub(super) enum Purpose {
    /// This process receives.
    Ours,
    /// A task; `true` where it may be controlled.
    Task(u32, bool),
    /// A target waits for a reply, and has one.
    Reply(Option<Reply>),
}

pub(super) struct Port {
    pub(super) purpose: Purpose,
    pub(super) is_alive: bool,
    pub(super) guard: u64,
    pub(super) limit: usize,
    pub(super) queue: Vec<Message>,
    /// Send rights, whoever has them.
    pub(super) senders: u32,
    /// How many were made of the receive right, ever.
    pub(super) made: u32,
    /// From how many made on it is told that there are none any more.
    pub(super) no_senders: Option<u32>,
}

/// What a name of this process stands for.
#[derive(Default)]
pub(super) struct Name {
    /// `None` for a port set.
    pub(super) port: Option<PortId>,
    pub(super) receives: bool,
    pub(super) sends: u32,
    pub(super) sends_once: bool,
    /// The names of the members, in a port set.
    pub(super) members: BTreeSet<u32>,
}

pub(super) struct State {
    pub(super) ports: BTreeMap<PortId, Port>,
    pub(super) names: BTreeMap<u32, Name>,
    pub(super) processes: BTreeMap<u32, Process>,
    next: u64,
    pub(super) calls: Vec<&'static str>,
    /// Calls that may fail, so far.
    pub(super) counted: usize,
    pub(super) fault: Option<(usize, i32)>,
    pub(super) broken: BTreeMap<&'static str, i32>,
    pub(super) is_old: bool,
    /// Rights that were given back by who did not have them.
    pub(super) misuses: Vec<String>,
}

impl State {
    pub(super) const fn new() -> Self {
        Self {
            ports: BTreeMap::new(),
            names: BTreeMap::new(),
            processes: BTreeMap::new(),
            next: 1,
            calls: Vec::new(),
            counted: 0,
            fault: None,
            broken: BTreeMap::new(),
            is_old: false,
            misuses: Vec::new(),
        }
    }

    /// Notes a call, and says how it is to fail.
    pub(super) fn enter(&mut self, call: &'static str) -> Result<(), i32> {
        const GIVES_BACK: [&str; 7] = [
            "mach_port_deallocate",
            "mach_port_destruct",
            "mach_port_mod_refs",
            "mach_msg_destroy",
            "task_resume",
            "task_dyld_process_info_notify_deregister",
            "pid_for_task",
        ];
        self.calls.push(call);
        if let Some(status) = self.broken.get(call) {
            return Err(*status);
        }
        if GIVES_BACK.contains(&call) {
            return Ok(());
        }
        self.counted += 1;
        match self.fault {
            Some((at, status)) if at + 1 == self.counted => Err(status),
            _ => Ok(()),
        }
    }

    pub(super) fn new_port(&mut self, purpose: Purpose) -> PortId {
        self.next += 1;
        let port = Port {
            purpose,
            is_alive: true,
            guard: 0,
            limit: 5,
            queue: Vec::new(),
            senders: 0,
            made: 0,
            no_senders: None,
        };
        self.ports.insert(self.next, port);
        self.next
    }

    fn new_name(&mut self, name: Name) -> u32 {
        // Names are used again at once, as in life: a right that is given back twice hits somebody else's.
        let number = (0..).map(|index: u32| 0x1003 + index * 0x100).find(|number| !self.names.contains_key(number));
        let number = number.unwrap();
        self.names.insert(number, name);
        number
    }

    pub(super) fn new_receiver(&mut self, guard: u64, limit: usize) -> u32 {
        let port = self.new_port(Purpose::Ours);
        let found = self.ports.get_mut(&port).unwrap();
        (found.guard, found.limit) = (guard, limit);
        self.new_name(Name { port: Some(port), receives: true, ..Name::default() })
    }

    pub(super) fn new_set(&mut self) -> u32 {
        self.new_name(Name::default())
    }

    /// The port that this process receives from by this name.
    pub(super) fn receiver(&self, name: u32) -> Result<PortId, i32> {
        let found = self.names.get(&name).ok_or(KERN_INVALID_NAME)?;
        found.port.filter(|_| found.receives).ok_or(KERN_INVALID_RIGHT)
    }

    /// Gives this process a right to send: one more of the same name, where it has one.
    pub(super) fn give_send(&mut self, port: PortId) -> u32 {
        self.ports.get_mut(&port).unwrap().senders += 1;
        let known = self.names.iter_mut().find(|(_, name)| name.port == Some(port) && !name.sends_once);
        if let Some((number, name)) = known {
            name.sends += 1;
            return *number;
        }
        self.new_name(Name { port: Some(port), sends: 1, ..Name::default() })
    }

    /// Gives this process a right to send once; these have a name each.
    pub(super) fn give_send_once(&mut self, port: PortId) -> u32 {
        self.new_name(Name { port: Some(port), sends_once: true, ..Name::default() })
    }

    /// One right less of this name.
    pub(super) fn deallocate(&mut self, number: u32) -> i32 {
        let Some(name) = self.names.get_mut(&number) else { return KERN_INVALID_NAME };
        let Some(port) = name.port else { return KERN_INVALID_RIGHT };
        if name.sends_once {
            self.names.remove(&number);
            self.lose_send_once(port);
            return KERN_SUCCESS;
        }
        if name.sends == 0 {
            return KERN_INVALID_RIGHT;
        }
        name.sends -= 1;
        if name.sends == 0 && !name.receives {
            self.names.remove(&number);
        }
        self.lose_send(port);
        KERN_SUCCESS
    }

    /// Takes the right to send once out of its name.
    pub(super) fn take_send_once(&mut self, number: u32) -> Option<PortId> {
        let port = self.names.get(&number).filter(|name| name.sends_once)?.port?;
        self.names.remove(&number);
        Some(port)
    }

    /// A send right less, somewhere.
    pub(super) fn lose_send(&mut self, port: PortId) {
        let found = self.ports.get_mut(&port).unwrap();
        found.senders = found.senders.checked_sub(1).expect("a right that there was");
        self.look_for_senders(port);
    }

    /// Whoever waits for a reply learns that there will be none.
    pub(super) fn lose_send_once(&mut self, port: PortId) {
        if let Some(Port { purpose: Purpose::Reply(reply), .. }) = self.ports.get_mut(&port) {
            reply.get_or_insert(Reply::GivenUp);
        }
    }

    pub(super) fn look_for_senders(&mut self, port: PortId) {
        let found = self.ports.get_mut(&port).unwrap();
        if found.is_alive && found.senders == 0 && found.no_senders.is_some_and(|sync| found.made >= sync) {
            found.no_senders = None;
            found.queue.push(Message::no_senders(found.made));
        }
    }

    /// Destroys a port that this process receives from.
    pub(super) fn destruct(&mut self, number: u32, guard: u64) -> i32 {
        let port = match self.receiver(number) {
            Ok(port) => port,
            Err(status) => return status,
        };
        let found = self.ports.get_mut(&port).unwrap();
        if found.guard != guard {
            // A guard that is violated ends the process, on a Mac.
            return KERN_INVALID_ARGUMENT;
        }
        found.is_alive = false;
        found.no_senders = None;
        let queue = std::mem::take(&mut found.queue);
        for message in queue {
            self.drop_message(message);
        }
        let name = self.names.get_mut(&number).unwrap();
        name.receives = false;
        if name.sends == 0 {
            self.names.remove(&number);
        }
        for set in self.names.values_mut() {
            set.members.remove(&number);
        }
        KERN_SUCCESS
    }

    pub(super) fn insert_member(&mut self, number: u32, set: u32) -> Result<(), i32> {
        self.receiver(number)?;
        let set = self.names.get_mut(&set).ok_or(KERN_INVALID_NAME)?;
        if set.port.is_some() {
            return Err(KERN_INVALID_RIGHT);
        }
        set.members.insert(number);
        Ok(())
    }

    pub(super) fn destroy_set(&mut self, number: u32) -> i32 {
        match self.names.get(&number) {
            None => KERN_INVALID_NAME,
            Some(name) if name.port.is_some() => KERN_INVALID_RIGHT,
            Some(_) => {
                self.names.remove(&number);
                KERN_SUCCESS
            }
        }
    }

    pub(super) fn request_no_senders(&mut self, number: u32, sync: u32, notify: u32) -> Result<(), i32> {
        let port = self.receiver(number)?;
        if self.receiver(notify) != Ok(port) {
            return Err(KERN_INVALID_CAPABILITY);
        }
        self.ports.get_mut(&port).unwrap().no_senders = Some(sync);
        self.look_for_senders(port);
        Ok(())
    }

    pub(super) fn leaks(&self) -> BTreeSet<String> {
        let name = |(number, name): (&u32, &Name)| {
            let kind = match name {
                Name { port: None, .. } => "port set",
                Name { receives: true, .. } => "receive right",
                Name { sends_once: true, .. } => "right to send once",
                _ => "send right",
            };
            format!("{number:#x}: {kind}, {} to send", name.sends)
        };
        let watched = self.processes.iter().filter(|(_, process)| !process.watchers.is_empty());
        let stopped = self.processes.iter().filter(|(_, process)| process.suspended != 0);
        self.names
            .iter()
            .map(name)
            .chain(watched.map(|(pid, process)| format!("{} registered with {pid}", process.watchers.len())))
            .chain(stopped.map(|(pid, process)| format!("{pid} suspended {} times", process.suspended)))
            .chain(self.misuses.iter().cloned())
            .collect()
    }
}
