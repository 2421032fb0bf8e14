//! Memory that is kept in this process: to replay what was seen, and to fail where a test wants it to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::memory::{DyldInfo, Suspension, TaskMemory, TaskRegion};
use crate::error::{Error, Result};

/// A piece of recorded memory.
#[derive(Clone, Debug)]
struct Piece {
    bytes: Vec<u8>,
    protection: u32,
    path: Option<String>,
}

/// What a [`Fault`] may do to one read.
#[derive(Debug)]
pub enum Meddling {
    /// The read fails.
    Fail(Error),
    /// Only so many bytes are there, at most.
    Shorten(usize),
}

/// One read, as a [`Fault`] sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// How many reads there were before.
    pub number: u64,
    /// Where it begins.
    pub address: u64,
    /// How many bytes are wanted.
    pub size: usize,
}

/// Sees each read before it is done; may change the memory, and may spoil the read.
pub type Fault = Box<dyn FnMut(Read, &mut Contents) -> Option<Meddling> + Send>;

/// What the memory holds.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    pieces: BTreeMap<u64, Piece>,
    /// Where dyld's structure is; `None` where the process announces nothing.
    pub dyld_info: Option<DyldInfo>,
    /// The number of the process.
    pub pid: Option<u32>,
}

impl Contents {
    /// Of a process of that number, whose dyld keeps its structure there.
    #[must_use]
    pub fn new(pid: Option<u32>, dyld_info: Option<DyldInfo>) -> Self {
        Self { pid, dyld_info, ..Self::default() }
    }

    /// Maps `bytes` at `address`, in the place of what began there. Pieces should not overlap.
    pub fn map(&mut self, address: u64, bytes: Vec<u8>, protection: u32, path: Option<&str>) {
        self.pieces.insert(address, Piece { bytes, protection, path: path.map(str::to_owned) });
    }

    /// Takes away what begins at `address`.
    pub fn unmap(&mut self, address: u64) {
        self.pieces.remove(&address);
    }

    /// Writes over memory that is mapped in one piece; says whether it is.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> bool {
        let Some((start, piece)) = self.pieces.range_mut(..=address).next_back() else { return false };
        let place = usize::try_from(address.wrapping_sub(*start)).ok();
        let place = place.and_then(|start| piece.bytes.get_mut(start..start.checked_add(bytes.len())?));
        place.map(|place| place.copy_from_slice(bytes)).is_some()
    }

    /// The bytes from `address` to the end of the piece that holds it.
    fn rest(&self, address: u64) -> &[u8] {
        let Some((start, piece)) = self.pieces.range(..=address).next_back() else { return &[] };
        let start = usize::try_from(address.wrapping_sub(*start)).unwrap_or(usize::MAX);
        piece.bytes.get(start..).unwrap_or_default()
    }

    /// As [`TaskMemory::read`].
    pub fn read(&self, address: u64, buffer: &mut [u8]) -> usize {
        let mut done = 0;
        while let Some(place) = buffer.get_mut(done..).filter(|place| !place.is_empty()) {
            let Some(next) = address.checked_add(done as u64) else { break };
            let rest = self.rest(next);
            if rest.is_empty() {
                break;
            }
            for (to, from) in place.iter_mut().zip(rest) {
                *to = *from;
            }
            done = done.saturating_add(rest.len().min(place.len()));
        }
        done
    }
}

struct Inside {
    contents: Contents,
    fault: Option<Fault>,
    reads: u64,
}

/// Recorded memory. Clones share it, so that one can be changed while another is read.
#[derive(Clone)]
pub struct RecordedMemory(Arc<Mutex<Inside>>);

impl RecordedMemory {
    /// With what it holds at first.
    #[must_use]
    pub fn new(contents: Contents) -> Self {
        Self(Arc::new(Mutex::new(Inside { contents, fault: None, reads: 0 })))
    }

    /// Lets `fault` see each read from now on.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.with(|inside| inside.fault = fault);
    }

    /// Changes the memory between two reads.
    pub fn change<T>(&self, change: impl FnOnce(&mut Contents) -> T) -> T {
        self.with(|inside| change(&mut inside.contents))
    }

    /// How many reads there were.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.with(|inside| inside.reads)
    }

    fn with<T>(&self, what: impl FnOnce(&mut Inside) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for RecordedMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.with(|inside| write!(f, "RecordedMemory({} pieces, {} reads)", inside.contents.pieces.len(), inside.reads))
    }
}

impl TaskMemory for RecordedMemory {
    fn pid(&self) -> Option<u32> {
        self.with(|inside| inside.contents.pid)
    }

    fn dyld_info(&self) -> Result<DyldInfo> {
        let info = self.with(|inside| inside.contents.dyld_info);
        info.ok_or_else(|| Error::unsupported("the recorded process announces no dyld_all_image_infos"))
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<usize> {
        self.with(|inside| {
            let read = Read { number: inside.reads, address, size: buffer.len() };
            inside.reads = inside.reads.wrapping_add(1);
            let meddling = inside.fault.as_mut().and_then(|fault| fault(read, &mut inside.contents));
            match meddling {
                Some(Meddling::Fail(error)) => Err(error),
                Some(Meddling::Shorten(most)) => {
                    let most = buffer.len().min(most);
                    Ok(inside.contents.read(address, buffer.get_mut(..most).unwrap_or_default()))
                }
                None => Ok(inside.contents.read(address, buffer)),
            }
        })
    }

    fn regions(&self) -> Result<Vec<TaskRegion>> {
        let region = |(address, piece): (&u64, &Piece)| TaskRegion {
            address: *address,
            size: piece.bytes.len() as u64,
            protection: piece.protection,
            path: piece.path.clone(),
        };
        Ok(self.with(|inside| inside.contents.pieces.iter().map(region).collect()))
    }

    fn suspend(&self) -> Result<Option<Suspension>> {
        Ok(None)
    }
}
