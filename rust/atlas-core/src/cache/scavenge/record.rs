//! A record that was made from headers.

use std::sync::{Mutex, OnceLock, PoisonError};

use uuid::Uuid;

use crate::bytes::Mode;
use crate::cache::group::CacheGroup;
use crate::schema::SubCacheRow;

use super::files;
use super::headers::Headers;
use super::listing::Listing;

/// What dyld's scavenger writes for every cache: it runs on macOS alone, where all pointers are that wide.
const RAW_POINTER_SIZE: u64 = 8;

/// What the headers of a cache say.
#[derive(Debug)]
pub(in crate::cache) struct Scavenged {
    pub(in crate::cache) uuid: Uuid,
    pub(in crate::cache) preferred_load_address: u64,
    pub(in crate::cache) vm_size: u64,
    pub(in crate::cache) raw_pointer_size: u64,
    /// As dyld's builder writes it: its test is inverted.
    pub(in crate::cache) built_pointer_size: u64,
    pub(in crate::cache) symbol_file_name: Option<String>,
    pub(in crate::cache) symbol_file_uuid: Option<Uuid>,
    pub(in crate::cache) subcaches: Vec<SubCacheRow>,
    pub(in crate::cache) image_count: u32,
    /// The files, until the images are listed: a record that is kept must not keep them mapped.
    source: Mutex<Option<Box<(CacheGroup, Headers)>>>,
    listing: OnceLock<Listing>,
}

impl Scavenged {
    pub(super) fn new(group: &CacheGroup, mode: Mode, image_count: u32) -> Self {
        let main = group.main();
        let symbol_file_uuid = main.file.header().symbol_file_uuid;
        Self {
            uuid: main.uuid.unwrap_or_default(),
            preferred_load_address: main.file.base_address().0,
            vm_size: files::vm_size(group),
            raw_pointer_size: RAW_POINTER_SIZE,
            built_pointer_size: if main.file.architecture() == "arm64_32" { 8 } else { 4 },
            symbol_file_name: symbol_file_uuid.map(|_| format!("{}.symbols", files::base_name(group))),
            symbol_file_uuid,
            subcaches: files::rows(group),
            image_count,
            source: Mutex::new(Some(Box::new((group.clone(), Headers::of(group, mode))))),
            listing: OnceLock::new(),
        }
    }

    /// The images; made on the first call, in one pass over their headers.
    pub(in crate::cache) fn listing(&self) -> &Listing {
        self.listing.get_or_init(|| {
            let source = self.source.lock().unwrap_or_else(PoisonError::into_inner).take();
            source.map_or_else(Listing::default, |source| Listing::build(&source.0, source.1))
        })
    }

    /// Bytes of the list of images, once it is made.
    pub(in crate::cache) fn byte_length(&self) -> usize {
        self.listing.get().map_or(0, Listing::byte_length)
    }
}
