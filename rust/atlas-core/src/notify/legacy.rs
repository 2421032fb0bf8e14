//! Bodies of the legacy messages: which images were loaded or unloaded, in the message itself.
//!
//! A watcher needs none of this: it reads the new snapshot instead. It is here for those who send, and for those who
//! look.

use super::message::{HEADER_SIZE, Header, MAX_MESSAGE_SIZE};

/// Header, version, count of images, offsets of images and strings, timestamp.
const BODY_START: usize = HEADER_SIZE + 24;
/// UUID, load address, offset and length of the path.
const ENTRY_SIZE: usize = 32;
/// Room that dyld leaves for the trailer (`MAX_TRAILER_SIZE`).
const TRAILER_SIZE: usize = 68;
const VERSION: u32 = 1;

/// One image in a legacy message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyImage {
    /// UUID; zeros where there is none.
    pub uuid: [u8; 16],
    /// Where it lies.
    pub address: u64,
    /// Its path, as bytes.
    pub path: Vec<u8>,
}

/// What a legacy message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyMessage {
    /// `mach_absolute_time` of the change.
    pub timestamp: u64,
    /// The images.
    pub images: Vec<LegacyImage>,
}

fn padded(length: usize) -> Option<usize> {
    length.checked_next_multiple_of(8)
}

/// Bytes of the message, if it can be written down at all.
fn size_of_message(images: &[LegacyImage]) -> Option<usize> {
    let strings = images.iter().try_fold(0_usize, |sum, image| sum.checked_add(image.path.len())?.checked_add(1))?;
    let entries = images.len().checked_mul(ENTRY_SIZE)?;
    padded(BODY_START.checked_add(entries)?.checked_add(strings)?)
}

impl LegacyMessage {
    /// The messages by which dyld says this: one, or where it would be too large, the two halves by themselves. `None`
    /// if the path of a single image is too long for any message.
    #[must_use]
    pub fn to_messages(&self, id: u32) -> Option<Vec<Vec<u8>>> {
        let mut messages = Vec::new();
        // Halves still to be said, the next one last.
        let mut parts = vec![self.images.as_slice()];
        while let Some(images) = parts.pop() {
            let size = size_of_message(images)?;
            if size.checked_add(TRAILER_SIZE)? <= MAX_MESSAGE_SIZE {
                messages.push(self.one_message(id, images, size)?);
            } else if images.len() > 1 {
                let (first, second) = images.split_at(images.len() / 2);
                parts.extend([second, first]);
            } else {
                return None;
            }
        }
        Some(messages)
    }

    fn one_message(&self, id: u32, images: &[LegacyImage], size: usize) -> Option<Vec<u8>> {
        let strings_at = BODY_START.checked_add(images.len().checked_mul(ENTRY_SIZE)?)?;
        let header = Header { size: u32::try_from(size).ok()?, id, ..Header::default() };
        let mut bytes = header.to_bytes().to_vec();
        let counts = [VERSION, u32::try_from(images.len()).ok()?, BODY_START as u32, u32::try_from(strings_at).ok()?];
        bytes.extend(counts.into_iter().flat_map(u32::to_ne_bytes));
        bytes.extend(self.timestamp.to_ne_bytes());
        let mut string = 0_u32;
        for image in images {
            let length = u32::try_from(image.path.len()).ok()?;
            bytes.extend(image.uuid);
            bytes.extend(image.address.to_ne_bytes());
            bytes.extend(string.to_ne_bytes());
            bytes.extend(length.to_ne_bytes());
            string = string.checked_add(length)?.checked_add(1)?;
        }
        for image in images {
            bytes.extend(&image.path);
            bytes.push(0);
        }
        bytes.resize(size, 0);
        Some(bytes)
    }

    /// Reads a whole message of load or unload; `None` if anything in it leads out of it.
    #[must_use]
    pub fn read(message: &[u8]) -> Option<Self> {
        let size = usize::try_from(Header::read(message)?.size).ok()?;
        let message = message.get(..size)?;
        let word = |at: usize| message.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_ne_bytes);
        let long = |at: usize| message.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_ne_bytes);
        let offset = |at: usize| usize::try_from(word(at)?).ok();
        if word(HEADER_SIZE)? != VERSION {
            return None;
        }
        let (count, images_at, strings_at) =
            (offset(HEADER_SIZE + 4)?, offset(HEADER_SIZE + 8)?, offset(HEADER_SIZE + 12)?);
        let entries = message.get(images_at..images_at.checked_add(count.checked_mul(ENTRY_SIZE)?)?)?;
        let image = |place: usize, entry: &[u8]| {
            let at = images_at.checked_add(place.checked_mul(ENTRY_SIZE)?)?;
            let path_at = strings_at.checked_add(offset(at.checked_add(24)?)?)?;
            let path_end = path_at.checked_add(offset(at.checked_add(28)?)?)?;
            Some(LegacyImage {
                uuid: entry.get(..16)?.try_into().ok()?,
                address: long(at.checked_add(16)?)?,
                path: message.get(path_at..path_end)?.to_vec(),
            })
        };
        let images = entries.chunks_exact(ENTRY_SIZE).enumerate().map(|(place, entry)| image(place, entry));
        Some(Self { timestamp: long(HEADER_SIZE + 16)?, images: images.collect::<Option<_>>()? })
    }
}
