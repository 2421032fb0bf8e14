//! `dyld_cache_header` of any generation as plain values.

use uuid::Uuid;

use crate::address::PreferredAddress;
use crate::macho::{Architecture, Fields, Version};

use super::raw::header as at;

/// Bytes of this file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileRange {
    /// Bytes before it.
    pub offset: u64,
    /// Bytes of it.
    pub size: u64,
}

/// Unslid memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AddressRange {
    /// Where it begins.
    pub address: PreferredAddress,
    /// Bytes of it.
    pub size: u64,
}

/// Memory by its distance from where the header lies in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OffsetRange {
    /// Bytes from the header to it.
    pub vm_offset: u64,
    /// Bytes of it.
    pub size: u64,
}

/// A table in this file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Table {
    /// Bytes before it.
    pub offset: u64,
    /// Rows of it.
    pub count: u64,
}

/// The bits at 0xdc.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Format(pub u32);

impl Format {
    /// The version of the launch closures that the cache was made for.
    #[must_use]
    pub const fn version(self) -> u32 {
        self.0 & 0xff
    }

    /// Whether the libraries are on disk too and win where they are newer.
    #[must_use]
    pub const fn dylibs_expected_on_disk(self) -> bool {
        self.0 & 0x100 != 0
    }

    /// Whether it is the cache of a simulator.
    #[must_use]
    pub const fn simulator(self) -> bool {
        self.0 & 0x200 != 0
    }

    /// Whether the builder ran on a machine of its own, not at Apple.
    #[must_use]
    pub const fn locally_built(self) -> bool {
        self.0 & 0x400 != 0
    }

    /// Whether the libraries that went in had chained fixups.
    #[must_use]
    pub const fn built_from_chained_fixups(self) -> bool {
        self.0 & 0x800 != 0
    }

    /// Whether thread-local variables have the newer layout.
    #[must_use]
    pub const fn new_format_thread_locals(self) -> bool {
        self.0 & 0x1000 != 0
    }
}

/// What a header says. `None` means that its generation lacks the field; ranges, tables and UUIDs of zeros are `None`
/// too, since that is how dyld writes that there is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the header, and where the table of mappings begins.
    pub mapping_offset: u32,
    /// Rows in the table of mappings.
    pub mapping_count: u32,
    /// The images of caches before dyld-940.
    pub images_old: Option<Table>,
    /// Where dyld was loaded when the cache was built; not in newer caches.
    pub dyld_base_address: Option<PreferredAddress>,
    /// The code signature; a size of 0 means to the end of the file.
    pub code_signature: Option<FileRange>,
    /// The slide info of the second mapping, in caches before dyld-832.7.
    pub slide_info: Option<FileRange>,
    /// The names of local symbols, inside the cache until dyld-940 and in a file of their own since.
    pub local_symbols: Option<FileRange>,
    /// What tells this file from all others.
    pub uuid: Option<Uuid>,
    /// 0 development, 1 production, 2 one of several that share files.
    pub cache_type: Option<u64>,
    /// Islands for far branches, in 64-bit caches before dyld-940.
    pub branch_pools: Option<Table>,
    /// Where dyld's own header lies in the cache; before dyld-1042.1, the acceleration tables of iOS 9 to 12.
    pub dyld_in_cache_header: Option<PreferredAddress>,
    /// Where dyld starts in the cache; before dyld-1042.1, the size of the acceleration tables.
    pub dyld_in_cache_entry: Option<u64>,
    /// UUID, address and size of the text of each image.
    pub images_text: Option<Table>,
    /// Where each exported symbol is used, for libraries that take another's place.
    pub patch_info: Option<AddressRange>,
    /// Not used by any release that was published.
    pub other_image_group: Option<AddressRange>,
    /// Launch closures, dyld 3.
    pub program_closures: Option<AddressRange>,
    /// Paths of programs to their closures.
    pub program_closures_trie: Option<AddressRange>,
    /// `PLATFORM_*` of `<mach-o/loader.h>`.
    pub platform: Option<u32>,
    /// Bits that tell how the cache was made.
    pub format: Option<Format>,
    /// The preferred address of this file: of the whole cache in the main file.
    pub shared_region_start: Option<PreferredAddress>,
    /// Bytes of address space: of all files together where there are several, 0 in a subcache; in old single files the
    /// size of the region that the cache lies in.
    pub shared_region_size: Option<u64>,
    /// The largest slide that the kernel takes.
    pub max_slide: Option<u64>,
    /// Closures of the images, dyld 3.
    pub dylibs_image_array: Option<AddressRange>,
    /// Paths of images, and their aliases, to their numbers.
    pub dylibs_trie: Option<AddressRange>,
    /// Closures of further libraries, dyld 3.
    pub other_image_array: Option<AddressRange>,
    /// Paths of further libraries to their numbers.
    pub other_trie: Option<AddressRange>,
    /// The mappings with their slide info and flags.
    pub mapping_with_slide: Option<Table>,
    /// Not used by any release that was published.
    pub dylibs_prebuilt_loader_states: Option<PreferredAddress>,
    /// Prebuilt loaders of the images, dyld 4.
    pub dylibs_prebuilt_loaders: Option<PreferredAddress>,
    /// Prebuilt loaders of programs.
    pub program_prebuilt_loaders: Option<AddressRange>,
    /// Paths of programs to their prebuilt loaders.
    pub program_trie: Option<AddressRange>,
    /// The system that the cache belongs to.
    pub os_version: Option<Version>,
    /// The second platform, as Mac Catalyst on macOS.
    pub alternate_platform: Option<u32>,
    /// Its version.
    pub alternate_os_version: Option<Version>,
    /// Tables of Swift.
    pub swift_optimizations: Option<OffsetRange>,
    /// The other files of the cache.
    pub subcaches: Option<Table>,
    /// The UUID of the file that ends in `.symbols`.
    pub symbol_file_uuid: Option<Uuid>,
    /// Address space kept for Rosetta.
    pub rosetta_read_only: Option<AddressRange>,
    /// Address space kept for Rosetta, for data.
    pub rosetta_read_write: Option<AddressRange>,
    /// The images since dyld-940.
    pub images: Option<Table>,
    /// Of a cache of type 2: 0 development, 1 production.
    pub sub_type: Option<u32>,
    /// Tables of Objective-C.
    pub objc_optimizations: Option<OffsetRange>,
    /// An atlas inside the cache. No released builder writes one.
    pub cache_atlas: Option<OffsetRange>,
    /// Memory that the system fills when it starts: no file holds it.
    pub dynamic_data: Option<OffsetRange>,
    /// Memory that only dyld may write, and only now and then.
    pub tpro: Option<Table>,
    /// Functions that exist in several variants, chosen when the system starts.
    pub function_variants: Option<AddressRange>,
    /// Pages worth reading early. dyld calls the first number a file offset, and its builder writes the distance from
    /// the header in memory: the same thing inside the first mapping.
    pub prewarming: Option<OffsetRange>,
    /// The processor, since macOS 27 and iOS 27.
    pub cpu: Option<Architecture>,
}

/// Reads the fields that are there.
struct Present<'a> {
    fields: Fields<'a>,
    size: usize,
}

impl Present<'_> {
    fn has(&self, at: usize, size: usize) -> bool {
        at.checked_add(size).is_some_and(|end| end <= self.size)
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.has(at, 4).then(|| self.fields.u32(at))
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.has(at, 8).then(|| self.fields.u64(at))
    }

    /// Two words that follow each other; nothing where both are 0.
    fn pair(&self, at: usize) -> Option<(u64, u64)> {
        let second = self.u64(at.checked_add(8)?)?;
        let pair = (self.fields.u64(at), second);
        (pair != (0, 0)).then_some(pair)
    }

    fn address(&self, at: usize) -> Option<PreferredAddress> {
        self.u64(at).map(PreferredAddress)
    }

    fn addresses(&self, at: usize) -> Option<AddressRange> {
        self.pair(at).map(|(address, size)| AddressRange { address: PreferredAddress(address), size })
    }

    fn file(&self, at: usize) -> Option<FileRange> {
        self.pair(at).map(|(offset, size)| FileRange { offset, size })
    }

    fn offsets(&self, at: usize) -> Option<OffsetRange> {
        self.pair(at).map(|(vm_offset, size)| OffsetRange { vm_offset, size })
    }

    /// A table whose offset and count take four bytes each.
    fn table(&self, at: usize) -> Option<Table> {
        let count = self.u32(at.checked_add(4)?)?;
        let offset = self.fields.u32(at);
        (offset != 0 || count != 0).then(|| Table { offset: offset.into(), count: count.into() })
    }

    fn wide_table(&self, at: usize) -> Option<Table> {
        self.pair(at).map(|(offset, count)| Table { offset, count })
    }

    fn uuid(&self, at: usize) -> Option<Uuid> {
        let uuid = self.has(at, 16).then(|| Uuid::from_bytes(self.fields.array(at)))?;
        (!uuid.is_nil()).then_some(uuid)
    }
}

impl Header {
    /// The size of a header that starts as `fields` does, and the rows in its table of mappings.
    pub(super) fn size(fields: Fields<'_>) -> (u32, u32) {
        (fields.u32(at::MAPPING_OFFSET), fields.u32(at::MAPPING_COUNT))
    }

    /// Reads the fields of a header whose `size` bytes are there.
    pub(super) fn read(fields: Fields<'_>, size: usize) -> Self {
        let (mapping_offset, mapping_count) = Self::size(fields);
        let there = Present { fields, size };
        Self {
            mapping_offset,
            mapping_count,
            images_old: there.table(at::IMAGES_OLD),
            dyld_base_address: there.address(at::DYLD_BASE_ADDRESS),
            code_signature: there.file(at::CODE_SIGNATURE),
            slide_info: there.file(at::SLIDE_INFO),
            local_symbols: there.file(at::LOCAL_SYMBOLS),
            uuid: there.uuid(at::UUID),
            cache_type: there.u64(at::CACHE_TYPE),
            branch_pools: there.table(at::BRANCH_POOLS),
            dyld_in_cache_header: there.address(at::DYLD_IN_CACHE_HEADER),
            dyld_in_cache_entry: there.u64(at::DYLD_IN_CACHE_ENTRY),
            images_text: there.wide_table(at::IMAGES_TEXT),
            patch_info: there.addresses(at::PATCH_INFO),
            other_image_group: there.addresses(at::OTHER_IMAGE_GROUP),
            program_closures: there.addresses(at::PROGRAM_CLOSURES),
            program_closures_trie: there.addresses(at::PROGRAM_CLOSURES_TRIE),
            platform: there.u32(at::PLATFORM),
            format: there.u32(at::FORMAT).map(Format),
            shared_region_start: there.address(at::SHARED_REGION_START),
            shared_region_size: there.u64(at::SHARED_REGION_SIZE),
            max_slide: there.u64(at::MAX_SLIDE),
            dylibs_image_array: there.addresses(at::DYLIBS_IMAGE_ARRAY),
            dylibs_trie: there.addresses(at::DYLIBS_TRIE),
            other_image_array: there.addresses(at::OTHER_IMAGE_ARRAY),
            other_trie: there.addresses(at::OTHER_TRIE),
            mapping_with_slide: there.table(at::MAPPING_WITH_SLIDE),
            dylibs_prebuilt_loader_states: there.address(at::DYLIBS_PBL_STATE_ARRAY),
            dylibs_prebuilt_loaders: there.address(at::DYLIBS_PBL_SET),
            program_prebuilt_loaders: there.addresses(at::PROGRAMS_PBL_SET_POOL),
            program_trie: there.address(at::PROGRAM_TRIE).and_then(|address| {
                let size = there.u32(at::PROGRAM_TRIE + 8)?.into();
                (address.0 != 0 || size != 0).then_some(AddressRange { address, size })
            }),
            os_version: there.u32(at::OS_VERSION).map(Version),
            alternate_platform: there.u32(at::ALTERNATE_PLATFORM),
            alternate_os_version: there.u32(at::ALTERNATE_OS_VERSION).map(Version),
            swift_optimizations: there.offsets(at::SWIFT_OPTIMIZATIONS),
            subcaches: there.table(at::SUBCACHES),
            symbol_file_uuid: there.uuid(at::SYMBOL_FILE_UUID),
            rosetta_read_only: there.addresses(at::ROSETTA_READ_ONLY),
            rosetta_read_write: there.addresses(at::ROSETTA_READ_WRITE),
            images: there.table(at::IMAGES),
            sub_type: there.u32(at::SUB_TYPE),
            objc_optimizations: there.offsets(at::OBJC_OPTIMIZATIONS),
            cache_atlas: there.offsets(at::CACHE_ATLAS),
            dynamic_data: there.offsets(at::DYNAMIC_DATA),
            tpro: there.table(at::TPRO),
            function_variants: there.addresses(at::FUNCTION_VARIANTS),
            prewarming: there.offsets(at::PREWARMING),
            cpu: there.u32(at::CPU + 4).and_then(|cpu_subtype| {
                let cpu_type = fields.u32(at::CPU);
                (cpu_type != 0).then_some(Architecture { cpu_type, cpu_subtype })
            }),
        }
    }

    /// Whether the generation keeps a list of subcaches at all (dyld-940, macOS 12, iOS 15).
    #[must_use]
    pub const fn can_be_split(&self) -> bool {
        self.mapping_offset as usize >= at::SYMBOL_FILE_UUID
    }

    /// Whether subcaches carry their suffixes (dyld-1042.1, macOS 13, iOS 16); before that they were numbered.
    pub(in crate::cache) const fn has_suffixes(&self) -> bool {
        self.mapping_offset as usize > at::SUB_TYPE
    }

    /// Whether local symbols name their images by 8 bytes counted from the base of the cache, not by 4 counted in the
    /// file.
    pub(in crate::cache) const fn has_wide_local_symbols(&self) -> bool {
        self.mapping_offset as usize >= at::SYMBOL_FILE_UUID + 16
    }

    /// The table of images: the newer one where the generation has it and it is not empty.
    #[must_use]
    pub fn image_table(&self) -> Option<Table> {
        self.images.filter(|table| table.count != 0).or(self.images_old)
    }
}
