//! Messages: queued with the rights that they carry, copied in and out.

use super::OWN_TASK;
use super::state::{KERN_SUCCESS, Name, Port, PortId, Purpose, State};

const COMPLEX: u32 = 0x8000_0000;
const MOVE_SEND: u32 = 17;
const MOVE_SEND_ONCE: u32 = 18;
const MAKE_SEND: u32 = 20;
pub(super) const PORT_DEAD: u32 = u32::MAX;
pub(super) const SEND_INVALID_DEST: i32 = 0x1000_0003;
const SEND_TIMED_OUT: i32 = 0x1000_0004;
const SEND_INVALID_RIGHT: i32 = 0x1000_0007;
const RCV_INVALID_NAME: i32 = 0x1000_4002;
pub(super) const RCV_TOO_LARGE: i32 = 0x1000_4004;
/// The trailer without, and with the audit token of the sender.
const TRAILERS: [usize; 2] = [8, 52];

/// How a message of a target was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// With this header.
    Header([u32; 6]),
    /// Not at all: it was destroyed.
    GivenUp,
}

/// A right to reply, in a message.
#[derive(Clone, Copy)]
pub(super) enum ReplyRight {
    Once(PortId),
    Many(PortId),
}

/// A message on its way.
pub(super) struct Message {
    pub(super) id: u32,
    pub(super) reply: Option<ReplyRight>,
    /// What follows the header.
    pub(super) body: Vec<u8>,
    /// Who sent it; 0 is the kernel.
    pub(super) sender: u32,
    /// Send rights in the body; these make it complex.
    pub(super) carried: Vec<PortId>,
}

impl Message {
    pub(super) fn no_senders(count: u32) -> Self {
        let body = [[0_u8; 8].as_slice(), &count.to_ne_bytes()].concat();
        Self { id: 70, reply: None, body, sender: 0, carried: Vec::new() }
    }

    /// Bytes with the header.
    fn size(&self) -> usize {
        let carried = if self.carried.is_empty() { 0 } else { 4 + 12 * self.carried.len() };
        24 + carried + self.body.len()
    }
}

impl State {
    /// Destroys a message with all that it carries.
    pub(super) fn drop_message(&mut self, message: Message) {
        match message.reply {
            Some(ReplyRight::Once(port)) => self.lose_send_once(port),
            Some(ReplyRight::Many(port)) => self.lose_send(port),
            None => {}
        }
        for port in message.carried {
            self.lose_send(port);
        }
    }

    /// The next message for whoever listens by this name, with the name of the port that it came to; `None` where there
    /// is none yet.
    pub(super) fn next_message(&mut self, from: u32) -> Result<Option<(u32, Message)>, i32> {
        let listening = self.names.get(&from).ok_or(RCV_INVALID_NAME)?;
        let members = if listening.port.is_none() { listening.members.clone() } else { [from].into() };
        for member in members {
            let port = self.receiver(member).map_err(|_| RCV_INVALID_NAME)?;
            let queue = &mut self.ports.get_mut(&port).unwrap().queue;
            if !queue.is_empty() {
                return Ok(Some((member, queue.remove(0))));
            }
        }
        Ok(None)
    }

    /// Writes a message down as the receiver sees it, in `room` bytes at most.
    pub(super) fn copy_out(&mut self, port: u32, message: Message, audit: bool, room: usize) -> Result<Vec<u8>, i32> {
        let size = message.size();
        if size.next_multiple_of(4) + TRAILERS[usize::from(audit)] > room {
            self.drop_message(message);
            return Err(RCV_TOO_LARGE);
        }
        let (kind, remote) = match message.reply {
            Some(ReplyRight::Once(port)) if self.ports[&port].is_alive => (MOVE_SEND_ONCE, self.give_send_once(port)),
            Some(ReplyRight::Many(port)) => {
                let name = self.give_send(port);
                self.ports.get_mut(&port).unwrap().senders -= 1;
                (MOVE_SEND, name)
            }
            Some(ReplyRight::Once(_)) => (MOVE_SEND_ONCE, PORT_DEAD),
            None => (0, 0),
        };
        let complex = if message.carried.is_empty() { 0 } else { COMPLEX };
        let header = [kind | MOVE_SEND << 8 | complex, size as u32, remote, port, 0, message.id];
        let mut bytes: Vec<u8> = header.into_iter().flat_map(u32::to_ne_bytes).collect();
        if complex != 0 {
            bytes.extend((message.carried.len() as u32).to_ne_bytes());
        }
        for port in &message.carried {
            let name = self.give_send(*port);
            self.ports.get_mut(port).unwrap().senders -= 1;
            bytes.extend([name, 0, MOVE_SEND << 16].into_iter().flat_map(u32::to_ne_bytes));
        }
        bytes.extend(&message.body);
        bytes.resize(size.next_multiple_of(4), 0);
        let token = [0, 501, 20, 501, 20, message.sender, 100_000, 1];
        let trailer = [[0, TRAILERS[usize::from(audit)] as u32, 7, 501, 20].as_slice(), &token].concat();
        bytes.extend(trailer.into_iter().flat_map(u32::to_ne_bytes).take(TRAILERS[usize::from(audit)]));
        Ok(bytes)
    }

    /// Sends a header of this process. What is written back is in `header`.
    pub(super) fn send(&mut self, header: &mut [u32; 6]) -> i32 {
        let [bits, size, remote, .., id] = *header;
        let found = self.names.get(&remote);
        let Some(Name { port: Some(port), receives, sends, sends_once, .. }) = found else { return SEND_INVALID_DEST };
        let (port, receives, sends, sends_once) = (*port, *receives, *sends, *sends_once);
        if !self.ports[&port].is_alive {
            // The name has become a dead one; the sender keeps it.
            return SEND_INVALID_DEST;
        }
        let holds = match bits & 0x1f {
            MOVE_SEND => sends > 0,
            MOVE_SEND_ONCE => sends_once,
            MAKE_SEND => receives,
            _ => false,
        };
        if !holds {
            return SEND_INVALID_RIGHT;
        }
        let is_full = |port: &Port| port.queue.len() >= port.limit;
        if bits & 0x1f == MAKE_SEND {
            let found = self.ports.get_mut(&port).unwrap();
            found.made += 1;
            if is_full(found) {
                // The message comes back with the right that was made for it.
                header[0] = MOVE_SEND;
                self.give_send(port);
                return SEND_TIMED_OUT;
            }
        } else if bits & 0x1f == MOVE_SEND {
            if is_full(&self.ports[&port]) {
                return SEND_TIMED_OUT;
            }
            self.deallocate(remote);
        } else {
            self.take_send_once(remote);
        }
        let body = vec![0; (size as usize).saturating_sub(24)];
        let message = Message { id, reply: None, body, sender: std::process::id(), carried: Vec::new() };
        match &mut self.ports.get_mut(&port).unwrap().purpose {
            Purpose::Reply(reply) => {
                reply.get_or_insert(Reply::Header(*header));
            }
            _ => self.ports.get_mut(&port).unwrap().queue.push(message),
        }
        KERN_SUCCESS
    }

    /// What `mach_msg_destroy` does with a message of `words`.
    pub(super) fn destroy(&mut self, words: &[u32]) {
        let (bits, remote) = (words[0], words[2]);
        if remote != 0 && remote != PORT_DEAD && matches!(bits & 0x1f, MOVE_SEND | MOVE_SEND_ONCE) {
            let status = self.deallocate(remote);
            assert_eq!(status, KERN_SUCCESS, "a message was destroyed whose right is gone");
        }
        if bits & COMPLEX != 0 {
            for index in 0..words[6] as usize {
                let name = words[7 + 3 * index];
                assert_ne!(name, OWN_TASK);
                assert_eq!(self.deallocate(name), KERN_SUCCESS, "a right in a message is gone");
            }
        }
    }
}
