//! One message at a time: received, replied to or given up.

use super::abi::{self, mach_msg_header_t};
use super::rights::PortSet;
use super::{MachFailure, Owner, check};

/// Bytes of a `mach_msg_header_t`.
const HEADER_SIZE: usize = size_of::<mach_msg_header_t>();
/// What asks for a trailer with the sender's audit token: format 0, these elements.
const AUDIT_TRAILER: i32 = abi::MACH_RCV_TRAILER_AUDIT << 24;
/// Where in an audit token the number of the process is.
const AUDIT_PID: usize = 5;

/// What is known of a message that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Its `mach_msg_header_t`, as bytes.
    pub header: [u8; HEADER_SIZE],
    /// Bytes of the message, without the trailer.
    pub size: usize,
    /// The port that it came to.
    pub port: u32,
    /// `msgh_id`
    pub id: i32,
    /// The process that sent it, as the kernel says: 0 is the kernel. `None` where it does not say.
    pub sender: Option<u32>,
}

/// Room for one message, and whatever rights that carries.
#[derive(Debug)]
pub struct Mailbox {
    /// In words, since a message has to be aligned as its header is.
    room: Vec<u32>,
    /// Whether there is a message, with its rights.
    full: bool,
    owner: Owner,
}

impl Mailbox {
    /// For messages of up to `size` bytes. The trailer has room of its own.
    #[must_use]
    pub fn new(size: usize) -> Self {
        let bytes = size.max(HEADER_SIZE).saturating_add(abi::MAX_TRAILER_SIZE);
        Self { room: vec![0; bytes.div_ceil(4)], full: false, owner: Owner::this() }
    }

    /// The first bytes of the message.
    fn header(&self) -> [u8; HEADER_SIZE] {
        let mut header = [0; HEADER_SIZE];
        for (to, word) in header.chunks_exact_mut(4).zip(&self.room) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        header
    }

    fn word(&self, index: usize) -> u32 {
        self.room.get(index).copied().unwrap_or_default()
    }

    /// Waits for the next message to a port of `set`. What was here and not replied to is given up first.
    ///
    /// # Errors
    /// What the kernel says. A message that is too large is destroyed by the kernel, and whoever waits for the reply
    /// goes on.
    pub fn receive(&mut self, set: &PortSet) -> Result<Envelope, MachFailure> {
        self.give_up();
        let size = self.room.len().saturating_mul(4);
        let option = abi::MACH_RCV_MSG | AUDIT_TRAILER;
        loop {
            // SAFETY: `room` is ours to write, aligned as a header is, and has `size` bytes: a few dozen kilobytes,
            // which a
            // `u32` holds. Nothing is sent.
            let status = unsafe {
                abi::mach_msg(
                    self.room.as_mut_ptr().cast(),
                    option,
                    0,
                    size as u32,
                    set.name(),
                    abi::MACH_MSG_TIMEOUT_NONE,
                    abi::MACH_PORT_NULL,
                )
            };
            if status != abi::MACH_RCV_INTERRUPTED {
                check("mach_msg", status)?;
                break;
            }
        }
        self.full = true;
        let size = self.word(1) as usize;
        Ok(Envelope {
            header: self.header(),
            size,
            port: self.word(3),
            id: self.word(5).cast_signed(),
            sender: self.sender(size),
        })
    }

    /// The sender by the trailer, which follows the message at the next whole word.
    fn sender(&self, size: usize) -> Option<u32> {
        const WORDS: usize = size_of::<abi::mach_msg_audit_trailer_t>() / 4;
        const TOKEN: usize = std::mem::offset_of!(abi::mach_msg_audit_trailer_t, msgh_audit) / 4;
        let start = size.div_ceil(4);
        let trailer = self.room.get(start..start.checked_add(WORDS)?)?;
        let [kind, trailer_size, ..] = trailer else { return None };
        if *kind != 0 || (*trailer_size as usize) < WORDS * 4 {
            return None;
        }
        trailer.get(TOKEN..)?.get(AUDIT_PID).copied()
    }

    /// Replies to the message that is here with a header and nothing else. Waits for nothing.
    ///
    /// # Errors
    /// What the kernel says; the message was given up then. Without a message, `MACH_SEND_INVALID_DEST`.
    pub fn reply(&mut self, reply: [u8; HEADER_SIZE]) -> Result<(), MachFailure> {
        if !self.full || !self.owner.is_here() {
            return Err(MachFailure { call: "mach_msg", kern_return: abi::MACH_SEND_INVALID_DEST });
        }
        if self.word(0) & abi::MACH_MSGH_BITS_COMPLEX != 0 {
            // The reply would be written over the list of what else the message carries.
            self.give_up();
            return Err(MachFailure { call: "mach_msg", kern_return: abi::MACH_SEND_INVALID_DATA });
        }
        for (word, bytes) in self.room.iter_mut().zip(reply.chunks_exact(4)) {
            *word = bytes.try_into().map(u32::from_ne_bytes).unwrap_or_default();
        }
        // A right to send once never waits. Whoever got another right in here must not make this thread wait either.
        let option = abi::MACH_SEND_MSG | abi::MACH_SEND_TIMEOUT;
        // SAFETY: `room` holds more than the header that is sent, and nothing is received.
        let status = unsafe {
            abi::mach_msg(
                self.room.as_mut_ptr().cast(),
                option,
                HEADER_SIZE as u32,
                0,
                abi::MACH_PORT_NULL,
                abi::MACH_MSG_TIMEOUT_NONE,
                abi::MACH_PORT_NULL,
            )
        };
        if let Err(failure) = check("mach_msg", status) {
            // The right is still in the header, or is there again.
            self.give_up();
            return Err(failure);
        }
        self.full = false;
        Ok(())
    }

    /// Destroys the message that is here, with all rights that it carries. Whoever waits for a reply goes on.
    pub fn give_up(&mut self) {
        if std::mem::take(&mut self.full) && self.owner.is_here() {
            // SAFETY: `room` holds a message as `mach_msg` has written it, whose rights nobody has taken out; the mark
            // that it is there is gone, so that they are given back once.
            unsafe { abi::mach_msg_destroy(self.room.as_mut_ptr().cast()) };
        }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.give_up();
    }
}
