//! Names, one after the other.

use crate::bplist::Text;

/// Bytes before each name that say how long it is.
const LENGTH: usize = 4;

/// Names in one piece of memory, found by position. Position 0 is none, as in a property list.
#[derive(Debug)]
pub(super) struct TextArena {
    bytes: Vec<u8>,
}

impl TextArena {
    pub(super) fn with_capacity(room: usize) -> Self {
        let mut bytes = Vec::with_capacity(room);
        bytes.push(0);
        Self { bytes }
    }

    /// Adds `name` and returns its position; 0 where no position can say where it would stand.
    pub(super) fn add(&mut self, name: &[u8]) -> u32 {
        let (Ok(position), Ok(length)) = (u32::try_from(self.bytes.len()), u32::try_from(name.len())) else { return 0 };
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(name);
        position
    }

    /// The name at `position`. Like the text of a property list that is marked ASCII, it is read as UTF-8 and may be
    /// none.
    pub(super) fn get(&self, position: u32) -> Option<Text<'_>> {
        let rest = self.bytes.get(position as usize..).filter(|_| position != 0)?;
        let (length, rest) = rest.split_first_chunk::<LENGTH>()?;
        rest.get(..u32::from_le_bytes(*length) as usize).map(Text::Ascii)
    }

    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    pub(super) fn byte_length(&self) -> usize {
        self.bytes.capacity()
    }
}
