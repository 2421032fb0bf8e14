//! Owns one file of a shared cache: its header of any generation and the tables behind it.
//!
//! * [`CacheFile`]: the checked file; [`Header`]: its fields as plain values
//! * [`Mapping`], [`ImageInfo`], [`TextInfo`], [`SubCacheEntry`]: rows of its tables
//! * [`AliasRows`]: which of those of images are further paths of others
//!
//! Layouts stand in `raw`. There is no version: the header ends where the table of mappings begins, and a field is
//! there when it ends before that. What a newer builder puts behind the fields we know is kept.
//!
//! Must not open files, know that other files belong to the cache, or read what the mappings hold.
#![forbid(unsafe_code)]

mod aliases;
mod header;
mod mapping;
mod raw;
mod refuse;
mod tables;
#[cfg(test)]
pub(in crate::cache) mod tests;

use std::sync::{Arc, OnceLock};

use crate::address::PreferredAddress;
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::macho::{ByteOrder, Fields};

pub use aliases::AliasRows;
pub use header::{AddressRange, FileRange, Format, Header, OffsetRange, Table};
pub(crate) use mapping::reach;
pub use mapping::{Mapping, mapping_flags};
pub(in crate::cache) use raw::MAGIC_START;
pub use tables::{ImageInfo, SubCacheEntry, TextInfo};

/// No path of an image is longer: `PATH_MAX` is 1024. Without a bound, a file without a NUL is searched to its end for
/// each.
const LONGEST_PATH: usize = 4096;

/// One file of a shared cache, checked. Cloning shares it.
#[derive(Clone, Debug)]
pub struct CacheFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bytes: Bytes,
    magic: String,
    order: ByteOrder,
    header: Header,
    mappings: Vec<Mapping>,
    subcaches: Vec<SubCacheEntry>,
    warnings: Vec<String>,
    alias_rows: OnceLock<AliasRows>,
}

impl CacheFile {
    /// Reads the header and checks that the tables it names lie in the file.
    ///
    /// Any magic that begins with `dyld_v1` is accepted, as by dyld: each new processor has brought a new one.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] for other files, with what they are, and for tables and mappings that cannot be.
    pub fn parse(bytes: Bytes) -> Result<Self> {
        if !bytes.starts_with(&MAGIC_START) {
            return Err(refuse::refuse(&bytes));
        }
        let magic = bytes.get(..raw::header::MAGIC_SIZE).unwrap_or(&bytes);
        let magic = magic.split(|byte| *byte == 0).next().unwrap_or_default();
        let magic = String::from_utf8_lossy(magic).into_owned();
        // The only big-endian caches are those of PowerPC, which Rosetta brought to Intel in 2006.
        let order = if architecture_of(&magic).starts_with("ppc") { ByteOrder::Big } else { ByteOrder::Little };
        let (size, _) = Header::size(Fields::new(&bytes, order));
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let fields = bytes.get(..size).filter(|_| size >= raw::header::IMAGES_OLD).ok_or_else(|| {
            let least = raw::header::IMAGES_OLD;
            if bytes.len() < least {
                let expected = format!("a header of at least {least:#x} bytes");
                return Error::cache(expected, format!("a file of {:#x} bytes", bytes.len())).at_offset(bytes.len());
            }
            let expected = format!("a header of {least:#x} to {:#x} bytes", bytes.len());
            Error::cache(expected, format!("{size:#x}")).at_key("mappingOffset").at_offset(raw::header::MAPPING_OFFSET)
        })?;
        let header = Header::read(Fields::new(fields, order), size);
        let (mappings, warnings) = mapping::read(&bytes, order, &header)?;
        let subcaches = tables::subcaches(&bytes, order, &header)?;
        let alias_rows = OnceLock::new();
        let file = Self(Arc::new(Inner { bytes, magic, order, header, mappings, subcaches, warnings, alias_rows }));
        file.image_rows()?;
        file.text_rows()?;
        Ok(file)
    }

    /// The whole file.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }

    /// The first 16 bytes as text, as in `dyld_v1  arm64e`.
    #[must_use]
    pub fn magic(&self) -> &str {
        &self.0.magic
    }

    /// The processor as the magic names it, with arm64e.x1 (in the magic: `arm64ex1`) spelt as everywhere else.
    #[must_use]
    pub fn architecture(&self) -> &str {
        architecture_of(&self.0.magic)
    }

    /// Bytes of a pointer, by the processor alone: 4 or 8. A name that nobody knows yet is one of a 64-bit processor.
    #[must_use]
    pub fn pointer_size(&self) -> u8 {
        const ABI64: u32 = 0x0100_0000;
        let name = self.architecture();
        let is_narrow = match self.header().cpu {
            Some(cpu) => cpu.cpu_type & ABI64 == 0,
            None => {
                matches!(name, "i386" | "arm64_32")
                    || name.starts_with("armv")
                    || (name.starts_with("ppc") && name != "ppc64")
            }
        };
        if is_narrow { 4 } else { 8 }
    }

    /// The order of bytes in the integers of the file.
    #[must_use]
    pub fn byte_order(&self) -> ByteOrder {
        self.0.order
    }

    /// What the header says.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// What stands between the last field that we know and the end of the header.
    #[must_use]
    pub fn unknown_header(&self) -> &[u8] {
        let end = usize::try_from(self.0.header.mapping_offset).unwrap_or(usize::MAX);
        self.0.bytes.get(raw::header::KNOWN_SIZE..end).unwrap_or_default()
    }

    /// The mappings, with flags and slide info where the header has them.
    #[must_use]
    pub fn mappings(&self) -> &[Mapping] {
        &self.0.mappings
    }

    /// The rows of the table of images. Subcaches have none, except for x86_64, where each repeats the whole list for
    /// Rosetta.
    pub fn images(&self) -> impl ExactSizeIterator<Item = ImageInfo> + Clone + '_ {
        let order = self.0.order;
        let rows = self.image_rows().unwrap_or_default();
        rows.chunks_exact(ImageInfo::SIZE).map(move |row| ImageInfo::read(Fields::new(row, order)))
    }

    /// Row `row` of the table of images.
    #[must_use]
    pub fn image(&self, row: u32) -> Option<ImageInfo> {
        let start = usize::try_from(row).ok()?.checked_mul(ImageInfo::SIZE)?;
        let row = self.image_rows().ok()?.get(start..start.checked_add(ImageInfo::SIZE)?)?;
        Some(ImageInfo::read(Fields::new(row, self.0.order)))
    }

    /// Which of these rows give an image that has one another path; looked for on the first call.
    #[must_use]
    pub fn alias_rows(&self) -> &AliasRows {
        self.0.alias_rows.get_or_init(|| AliasRows::of(self))
    }

    /// How many images there are: the rows without those of [`CacheFile::alias_rows`].
    #[must_use]
    pub fn image_count(&self) -> usize {
        self.images().len().saturating_sub(self.alias_rows().rows().len())
    }

    /// The images, each once.
    pub fn own_images(&self) -> impl Iterator<Item = ImageInfo> + Clone + '_ {
        let aliases = self.alias_rows();
        self.images().enumerate().filter(|(row, _)| !aliases.holds(*row)).map(|(_, image)| image)
    }

    /// UUID and text of each image, in the order of [`CacheFile::own_images`]; none before dyld-421.
    pub fn text_infos(&self) -> impl ExactSizeIterator<Item = TextInfo> + Clone + '_ {
        let order = self.0.order;
        let rows = self.text_rows().unwrap_or_default();
        rows.chunks_exact(TextInfo::SIZE).map(move |row| TextInfo::read(Fields::new(row, order)))
    }

    /// The path at `offset`, up to its NUL. `None` where there is none within 4096 bytes, or where the offset leads
    /// into the header.
    #[must_use]
    pub fn path_at(&self, offset: u32) -> Option<&[u8]> {
        self.path_within(offset, LONGEST_PATH).0
    }

    /// The same, with at most `most` bytes looked at, and how many were: to see that there is none takes a look at
    /// many.
    pub(in crate::cache) fn path_within(&self, offset: u32, most: usize) -> (Option<&[u8]>, usize) {
        let start = usize::try_from(offset).ok().filter(|_| offset >= self.0.header.mapping_offset);
        let rest = start.and_then(|start| self.0.bytes.get(start..)).unwrap_or_default();
        let rest = rest.get(..most.min(LONGEST_PATH)).unwrap_or(rest);
        match rest.iter().position(|byte| *byte == 0) {
            Some(end) => (rest.get(..end), end.saturating_add(1)),
            None => (None, rest.len()),
        }
    }

    /// Whether `path` stands at `offset`.
    #[must_use]
    pub fn has_path_at(&self, offset: u32, path: &[u8]) -> bool {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.bytes.get(offset..));
        rest.and_then(|rest| rest.strip_prefix(path)).is_some_and(|rest| rest.first() == Some(&0))
    }

    /// The other files of the cache, as the header lists them: nothing says that they are there.
    #[must_use]
    pub fn subcache_entries(&self) -> &[SubCacheEntry] {
        &self.0.subcaches
    }

    /// Where the header lies in memory, unslid: the address of the first mapping.
    #[must_use]
    pub fn base_address(&self) -> PreferredAddress {
        let first = self.0.mappings.first().map(|mapping| mapping.address);
        first.or(self.0.header.shared_region_start).unwrap_or_default()
    }

    /// Most and initial protection of each mapping as the table without slide info has them; none where that is the
    /// only one.
    pub(in crate::cache) fn plain_protections(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let is_second = self.0.header.mapping_with_slide.is_some_and(|table| table.count != 0);
        let plain = is_second.then(|| mapping::plain(&self.0.bytes, self.0.order, &self.0.header).unwrap_or_default());
        plain.into_iter().flatten().map(|row| (row.max_protection, row.initial_protection))
    }

    /// What is odd about the file, in words.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.0.warnings
    }

    /// The bytes of `range`, or `None` where it leaves the file.
    #[must_use]
    pub fn range(&self, range: FileRange) -> Option<&[u8]> {
        let start = usize::try_from(range.offset).ok()?;
        self.0.bytes.get(start..start.checked_add(usize::try_from(range.size).ok()?)?)
    }

    /// The rows, of `size` bytes each, of a table in the file.
    pub(in crate::cache) fn rows(&self, table: Table, size: usize, what: &'static str) -> Result<&[u8]> {
        tables::rows(&self.0.bytes, table, size, what)
    }

    fn image_rows(&self) -> Result<&[u8]> {
        tables::optional_rows(&self.0.bytes, self.0.header.image_table(), ImageInfo::SIZE, "images")
    }

    fn text_rows(&self) -> Result<&[u8]> {
        tables::optional_rows(&self.0.bytes, self.0.header.images_text, TextInfo::SIZE, "imagesText")
    }
}

fn architecture_of(magic: &str) -> &str {
    let name = magic.strip_prefix("dyld_v1").unwrap_or(magic).trim_start_matches(' ');
    if name == "arm64ex1" { "arm64e.x1" } else { name }
}
