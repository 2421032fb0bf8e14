//! The memory of one shared cache.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::bytes::{Bytes, Mode};
use crate::cache::file::reach;
use crate::cache::slide::SlideInfo;
use crate::cache::tables::DylibsTrie;
use crate::cache::{CacheFile, CacheGroup, LocalSymbols, Mapping, Place, Wanted};
use crate::error::{Error, ErrorKind, Result};

use super::files::{SourceFile, Wrong};
use super::pin::{Pin, UnpinError};
use super::pointers::Pointers;
use super::space::{SMALL, Span, Spans, finish, part_of, reserve, zeros};

/// Most bytes that are searched for one that is not zero: laying out zeros takes less time than reading more.
const MOST_SEARCHED: usize = 1 << 20;

/// Few enough to stop early, many enough to be compared side by side.
const SEARCHED_AT_ONCE: usize = 512;

/// Most mappings that are mapped into one range. Real caches have some hundreds; Linux gives a process 65 530 of all
/// kinds.
const MOST_PIECES: usize = 1 << 14;

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |any, byte| any | byte) == 0
}

/// The files of a cache by the addresses that they are mapped to. All addresses are unslid.
#[derive(Debug)]
pub struct CacheMemory {
    /// First, so that it goes before the sources that it is known by.
    pin: Pin,
    group: CacheGroup,
    /// In the order of the group's files.
    sources: Vec<Arc<SourceFile>>,
    symbols: Option<Arc<SourceFile>>,
    mode: Mode,
}

impl CacheMemory {
    /// Opens the cache whose main file is at `path`, with the files that belong to it.
    ///
    /// # Errors
    /// As [`CacheGroup::open`].
    pub fn open(path: &Path, mode: Mode) -> Result<Arc<Self>> {
        Self::open_with(path, mode, &mut |wanted| {
            wanted.stays()?;
            SourceFile::open(wanted.path, mode)
        })
    }

    /// The same with files that `open` finds, wherever they are.
    ///
    /// # Errors
    /// As [`CacheGroup::open`].
    pub fn open_with(
        path: &Path,
        mode: Mode,
        open: &mut dyn FnMut(&Wanted<'_>) -> Result<Arc<SourceFile>>,
    ) -> Result<Arc<Self>> {
        let mut opened: Vec<Arc<SourceFile>> = Vec::new();
        let group = CacheGroup::open_with(path, &mut |wanted| {
            let source = open(wanted)?;
            let found = (source.path().to_owned(), source.bytes().clone());
            opened.push(source);
            Ok(found)
        })?;
        let of_path = |path: &Path| opened.iter().find(|opened| opened.path() == path).cloned();
        let sources: Option<Vec<_>> = group.files().iter().map(|file| of_path(&file.path)).collect();
        // While nobody can have cut a file short.
        let _ = group.pointer_size();
        // The group opens files in no other way, so that each is there.
        let sources = sources.ok_or_else(|| Error::cache("files that were opened", "one that was not"))?;
        let symbols = group.symbols().and_then(|file| of_path(&file.path));
        let uuid = group.main().uuid;
        let identities = sources.iter().map(|source| source.key()).collect();
        Ok(Arc::new(Self { group, sources, symbols, mode, pin: Pin::of((uuid, mode, identities)) }))
    }

    /// The files.
    #[must_use]
    pub fn group(&self) -> &CacheGroup {
        &self.group
    }

    /// The whole `.symbols` file, where the cache names one and it is there.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`] where it was cut short.
    pub fn symbols(&self) -> Result<Option<Bytes>> {
        let Some(source) = &self.symbols else { return Ok(None) };
        source.check(Self::WRONG)?;
        Ok(Some(source.bytes().clone()))
    }

    /// Refuses files that were cut short, for who looks at all of them.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`]
    pub fn check_files(&self) -> Result<()> {
        self.sources.iter().chain(&self.symbols).try_for_each(|source| source.check(Self::WRONG))
    }

    /// Refuses file `position` of the group if it was cut short.
    pub(super) fn check_file(&self, position: usize) -> Result<()> {
        self.source(position)?.check(Self::WRONG)
    }

    /// The local symbols, wherever they stand; `None` where the cache has none, or their file is missing.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`] where their file was cut short, or the tables leave it.
    pub fn local_symbols(&self) -> Result<Option<LocalSymbols>> {
        self.symbols()?;
        if self.group.main().file.header().local_symbols.is_some_and(|range| range.size != 0) {
            self.check_file(0)?;
        }
        LocalSymbols::of(&self.group)
    }

    /// The main file, for who looks at its tables.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`] where it was cut short.
    pub fn main_file(&self) -> Result<&CacheFile> {
        self.source(0)?.check(Self::WRONG)?;
        Ok(&self.group.main().file)
    }

    /// The trie of the paths of images; `None` where the cache has none.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`] where its file is missing, or was cut short.
    pub fn dylibs_trie(&self) -> Result<Option<DylibsTrie>> {
        let range = self.group.main().file.header().dylibs_trie;
        if let Some(place) = range.and_then(|range| self.group.at(range.address.0)) {
            self.check_file(place.file)?;
        }
        DylibsTrie::of(&self.group)
    }

    /// How files became bytes.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// `size` bytes at `address`: as in the files or, with `slide`, as a process at that slide has them.
    ///
    /// An authenticated pointer is then its target and the slide, without the signature, which depends on keys of the
    /// process.
    ///
    /// # Errors
    /// [`ErrorKind::UnmappedAddress`] with the first address that lies in no mapping; [`ErrorKind::Cache`] for slide
    /// info that is broken there, and for a file that was cut short.
    pub fn read(&self, address: u64, size: u64, slide: Option<u64>) -> Result<Vec<u8>> {
        // What is small may be spent before it is known whether it is there.
        if size > SMALL {
            self.check_range(address, size)?;
        }
        let mut bytes = zeros(size)?;
        self.read_into(address, &mut bytes, slide)?;
        Ok(bytes)
    }

    /// Refuses a range that is not mapped throughout.
    ///
    /// # Errors
    /// [`ErrorKind::UnmappedAddress`] with the first address that is not.
    pub fn check(&self, address: u64, size: u64) -> Result<()> {
        self.check_range(address, size)
    }

    /// The same into `window`, which holds anything after an error. Bytes of a cache that is not pinned are read from
    /// the files and not from mapped memory; those of one that is pinned are taken from memory, and sizes of files are
    /// asked for only now and then.
    ///
    /// # Errors
    /// As [`Self::read`].
    #[inline]
    pub fn read_into(&self, address: u64, window: &mut [u8], slide: Option<u64>) -> Result<()> {
        let pinned = self.pin.is_pinned();
        self.walk(address, window.len() as u64, |at, span| {
            let source = self.source(span.file)?;
            let part = part_of(window, at, span.size);
            match source.get(span.file_offset, part.len()) {
                Some(bytes) if pinned => {
                    source.check_now_and_then(Self::WRONG)?;
                    part.copy_from_slice(bytes);
                }
                _ => source.read(span.file_offset, part, Self::WRONG)?,
            }
            match slide {
                Some(slide) => self.rebase(span, part, slide, pinned),
                None => Ok(()),
            }
        })
    }

    fn rebase(&self, span: Span, window: &mut [u8], slide: u64, pinned: bool) -> Result<()> {
        let Some(slid) = self.slid(span.file, span.part, pinned)? else { return Ok(()) };
        let start = span.file_offset.saturating_sub(slid.file_offset);
        let rebased = slid.info.rebase(slid.bytes, start, window, slide);
        rebased.map_err(|error| self.in_file(span.file, error))
    }

    /// Names the file that an error is about.
    pub(super) fn in_file(&self, file: usize, error: Error) -> Error {
        match self.group.files().get(file) {
            Some(file) => error.in_entry(&file.name),
            None => error,
        }
    }

    /// `vm_size` bytes as they lie at `address`, of which all past `file_size` are zero.
    ///
    /// Nothing is copied where the range lies in one mapping and its end is zero there, too; else the range is laid out
    /// in address space of its own (what takes less than 64 KiB, in memory).
    ///
    /// # Errors
    /// As [`Self::read`] of the `file_size` bytes; [`ErrorKind::Limit`] where `vm_size` exceeds
    /// [`super::MOST_ADDRESS_SPACE`] and is not mapped.
    pub fn data(&self, address: u64, file_size: u64, vm_size: u64) -> Result<Bytes> {
        if vm_size == 0 {
            return Ok(Bytes::default());
        }
        if let Some(bytes) = self.in_place(address, vm_size)? {
            let tail = usize::try_from(file_size).ok().and_then(|size| bytes.get(size..)).unwrap_or_default();
            if tail.len() <= MOST_SEARCHED && tail.chunks(SEARCHED_AT_ONCE).all(is_zero) {
                return Ok(bytes);
            }
        }
        self.lay_out(address, file_size, vm_size)
    }

    /// The first `size` bytes of a mapping of a file of the group, whether they are mapped there or another mapping
    /// hides them.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`] where the file has less, or was cut short.
    pub fn mapping_data(&self, file: usize, mapping: usize, size: u64) -> Result<Bytes> {
        let found = self.group.files().get(file).and_then(|file| file.file.mappings().get(mapping));
        let Some(Mapping { address, file_offset, .. }) = found else {
            return Err(Error::cache("a mapping of the cache", format!("number {mapping} of file {file}")));
        };
        let is_shown = |place: &Place| (place.file, place.mapping) == (file, mapping) && place.left >= size;
        if self.group.at(address.0).as_ref().is_some_and(is_shown) {
            return self.data(address.0, size, size);
        }
        let source = self.source(file)?;
        source.check(Self::WRONG)?;
        source.part(*file_offset, size, Self::WRONG)
    }

    /// The bytes of a range that lies in one mapping: of the pinned cache, else of the file.
    fn in_place(&self, address: u64, size: u64) -> Result<Option<Bytes>> {
        // What is not mapped may still be zero fill; where it is not, laying it out says so.
        let Some(place) = self.group.at(address).filter(|place| place.left >= size) else { return Ok(None) };
        let source = self.source(place.file)?;
        if let Some(bytes) = self.pin.bytes(address, size) {
            source.check_now_and_then(Self::WRONG)?;
            return Ok(Some(bytes));
        }
        source.check(Self::WRONG)?;
        let range = |start: u64| Some(usize::try_from(start).ok()?..usize::try_from(start.checked_add(size)?).ok()?);
        Ok(range(place.file_offset).and_then(|range| source.bytes().slice(range)))
    }

    /// The file at `position` of the group as it lies in memory: from its base on, every mapping in its place, holes
    /// zero. It ends with the last mapping, or after `vm_size` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] where that is more than [`super::MOST_ADDRESS_SPACE`], [`ErrorKind::Cache`] where a file
    /// was cut short.
    pub fn layout(&self, position: usize, vm_size: Option<u64>) -> Result<Bytes> {
        let files = self.group.files();
        let Some(file) = files.get(position) else {
            return Err(Error::cache(format!("one of {} files", files.len()), format!("file {position}")));
        };
        let base = file.file.base_address().0;
        let pieces = || self.pieces().filter(move |(_, span)| span.file == position);
        let natural = pieces().map(|(address, span)| reach(base, address, span.size)).max();
        self.lay_out_pieces(base, vm_size.or(natural).unwrap_or(0), pieces())
    }

    /// Every run of memory, in the order of the addresses.
    fn pieces(&self) -> impl Iterator<Item = (u64, Span)> + '_ {
        let mappings = self.group.files().iter().flat_map(|file| file.file.mappings());
        let mut starts: Vec<u64> = mappings.map(|mapping| mapping.address.0).collect();
        starts.sort_unstable();
        // Where mappings overlap, one may begin in the middle of another, and come to light at its end.
        let mut free = Some(0);
        starts.into_iter().filter_map(move |start| {
            let start = start.max(free?);
            let span = self.at(start).ok()?;
            free = start.checked_add(span.size);
            Some((start, span))
        })
    }

    fn lay_out_pieces(&self, base: u64, size: u64, pieces: impl Iterator<Item = (u64, Span)>) -> Result<Bytes> {
        let mut reservation = reserve(size)?;
        for (number, (address, span)) in pieces.enumerate() {
            if number >= MOST_PIECES {
                return Err(Error::limit("mappings in one range", MOST_PIECES as u64, number as u64 + 1));
            }
            // A file's first mapping need not be its lowest; one that begins below it may reach into the range.
            let below = base.saturating_sub(address).min(span.size);
            let at = address.saturating_sub(base);
            let shown = (span.size - below).min(size.saturating_sub(at));
            if shown != 0 {
                let file_offset = span.file_offset.saturating_add(below);
                self.source(span.file)?.place(&mut reservation, at, file_offset, shown, Self::WRONG)?;
            }
        }
        finish(reservation)
    }

    /// Where the lowest mapping begins, and how many bytes are between that and the end of the highest.
    #[must_use]
    pub fn extent(&self) -> (u64, u64) {
        let mut pieces = self.pieces();
        let Some((start, first)) = pieces.next() else { return (0, 0) };
        let (last, span) = pieces.last().unwrap_or((start, first));
        (start, reach(start, last, span.size))
    }

    /// Maps the whole cache into one range of address space, counted: each `pin` wants its [`Self::unpin`]. All
    /// memories of the same files in this process share the range. Reads then ask the system nothing, and buffers of
    /// [`Self::data`] lie in it.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] where the mappings lie further apart than [`super::MOST_ADDRESS_SPACE`], or where too much
    /// would have to be copied, as on a machine with larger pages; [`ErrorKind::Cache`] where a file was cut short.
    pub fn pin(&self) -> Result<()> {
        self.pin.pin(|| {
            let (start, size) = self.extent();
            Ok((start, self.lay_out_pieces(start, size, self.pieces())?))
        })
    }

    /// Takes one [`Self::pin`] back; with the last one the range goes.
    ///
    /// # Errors
    /// Where nothing is pinned, and where the last pin would go while buffers of this memory are in use: it then stays.
    pub fn unpin(&self) -> std::result::Result<(), UnpinError> {
        self.pin.unpin()
    }

    /// How often it is pinned.
    #[must_use]
    pub fn pin_count(&self) -> usize {
        self.pin.count()
    }

    /// The whole cache, as far as [`Self::extent`] says, holes zero, where it is pinned.
    #[must_use]
    pub fn pinned(&self) -> Option<Bytes> {
        self.pin.whole()
    }

    /// Every pointer that slides, or those that lie from `range.start` to `range.end`, in the order of the mappings'
    /// addresses.
    #[must_use]
    pub fn pointers(self: &Arc<Self>, range: Option<Range<u64>>) -> Pointers {
        let range = range.unwrap_or(0..u64::MAX);
        let pieces = self.pieces().filter_map(|(address, span)| {
            let start = address.max(range.start);
            let end = address.saturating_add(span.size).min(range.end);
            (start < end).then_some((span.file, span.part, start, end))
        });
        Pointers::new(Arc::clone(self), pieces.collect())
    }

    /// The version of the slide info of a mapping of a file of the group; `None` where it has none.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`] where it is not well formed, or of a version that is not known.
    pub fn slide_version(&self, file: usize, mapping: usize) -> Result<Option<u32>> {
        Ok(self.slid(file, mapping, false)?.map(|slid| slid.info.version()))
    }

    /// The slide info of a mapping, where it has one.
    pub(super) fn slid(&self, file: usize, mapping: usize, pinned: bool) -> Result<Option<Slid<'_>>> {
        let source = self.source(file)?;
        let mappings = self.group.files().get(file).map(|file| file.file.mappings());
        let Some(mapping) = mappings.and_then(|mappings| mappings.get(mapping)) else { return Ok(None) };
        let Some(range) = mapping.slide_info.as_ref() else { return Ok(None) };
        let size = range.end.checked_sub(range.start).and_then(|size| usize::try_from(size).ok());
        let Some(info) = size.and_then(|size| source.get(range.start, size)) else { return Ok(None) };
        if pinned {
            source.check_now_and_then(Self::WRONG)?;
        } else {
            source.check(Self::WRONG)?;
        }
        let info = SlideInfo::parse(info, mapping, self.group.pointer_size());
        let info = info.map_err(|error| self.in_file(file, error))?;
        let bytes = source.bytes().get(mapping.file_range(source.bytes().len())).unwrap_or_default();
        Ok(Some(Slid { address: mapping.address.0, file_offset: mapping.file_offset, info, bytes }))
    }
}

/// A mapping that holds pointers.
pub(super) struct Slid<'a> {
    pub address: u64,
    pub file_offset: u64,
    pub info: SlideInfo<'a>,
    pub bytes: &'a [u8],
}

impl Spans for CacheMemory {
    const WRONG: Wrong = |expected, found| Error::cache(expected, found);

    #[inline]
    fn at(&self, address: u64) -> Result<Span> {
        match self.group.at(address) {
            Some(place) => Ok(Span {
                file: place.file,
                part: place.mapping,
                file_offset: place.file_offset,
                in_file: place.left,
                size: place.left,
            }),
            None => Err(Error::new(ErrorKind::UnmappedAddress(address))),
        }
    }

    #[inline]
    fn source(&self, file: usize) -> Result<&SourceFile> {
        match self.sources.get(file) {
            Some(source) => Ok(source),
            None => Err(Error::cache("a file of the cache", file.to_string())),
        }
    }
}
