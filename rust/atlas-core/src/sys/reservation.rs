//! Address space that is reserved first, filled piece by piece, and then never changes again.

use std::io;

use super::file::OpenFile;

#[cfg(not(unix))]
use super::space_copied::Space as HostSpace;
#[cfg(unix)]
use super::space_unix::Space as HostSpace;

/// What an operating system has to offer for a reservation. All ranges were checked to lie within it.
pub trait Space: Sized {
    /// The size and alignment of pieces that can be mapped; `None` where none can.
    fn page_size() -> Option<u64>;
    /// `length` bytes of zeros.
    fn new(length: usize) -> io::Result<Self>;
    /// Maps whole pages; all three numbers are multiples of the page size, and the file has the bytes.
    fn map(&mut self, at: usize, file: &OpenFile, offset: u64, length: usize) -> io::Result<()>;
    /// Reads from the file instead.
    fn read(&mut self, at: usize, file: &OpenFile, offset: u64, length: usize) -> io::Result<()>;
    /// Copies bytes.
    fn copy(&mut self, at: usize, bytes: &[u8]) -> io::Result<()>;
    /// Ends all writing.
    fn seal(&mut self) -> io::Result<()>;
    /// The bytes.
    fn bytes(&self) -> &[u8];
}

/// Address space whose every byte is zero until a piece is placed over it.
///
/// Where the host can map, a reservation costs no memory, however long it is; pieces of files are mapped, privately and
/// read-only, and only what does not fill whole pages of the host is copied. Elsewhere all of it is memory and copies.
#[derive(Debug)]
pub struct Reservation<S = HostSpace> {
    space: S,
    length: u64,
    /// Bytes that may still be copied.
    budget: u64,
}

/// A finished reservation: it owns its address space and gives it back when dropped.
#[derive(Debug)]
pub struct Reserved<S = HostSpace>(S);

fn outside(at: u64, size: u64, length: u64) -> io::Error {
    let message = format!("a piece of {size} bytes at {at} leaves a reservation of {length} bytes");
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

impl Reservation {
    /// Reserves `length` bytes. At most `most_copied` bytes will be copied into it; the rest must be mappable.
    ///
    /// # Errors
    /// [`io::ErrorKind::OutOfMemory`] where the host has not so much address space (or, where nothing can be mapped,
    /// where
    /// `length` exceeds `most_copied`).
    pub fn new(length: u64, most_copied: u64) -> io::Result<Self> {
        Self::of(length, most_copied)
    }
}

impl<S: Space> Reservation<S> {
    pub(super) fn of(length: u64, most_copied: u64) -> io::Result<Self> {
        let address_space = usize::try_from(length).ok().filter(|&length| isize::try_from(length).is_ok());
        let Some(address_space) = address_space.filter(|_| S::page_size().is_some() || length <= most_copied) else {
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        Ok(Self { space: S::new(address_space)?, length, budget: most_copied })
    }

    /// How many bytes were reserved.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// `at` as an offset into the reservation that has `size` bytes behind it, and `size`.
    fn within(&self, at: u64, size: u64) -> io::Result<(usize, usize)> {
        let end = at.checked_add(size).filter(|&end| end <= self.length);
        // What lies within the length fits, as the length did.
        match (end, usize::try_from(at), usize::try_from(size)) {
            (Some(_), Ok(at), Ok(size)) => Ok((at, size)),
            _ => Err(outside(at, size, self.length)),
        }
    }

    fn spend(&mut self, size: u64) -> io::Result<()> {
        self.budget = self.budget.checked_sub(size).ok_or_else(|| {
            let message =
                format!("{size} bytes lie on no page of this machine, and only {} may be copied", self.budget);
            io::Error::new(io::ErrorKind::OutOfMemory, message)
        })?;
        Ok(())
    }

    /// Places `size` bytes of `file` from `offset` on at `at`. Pieces may overlap: the later one counts.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] where the file has not (or no longer) so many bytes,
    /// [`io::ErrorKind::InvalidInput`] where the piece leaves the reservation, [`io::ErrorKind::OutOfMemory`] where too
    /// much would have to be copied; else what the operating system says. The reservation is not to be used then.
    pub fn place_file(&mut self, at: u64, file: &OpenFile, offset: u64, size: u64) -> io::Result<()> {
        self.within(at, size)?;
        let now = file.size_now()?;
        if offset.checked_add(size).is_none_or(|end| end > now) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (head, pages) = match S::page_size() {
            // Where both begin equally far into a page, whole pages of one are whole pages of the other.
            Some(page) if at % page == offset % page => {
                let head = at.wrapping_neg() % page;
                let whole = size.saturating_sub(head);
                (head.min(size), whole - whole % page)
            }
            _ => (size, 0),
        };
        let tail = size - head - pages;
        self.read_piece(at, file, offset, head)?;
        if pages > 0 {
            let (at, length) = self.within(at + head, pages)?;
            self.space.map(at, file, offset + head, length)?;
        }
        self.read_piece(at + head + pages, file, offset + head + pages, tail)
    }

    fn read_piece(&mut self, at: u64, file: &OpenFile, offset: u64, size: u64) -> io::Result<()> {
        if size == 0 {
            return Ok(());
        }
        self.spend(size)?;
        let (at, length) = self.within(at, size)?;
        self.space.read(at, file, offset, length)
    }

    /// Copies `bytes` to `at`.
    ///
    /// # Errors
    /// As [`Self::place_file`].
    pub fn place_bytes(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let (at, _) = self.within(at, bytes.len() as u64)?;
        if bytes.is_empty() {
            return Ok(());
        }
        self.spend(bytes.len() as u64)?;
        self.space.copy(at, bytes)
    }

    /// Ends all writing.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn finish(mut self) -> io::Result<Reserved<S>> {
        self.space.seal()?;
        Ok(Reserved(self.space))
    }
}

impl<S: Space> AsRef<[u8]> for Reserved<S> {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes()
    }
}
