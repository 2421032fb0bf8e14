//! Layouts of `dyld_cache_format.h`: offsets in bytes from the start of each structure. No behaviour.
//!
//! Names are dyld's. A release is named where a field came with it; none of them ever moved.

/// What every cache begins with; all that dyld compares when it reads a file.
pub(in crate::cache) const MAGIC_START: [u8; 7] = *b"dyld_v1";

/// `dyld_cache_header`. Its size is its own `mappingOffset`: a field is there when it ends at or before that.
pub(super) mod header {
    pub const MAGIC_SIZE: usize = 16;
    pub const MAPPING_OFFSET: usize = 0x10;
    pub const MAPPING_COUNT: usize = 0x14;
    /// `imagesOffsetOld`, `imagesCountOld`: the list itself until dyld-940, then 0.
    pub const IMAGES_OLD: usize = 0x18;
    pub const DYLD_BASE_ADDRESS: usize = 0x20;
    pub const CODE_SIGNATURE: usize = 0x28;
    /// `slideInfoOffsetUnused`: dyld-195.5 to dyld-750, for the second mapping.
    pub const SLIDE_INFO: usize = 0x38;
    /// dyld-239.3.
    pub const LOCAL_SYMBOLS: usize = 0x48;
    pub const UUID: usize = 0x58;
    pub const CACHE_TYPE: usize = 0x68;
    /// dyld-421.
    pub const BRANCH_POOLS: usize = 0x70;
    /// `accelerateInfoAddr` and its size before dyld-1042.1.
    pub const DYLD_IN_CACHE_HEADER: usize = 0x78;
    pub const DYLD_IN_CACHE_ENTRY: usize = 0x80;
    pub const IMAGES_TEXT: usize = 0x88;
    pub const PATCH_INFO: usize = 0x98;
    pub const OTHER_IMAGE_GROUP: usize = 0xa8;
    pub const PROGRAM_CLOSURES: usize = 0xb8;
    pub const PROGRAM_CLOSURES_TRIE: usize = 0xc8;
    pub const PLATFORM: usize = 0xd8;
    pub const FORMAT: usize = 0xdc;
    pub const SHARED_REGION_START: usize = 0xe0;
    pub const SHARED_REGION_SIZE: usize = 0xe8;
    pub const MAX_SLIDE: usize = 0xf0;
    pub const DYLIBS_IMAGE_ARRAY: usize = 0xf8;
    pub const DYLIBS_TRIE: usize = 0x108;
    pub const OTHER_IMAGE_ARRAY: usize = 0x118;
    pub const OTHER_TRIE: usize = 0x128;
    /// dyld-832.7.
    pub const MAPPING_WITH_SLIDE: usize = 0x138;
    /// dyld-940.
    pub const DYLIBS_PBL_STATE_ARRAY: usize = 0x140;
    pub const DYLIBS_PBL_SET: usize = 0x148;
    pub const PROGRAMS_PBL_SET_POOL: usize = 0x150;
    /// An address of 8 bytes and a size of 4.
    pub const PROGRAM_TRIE: usize = 0x160;
    pub const OS_VERSION: usize = 0x16c;
    pub const ALTERNATE_PLATFORM: usize = 0x170;
    pub const ALTERNATE_OS_VERSION: usize = 0x174;
    pub const SWIFT_OPTIMIZATIONS: usize = 0x178;
    pub const SUBCACHES: usize = 0x188;
    pub const SYMBOL_FILE_UUID: usize = 0x190;
    pub const ROSETTA_READ_ONLY: usize = 0x1a0;
    pub const ROSETTA_READ_WRITE: usize = 0x1b0;
    pub const IMAGES: usize = 0x1c0;
    /// dyld-1042.1. That it is there also tells the wide entries of subcaches from the narrow ones.
    pub const SUB_TYPE: usize = 0x1c8;
    pub const OBJC_OPTIMIZATIONS: usize = 0x1d0;
    pub const CACHE_ATLAS: usize = 0x1e0;
    pub const DYNAMIC_DATA: usize = 0x1f0;
    /// dyld-1231.
    pub const TPRO: usize = 0x200;
    /// dyld-1284.
    pub const FUNCTION_VARIANTS: usize = 0x208;
    pub const PREWARMING: usize = 0x218;
    /// macOS 27 and iOS 27; not in a published header.
    pub const CPU: usize = 0x228;
    /// Where what we know ends. Eight bytes behind it, the last ones of macOS 27, have been seen as 0 only.
    pub const KNOWN_SIZE: usize = 0x230;
}

/// `dyld_cache_mapping_info`.
pub(super) mod mapping {
    pub const ADDRESS: usize = 0;
    pub const SIZE_FIELD: usize = 8;
    pub const FILE_OFFSET: usize = 16;
    pub const MAX_PROTECTION: usize = 24;
    pub const INITIAL_PROTECTION: usize = 28;
    pub const SIZE: usize = 32;
}

/// `dyld_cache_mapping_and_slide_info`: the first three fields are those of [`mapping`].
pub(super) mod mapping_and_slide {
    pub const SLIDE_INFO: usize = 24;
    pub const FLAGS: usize = 40;
    pub const MAX_PROTECTION: usize = 48;
    pub const INITIAL_PROTECTION: usize = 52;
    pub const SIZE: usize = 56;
}

/// `dyld_cache_image_info`.
pub(super) mod image {
    pub const ADDRESS: usize = 0;
    pub const MODIFICATION_TIME: usize = 8;
    pub const INODE: usize = 16;
    pub const PATH_OFFSET: usize = 24;
    pub const SIZE: usize = 32;
}

/// `dyld_cache_image_text_info`.
pub(super) mod image_text {
    pub const UUID: usize = 0;
    pub const ADDRESS: usize = 16;
    pub const TEXT_SIZE: usize = 24;
    pub const PATH_OFFSET: usize = 28;
    pub const SIZE: usize = 32;
}

/// `dyld_subcache_entry_v1` (macOS 12 and iOS 15) and `dyld_subcache_entry`.
pub(super) mod subcache {
    pub const UUID: usize = 0;
    pub const VM_OFFSET: usize = 16;
    pub const SIZE_V1: usize = 24;
    pub const SUFFIX: usize = 24;
    pub const SUFFIX_SIZE: usize = 32;
    pub const SIZE: usize = 56;
}
