//! Mach messages as dyld sends them: the header, which ids are dyld's, and the reply that lets the target go on.
//!
//! The layouts are those of `<mach/message.h>` and dyld's `dyld_process_info_internal.h`; they are the same on every
//! transport. Numbers stand in the order of the machine that sends, which is this one.

use crate::error::SystemStatus;

/// `KERN_INVALID_ARGUMENT`: how dyld's own reader speaks of a message that is none of dyld's.
pub const INVALID_MESSAGE: SystemStatus = SystemStatus::KernReturn(4);

/// Bytes of a `mach_msg_header_t`.
pub const HEADER_SIZE: usize = 24;
/// The most bytes that a message of dyld has, trailer included (`DYLD_PROCESS_INFO_NOTIFY_MAX_BUFFER_SIZE`).
pub const MAX_MESSAGE_SIZE: usize = 32 * 1024;

/// `MACH_MSGH_BITS_COMPLEX`: the message carries rights or memory. None of dyld's does.
const COMPLEX: u32 = 0x8000_0000;
/// `MACH_MSGH_BITS_REMOTE_MASK`: what kind of right the remote port is.
const REMOTE_MASK: u32 = 0x1f;

/// Images were loaded; the body lists them. Sent by older dyld only, or beside the new messages.
pub const LEGACY_LOAD: u32 = 0x1000;
/// Images were unloaded; the body lists them.
pub const LEGACY_UNLOAD: u32 = 0x2000;
/// `main` is about to be called.
pub const LEGACY_MAIN: u32 = 0x3000;
/// The first of the ids that carry an event in their low twelve bits, and nothing else.
pub const EVENT_BASE: u32 = 0x4000;

/// A `mach_msg_header_t`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `msgh_bits`.
    pub bits: u32,
    /// `msgh_size`: header and body, without the trailer.
    pub size: u32,
    /// `msgh_remote_port`: in a received message, where the reply goes.
    pub remote_port: u32,
    /// `msgh_local_port`.
    pub local_port: u32,
    /// `msgh_voucher_port`.
    pub voucher_port: u32,
    /// `msgh_id`.
    pub id: u32,
}

/// What dyld says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// One of the three legacy messages. The new ones say the same, so it is only replied to.
    Legacy,
    /// An event of the process.
    Event(ProcessEvent),
}

/// An event of a process, by dyld's number. Numbers that nobody knows yet are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessEvent(pub u32);

impl ProcessEvent {
    /// The list of images changed (`DYLD_REMOTE_EVENT_ATLAS_CHANGED`).
    pub const ATLAS_CHANGED: Self = Self(0);
    /// `main` is about to be called (`DYLD_REMOTE_EVENT_MAIN`).
    pub const MAIN: Self = Self(1);
    /// Initializers are about to run (`DYLD_REMOTE_EVENT_BEFORE_INITIALIZERS`; older dyld named it for the mapped
    /// cache).
    pub const BEFORE_INITIALIZERS: Self = Self(2);

    /// The greatest number that there can be: the identifier of a message has twelve bits for it.
    pub const MOST: u32 = 0xfff;

    /// The header by which dyld sends it.
    #[must_use]
    pub const fn header(self) -> Header {
        Header {
            bits: 0,
            size: HEADER_SIZE as u32,
            remote_port: 0,
            local_port: 0,
            voucher_port: 0,
            id: EVENT_BASE | self.0 & Self::MOST,
        }
    }
}

impl Header {
    /// Reads the header at the start of `bytes`; `None` if they are too few.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let word = |index: usize| {
            let at = index.checked_mul(4)?;
            let bytes = bytes.get(at..at.checked_add(4)?)?;
            bytes.try_into().ok().map(u32::from_ne_bytes)
        };
        Some(Self {
            bits: word(0)?,
            size: word(1)?,
            remote_port: word(2)?,
            local_port: word(3)?,
            voucher_port: word(4)?,
            id: word(5)?,
        })
    }

    /// The header as bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; HEADER_SIZE] {
        let words = [self.bits, self.size, self.remote_port, self.local_port, self.voucher_port, self.id];
        let mut bytes = [0; HEADER_SIZE];
        for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    /// What the message says, or `None` if it is none of dyld's: then somebody who got hold of the port may be playing,
    /// and the registration is torn down. `received` is how many bytes came.
    #[must_use]
    pub fn accept(&self, received: usize) -> Option<Notice> {
        let size = usize::try_from(self.size).ok()?;
        let fits = (HEADER_SIZE..=MAX_MESSAGE_SIZE).contains(&size) && size <= received;
        if self.bits & COMPLEX != 0 || !fits {
            return None;
        }
        match self.id {
            LEGACY_LOAD | LEGACY_UNLOAD | LEGACY_MAIN => Some(Notice::Legacy),
            id if id & !ProcessEvent::MOST == EVENT_BASE => Some(Notice::Event(ProcessEvent(id & ProcessEvent::MOST))),
            _ => None,
        }
    }

    /// The reply that lets the target go on. The kind of right comes from the message: a send-once right moves.
    #[must_use]
    pub const fn reply(&self) -> Self {
        Self {
            bits: self.bits & REMOTE_MASK,
            size: HEADER_SIZE as u32,
            remote_port: self.remote_port,
            local_port: 0,
            voucher_port: 0,
            id: 0,
        }
    }
}
