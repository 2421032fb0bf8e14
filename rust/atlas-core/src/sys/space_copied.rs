//! A reservation where nothing can be mapped: memory, filled by reading. Tested on every platform.

use std::io;

use super::file::OpenFile;
use super::reservation;

/// Memory of our own.
#[derive(Debug)]
pub struct Space(Vec<u8>);

impl Space {
    fn piece(&mut self, at: usize, length: usize) -> io::Result<&mut [u8]> {
        let end = at.checked_add(length).ok_or(io::ErrorKind::InvalidInput)?;
        self.0.get_mut(at..end).ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }
}

impl reservation::Space for Space {
    fn page_size() -> Option<u64> {
        None
    }

    fn new(length: usize) -> io::Result<Self> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
        bytes.resize(length, 0);
        Ok(Self(bytes))
    }

    fn map(&mut self, at: usize, file: &OpenFile, offset: u64, length: usize) -> io::Result<()> {
        self.read(at, file, offset, length)
    }

    fn read(&mut self, at: usize, file: &OpenFile, offset: u64, length: usize) -> io::Result<()> {
        file.read_exact_at(self.piece(at, length)?, offset)
    }

    fn copy(&mut self, at: usize, bytes: &[u8]) -> io::Result<()> {
        self.piece(at, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    fn seal(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }
}
