//! A cache whose record is at hand.

use std::any::Any;
use std::sync::OnceLock;

use uuid::Uuid;

use crate::bplist::Text;
use crate::bytes::Bytes;
use crate::error::Result;
use crate::schema::{CacheRecord, SubCacheRow};

use super::atlas_writer::{self, NamedCache};
use super::columns::CacheColumns;
use super::scavenge::Scavenged;

/// Where a record came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordOrigin {
    /// A provider gave it.
    Provider,
    /// The `.atlas` beside the cache file on this machine.
    BesideCache,
    /// It was embedded in the snapshot, or in the cache itself.
    Embedded,
    /// It was made from the headers of the cache's files.
    Scavenged,
}

/// The segment that images of a cache share: an address in it is no image's.
pub const LINKEDIT: &str = "__LINKEDIT";

/// What a cache is known by.
#[derive(Debug)]
enum Record {
    Atlas(Atlas),
    Scavenged(Scavenged),
}

/// A checked record of an atlas, and what was made of it.
#[derive(Debug)]
struct Atlas {
    record: CacheRecord,
    warnings: Vec<String>,
    columns: OnceLock<CacheColumns>,
    subcaches: OnceLock<Vec<SubCacheRow>>,
}

/// What is known of a cache, and what was made of it once for everybody.
#[derive(Debug)]
pub struct KnownCache {
    record: Record,
    origin: RecordOrigin,
    shared_linkedit: OnceLock<Vec<(u64, u64)>>,
    companion: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl KnownCache {
    /// Takes a checked record and what a lenient check said of it.
    #[must_use]
    pub fn new(record: CacheRecord, origin: RecordOrigin, warnings: Vec<String>) -> Self {
        Self::of(
            Record::Atlas(Atlas { record, warnings, columns: OnceLock::new(), subcaches: OnceLock::new() }),
            origin,
        )
    }

    /// Takes what the headers say.
    pub(super) fn scavenged(record: Scavenged, origin: RecordOrigin) -> Self {
        Self::of(Record::Scavenged(record), origin)
    }

    fn of(record: Record, origin: RecordOrigin) -> Self {
        Self { record, origin, shared_linkedit: OnceLock::new(), companion: OnceLock::new() }
    }

    /// UUID of the cache; zeros where it is scavenged and has none (before dyld-239.3).
    #[must_use]
    pub const fn uuid(&self) -> Uuid {
        match &self.record {
            Record::Atlas(atlas) => atlas.record.uuid,
            Record::Scavenged(scavenged) => scavenged.uuid,
        }
    }

    /// Unslid base address.
    #[must_use]
    pub const fn preferred_load_address(&self) -> u64 {
        match &self.record {
            Record::Atlas(atlas) => atlas.record.preferred_load_address,
            Record::Scavenged(scavenged) => scavenged.preferred_load_address,
        }
    }

    /// Bytes of address space.
    #[must_use]
    pub const fn vm_size(&self) -> u64 {
        match &self.record {
            Record::Atlas(atlas) => atlas.record.vm_size,
            Record::Scavenged(scavenged) => scavenged.vm_size,
        }
    }

    /// Pointer size as the record has it. dyld's builder writes it inverted, and its scavenger always 8; nothing should
    /// be derived from it.
    #[must_use]
    pub const fn raw_pointer_size(&self) -> u64 {
        match &self.record {
            Record::Atlas(atlas) => atlas.record.raw_pointer_size,
            Record::Scavenged(scavenged) => scavenged.raw_pointer_size,
        }
    }

    /// Name of the local-symbols file.
    #[must_use]
    pub fn symbol_file_name(&self) -> Option<&str> {
        match &self.record {
            Record::Atlas(atlas) => atlas.record.symbol_file_name.as_deref(),
            Record::Scavenged(scavenged) => scavenged.symbol_file_name.as_deref(),
        }
    }

    /// UUID of the local-symbols file.
    #[must_use]
    pub const fn symbol_file_uuid(&self) -> Option<Uuid> {
        match &self.record {
            Record::Atlas(atlas) => atlas.record.symbol_file_uuid,
            Record::Scavenged(scavenged) => scavenged.symbol_file_uuid,
        }
    }

    /// How many images there are.
    #[must_use]
    pub const fn image_count(&self) -> u32 {
        match &self.record {
            Record::Atlas(atlas) => atlas.record.images.len(),
            Record::Scavenged(scavenged) => scavenged.image_count,
        }
    }

    /// Where a lenient reading dropped images: the index that each of those that are left has in the record.
    #[must_use]
    pub fn kept(&self) -> Option<&[u32]> {
        match &self.record {
            Record::Atlas(atlas) => atlas.record.images.kept(),
            Record::Scavenged(_) => None,
        }
    }

    /// How many images the record was written with, those that a lenient reading dropped included.
    #[must_use]
    pub fn written_image_count(&self) -> usize {
        match &self.record {
            Record::Atlas(atlas) => atlas.record.images.written_len(),
            Record::Scavenged(scavenged) => scavenged.image_count as usize,
        }
    }

    /// The string at a position that a row of this cache names; `None` for 0.
    #[must_use]
    #[inline]
    pub fn text(&self, position: u32) -> Option<Text<'_>> {
        match &self.record {
            Record::Atlas(atlas) => atlas.record.images.text(position),
            Record::Scavenged(scavenged) => scavenged.listing().text(position),
        }
    }

    /// The files of the cache, the main file first; made on the first call.
    pub fn subcaches(&self) -> &[SubCacheRow] {
        match &self.record {
            Record::Atlas(atlas) => atlas.subcaches.get_or_init(|| atlas.record.subcaches()),
            Record::Scavenged(scavenged) => &scavenged.subcaches,
        }
    }

    /// The record of an atlas; `None` where the headers of the files stand for it.
    #[must_use]
    pub const fn record(&self) -> Option<&CacheRecord> {
        match &self.record {
            Record::Atlas(atlas) => Some(&atlas.record),
            Record::Scavenged(_) => None,
        }
    }

    /// Where the record came from.
    #[must_use]
    pub const fn origin(&self) -> RecordOrigin {
        self.origin
    }

    /// What a lenient check dropped, or what the headers did not say. For the latter the images are listed first.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        match &self.record {
            Record::Atlas(atlas) => &atlas.warnings,
            Record::Scavenged(scavenged) => &scavenged.listing().warnings,
        }
    }

    /// The images as arrays; made on the first call, in one pass.
    pub fn columns(&self) -> &CacheColumns {
        match &self.record {
            Record::Atlas(atlas) => atlas.columns.get_or_init(|| CacheColumns::build(&atlas.record.images)),
            Record::Scavenged(scavenged) => &scavenged.listing().columns,
        }
    }

    /// The unslid address and size of each `__LINKEDIT` that two images or more have in common, ascending.
    pub fn shared_linkedit(&self) -> &[(u64, u64)] {
        self.shared_linkedit.get_or_init(|| {
            // Names are uniqued by every encoder, so that nearly all of them are one position.
            let (mut known, mut ranges) = (0, Vec::new());
            let columns = self.columns();
            for image in 0..columns.images.len() {
                for segment in columns.segments_of(image) {
                    let name = segment.name;
                    if name == known || self.text(name).is_some_and(|name| name.is(LINKEDIT)) {
                        known = name;
                        ranges.push(((segment.preferred_load_address, segment.vm_size), image as u32));
                    }
                }
            }
            ranges.sort_unstable();
            // An image that lists it twice shares it with nobody.
            ranges.dedup();
            let both = ranges.windows(2).filter(|pair| pair[0].0 == pair[1].0);
            let mut shared: Vec<_> = both.map(|pair| pair[0].0).collect();
            shared.dedup();
            shared
        })
    }

    /// Something that a layer above wants to keep for as long as the record is known, such as strings of its language.
    /// The first caller's type and value stay.
    pub fn companion<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        if let Some(companion) = self.companion.get() {
            return companion.downcast_ref();
        }
        // Made before the cell is touched: `make` may wait for a lock that another thread holds while it waits for the
        // cell. Of two threads that come here at once one makes something in vain.
        let _ = self.companion.set(Box::new(make()));
        self.companion.get()?.downcast_ref()
    }

    /// Bytes held for this cache: the property list, and the arrays once they are made.
    pub fn byte_length(&self) -> usize {
        let list = match &self.record {
            Record::Atlas(atlas) => atlas.record.plist().bytes().len(),
            Record::Scavenged(_) => 0,
        };
        list.saturating_add(self.column_length())
    }

    /// Bytes of the arrays, once they are made.
    pub(super) fn column_length(&self) -> usize {
        match &self.record {
            Record::Atlas(atlas) => atlas.columns.get().map_or(0, CacheColumns::byte_length),
            Record::Scavenged(scavenged) => scavenged.byte_length(),
        }
    }

    /// The pointer size as dyld's builder writes it.
    pub(super) const fn built_pointer_size(&self) -> u64 {
        match &self.record {
            Record::Atlas(atlas) => atlas.record.raw_pointer_size,
            Record::Scavenged(scavenged) => scavenged.built_pointer_size,
        }
    }

    /// The UUIDs and names of the caches in the property list of [`Self::atlas_plist`] beside this one.
    pub(super) fn siblings(&self) -> (Vec<Uuid>, Vec<String>) {
        let Record::Atlas(atlas) = &self.record else { return Default::default() };
        let plist = atlas.record.plist();
        // The list was checked for this cache only; what is wrong with the others is not asked here.
        let mut uuids = CacheRecord::uuids(plist).unwrap_or_default();
        uuids.retain(|uuid| *uuid != self.uuid());
        (uuids, CacheRecord::names(plist).unwrap_or_default())
    }

    /// The property list that an atlas of this cache holds: as it was read, or as dyld's builder would write it for a
    /// cache whose main file is called `leaf`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Limit`] where there are more objects than a property list can hold.
    pub fn atlas_plist(&self, leaf: &str) -> Result<Bytes> {
        match &self.record {
            Record::Atlas(atlas) => Ok(atlas.record.plist().bytes().clone()),
            Record::Scavenged(_) => atlas_writer::plist(&[NamedCache { leaf, known: self }]),
        }
    }
}
