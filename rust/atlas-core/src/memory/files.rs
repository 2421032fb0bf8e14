//! Files that memory is made of, each opened once per process for as long as somebody uses it.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::bytes::{Bytes, Mode};
use crate::error::{Error, Result};
use crate::sys::{FileIdentity, OpenFile, Reservation, tick};

/// Most descriptors that are kept. macOS gives a process 256; two caches of 62 files are below this. Files beyond are
/// closed once mapped, and found again by path and identity.
const MOST_DESCRIPTORS: usize = 128;

/// How many are kept.
static DESCRIPTORS: AtomicUsize = AtomicUsize::new(0);

/// Makes an error of what was expected and what was found. What is wrong with a file is an error of what it holds.
pub(super) type Wrong = fn(String, String) -> Error;

/// What tells sources apart for as long as they are in use.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum SourceKey {
    /// A file as it was when it was opened.
    File(PathBuf, FileIdentity),
    /// Bytes that were given, by where they lie: as long as they are in use no others can.
    Memory(usize, usize),
}

/// A descriptor that counts.
#[derive(Debug)]
struct KeptFile(OpenFile);

impl KeptFile {
    fn keep(file: OpenFile) -> Option<Self> {
        let more = |count| (count < MOST_DESCRIPTORS).then_some(count + 1);
        DESCRIPTORS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Self(file))
    }
}

impl Drop for KeptFile {
    fn drop(&mut self) {
        DESCRIPTORS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where bytes come from.
#[derive(Debug)]
enum Origin {
    /// Memory: copied, or given.
    Memory,
    /// A mapped file, by its descriptor where that is kept.
    Mapped(Option<KeptFile>),
}

/// A file as it was when it was opened.
#[derive(Debug)]
pub struct SourceFile {
    path: PathBuf,
    identity: Option<FileIdentity>,
    origin: Origin,
    bytes: Bytes,
    /// In which tick of the clock its size was last asked for.
    checked: AtomicU64,
}

impl SourceFile {
    /// The file at `path`. Whoever opens the same state of the same file in the same mode gets the same one.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`] with the path.
    pub fn open(path: &Path, mode: Mode) -> Result<Arc<Self>> {
        TABLE.open(path, mode).map_err(|source| Error::io(path, source))
    }

    /// Bytes that somebody gave for the file that is called `path`; where they come from is his.
    #[must_use]
    pub fn from_bytes(path: PathBuf, bytes: Bytes) -> Self {
        Self { path, identity: None, origin: Origin::Memory, bytes, checked: AtomicU64::new(0) }
    }

    fn load(file: OpenFile, path: &Path, mode: Mode) -> io::Result<Self> {
        let identity = Some(file.identity());
        let (bytes, origin) = match mode {
            Mode::Copy => (Bytes::from_owner(file.read()?), Origin::Memory),
            Mode::Map => (Bytes::from_owner(file.map()?), Origin::Mapped(KeptFile::keep(file))),
        };
        Ok(Self { path: path.to_owned(), identity, origin, bytes, checked: AtomicU64::new(0) })
    }

    /// Where it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it was when it was opened; `None` of bytes that were given.
    #[must_use]
    pub fn identity(&self) -> Option<FileIdentity> {
        self.identity
    }

    pub(super) fn key(&self) -> SourceKey {
        match self.identity {
            Some(identity) => SourceKey::File(self.path.clone(), identity),
            None => SourceKey::Memory(self.bytes.as_ptr() as usize, self.bytes.len()),
        }
    }

    /// The whole file.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    fn cut_short(&self, found: u64, wrong: Wrong) -> Error {
        let expected = format!("the {} bytes that the file had when it was opened", self.bytes.len());
        let error = wrong(expected, format!("{found} bytes: the file was cut short"));
        error.in_entry(&self.path.file_name().unwrap_or_default().to_string_lossy())
    }

    /// Refuses a mapped file that is shorter than when it was mapped: reading past its end would end this process.
    pub(super) fn check(&self, wrong: Wrong) -> Result<()> {
        let now = match &self.origin {
            Origin::Memory => return Ok(()),
            Origin::Mapped(Some(kept)) => kept.0.size_now(),
            Origin::Mapped(None) => match FileIdentity::of(&self.path) {
                Ok(now) if self.identity.is_some_and(|known| known.inode == now.inode) => Ok(now.size),
                // Another file has its name now. Nobody can be asked about this one, and hardly anybody can cut it.
                _ => return Ok(()),
            },
        };
        let now = now.map_err(|source| Error::io(&self.path, source))?;
        if now < self.bytes.len() as u64 { Err(self.cut_short(now, wrong)) } else { Ok(()) }
    }

    /// The same for who cannot wait for the system each time: asks it once in some milliseconds.
    #[inline]
    pub(super) fn check_now_and_then(&self, wrong: Wrong) -> Result<()> {
        let now = tick();
        if self.checked.load(Ordering::Relaxed) == now {
            return Ok(());
        }
        self.check(wrong)?;
        self.checked.store(now, Ordering::Relaxed);
        Ok(())
    }

    /// The file, opened anew where it was not kept open; `None` where that is not possible any more.
    fn with_file<T>(&self, use_it: impl FnOnce(&OpenFile) -> T) -> Option<T> {
        match &self.origin {
            Origin::Memory => None,
            Origin::Mapped(Some(kept)) => Some(use_it(&kept.0)),
            Origin::Mapped(None) => {
                let file = OpenFile::open(&self.path).ok()?;
                self.identity.is_some_and(|known| known.inode == file.identity().inode).then(|| use_it(&file))
            }
        }
    }

    /// The bytes of `offset` and `size`, from memory; whoever uses them has called [`Self::check`].
    pub(super) fn get(&self, offset: u64, size: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        self.bytes.get(start..start.checked_add(size)?)
    }

    /// The bytes of `offset` and `size`; whoever asks has called [`Self::check`].
    pub(super) fn part(&self, offset: u64, size: u64, wrong: Wrong) -> Result<Bytes> {
        let range = || {
            let start = usize::try_from(offset).ok()?;
            self.bytes.slice(start..start.checked_add(usize::try_from(size).ok()?)?)
        };
        range().ok_or_else(|| self.too_short(offset, size, wrong))
    }

    /// Fills `window` from `offset` on without touching mapped memory where the file can be read instead: a file that
    /// was cut short is then an error and nothing worse.
    pub(super) fn read(&self, offset: u64, window: &mut [u8], wrong: Wrong) -> Result<()> {
        let Some(bytes) = self.get(offset, window.len()) else {
            return Err(self.too_short(offset, window.len() as u64, wrong));
        };
        match self.with_file(|file| file.read_exact_at(window, offset)) {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(self.refusal(error, wrong)),
            None => {
                self.check(wrong)?;
                window.copy_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Places `size` bytes from `offset` on into `reservation` at `at`.
    pub(super) fn place(
        &self,
        reservation: &mut Reservation,
        at: u64,
        offset: u64,
        size: u64,
        wrong: Wrong,
    ) -> Result<()> {
        let bytes = usize::try_from(size).ok().and_then(|size| self.get(offset, size));
        let Some(bytes) = bytes else { return Err(self.too_short(offset, size, wrong)) };
        let placed = match self.with_file(|file| reservation.place_file(at, file, offset, size)) {
            Some(placed) => placed,
            None => {
                self.check(wrong)?;
                reservation.place_bytes(at, bytes)
            }
        };
        placed.map_err(|error| self.refusal(error, wrong))
    }

    fn too_short(&self, offset: u64, size: u64, wrong: Wrong) -> Error {
        let error = wrong(format!("{size} bytes at {offset:#x}"), format!("a file of {} bytes", self.bytes.len()));
        error.in_entry(&self.path.file_name().unwrap_or_default().to_string_lossy())
    }

    /// What the operating system said, in our words where it is the one thing that we know of.
    fn refusal(&self, error: io::Error, wrong: Wrong) -> Error {
        if error.kind() == io::ErrorKind::UnexpectedEof
            && let Err(cut_short) = self.check(wrong)
        {
            return cut_short;
        }
        Error::io(&self.path, error)
    }
}

/// Files that somebody uses.
#[derive(Debug)]
struct Table {
    entries: Mutex<Option<Entries>>,
}

#[derive(Debug, Default)]
struct Entries {
    files: HashMap<(PathBuf, Mode), Weak<SourceFile>>,
    /// At how many entries those that nobody uses any more are removed next.
    sweep_at: usize,
}

static TABLE: Table = Table { entries: Mutex::new(None) };

impl Table {
    /// Fewer are not worth a sweep.
    const FEW: usize = 64;

    fn lock(&self) -> MutexGuard<'_, Option<Entries>> {
        // Nothing that can panic runs under the lock.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, key: &(PathBuf, Mode), identity: FileIdentity) -> Option<Arc<SourceFile>> {
        // What may be the last owner is let go of outside the lock: unmapping takes its time.
        let found = self.lock().as_ref()?.files.get(key)?.upgrade()?;
        (found.identity == Some(identity)).then_some(found)
    }

    fn open(&self, path: &Path, mode: Mode) -> io::Result<Arc<SourceFile>> {
        let key = (path.to_owned(), mode);
        if let Some(found) = self.get(&key, FileIdentity::of(path)?) {
            return Ok(found);
        }
        let file = OpenFile::open(path)?;
        let identity = file.identity();
        let made = Arc::new(SourceFile::load(file, path, mode)?);
        let mut entries = self.lock();
        let Entries { files, sweep_at } = entries.get_or_insert_default();
        // Another thread may have been faster. What it opened lives until the lock is free, also where it is not the
        // same.
        let faster = files.get(&key).and_then(Weak::upgrade);
        if faster.as_ref().is_some_and(|found| found.identity == Some(identity)) {
            drop(entries);
            return Ok(faster.unwrap_or(made));
        }
        if files.len() >= *sweep_at {
            files.retain(|_, file| file.strong_count() > 0);
            *sweep_at = files.len().saturating_mul(2).max(Self::FEW);
        }
        files.insert(key, Arc::downgrade(&made));
        drop(entries);
        Ok(made)
    }
}
