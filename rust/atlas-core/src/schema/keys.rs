//! Every key of the atlas, with its meaning. No other file of the core spells a four-letter key.
//!
//! Facts: dyld's `DyldAtlasShared.h` (1122 and later), the Swift reader of 1284.13, and records written by the encoders of
//! 1284 to 1378.

/// Keys of the root of `process.plist`.
pub mod snapshot {
    /// Process identifier. Required.
    pub const PID: &str = "proc";
    /// Mach-O platform number. Required.
    pub const PLATFORM: &str = "plat";
    /// `mach_absolute_time` of the last change of the image list. Required.
    pub const TIMESTAMP: &str = "time";
    /// How far the process has come (`dyld_process_state`). Required.
    pub const STATE: &str = "stat";
    /// The images outside the shared cache. Required.
    pub const IMAGES: &str = "imgs";
    /// How many images were there before `main`.
    pub const INITIAL_IMAGE_COUNT: &str = "init";
    /// Flags, as dyld's encoder spells the key.
    pub const FLAGS_WRITTEN: &str = "flag";
    /// Flags, as dyld's Swift reader looks for the key; no released encoder writes it.
    pub const FLAGS_READ: &str = "flags";
    /// The path variables of dyld.
    pub const ENVIRONMENT: &str = "envp";
    /// Counters and times of the launch, since dyld-1376.
    pub const METRICS: &str = "metr";
    /// Translated images, under Rosetta.
    pub const AOT_IMAGES: &str = "aots";
    /// What the process says of its shared cache.
    pub const SHARED_CACHE: &str = "dsc1";
    /// CPU type; declared by dyld, not seen in any record.
    pub const CPU_TYPE: &str = "cput";

    /// All of the above that are read.
    pub const ALL: [&str; 12] = [
        PID,
        PLATFORM,
        TIMESTAMP,
        STATE,
        IMAGES,
        INITIAL_IMAGE_COUNT,
        FLAGS_WRITTEN,
        FLAGS_READ,
        ENVIRONMENT,
        METRICS,
        AOT_IMAGES,
        SHARED_CACHE,
    ];
}

/// Keys of an image.
pub mod image {
    /// Path of the file on the machine of the process.
    pub const FILE_PATH: &str = "file";
    /// Install name (`LC_ID_DYLIB`).
    pub const INSTALL_NAME: &str = "name";
    /// UUID of the Mach-O, 16 bytes.
    pub const UUID: &str = "uuid";
    /// Where the image lies in the process.
    pub const ADDRESS: &str = "addr";
    /// Where the linker or the cache builder placed it.
    pub const PREFERRED_LOAD_ADDRESS: &str = "padr";
    /// The segments.
    pub const SEGMENTS: &str = "segs";
    /// Flags; 1 = loaded at launch. Declared by dyld, not seen in any record.
    pub const FLAGS: &str = "flag";
    /// CPU type. Declared by dyld, not seen in any record.
    pub const CPU_TYPE: &str = "cput";

    /// All of the above that are read.
    pub const ALL: [&str; 6] = [ADDRESS, PREFERRED_LOAD_ADDRESS, UUID, INSTALL_NAME, FILE_PATH, SEGMENTS];
}

/// Keys of a segment.
pub mod segment {
    /// Name, `__TEXT` and so on. Required.
    pub const NAME: &str = "name";
    /// Unslid address. Required.
    pub const PREFERRED_LOAD_ADDRESS: &str = "padr";
    /// Bytes in memory. Required.
    pub const VM_SIZE: &str = "size";
    /// Bytes in the file; the rest is zero. Required.
    pub const FILE_SIZE: &str = "fsze";
    /// Protection: 1 read, 2 write, 4 execute. Required.
    pub const PERMISSIONS: &str = "perm";
    /// Offset in the file. dyld's own validator does not ask for it.
    pub const FILE_OFFSET: &str = "foff";

    /// All of the above.
    pub const ALL: [&str; 6] = [NAME, PREFERRED_LOAD_ADDRESS, VM_SIZE, FILE_SIZE, PERMISSIONS, FILE_OFFSET];
}

/// Keys of a translated (Rosetta) image. All required.
pub mod aot_image {
    /// Address of the x86_64 image.
    pub const X86_ADDRESS: &str = "xadr";
    /// Address of the translation.
    pub const AOT_ADDRESS: &str = "aadr";
    /// Bytes of the translation.
    pub const AOT_SIZE: &str = "asze";
    /// 32 bytes that name the translation.
    pub const IMAGE_KEY: &str = "ikey";

    /// All of the above.
    pub const ALL: [&str; 4] = [X86_ADDRESS, AOT_ADDRESS, AOT_SIZE, IMAGE_KEY];
}

/// Keys of the process's word on its shared cache.
pub mod cache_reference {
    /// UUID of the cache, 16 bytes. Required.
    pub const UUID: &str = "uuid";
    /// Which images of the cache are in use, a bit each, lowest first. Required.
    pub const BITMAP: &str = "bitm";
    /// Where the cache lies in the process. Required.
    pub const ADDRESS: &str = "addr";
    /// Path of the main cache file. Required.
    pub const FILE_PATH: &str = "file";
    /// Where the translated cache lies, under Rosetta. Up to dyld-1340 the key stands twice; the first is meant.
    pub const AOT_ADDRESS: &str = "aadr";
    /// UUID of the translated cache, since dyld-1376.
    pub const AOT_UUID: &str = "auid";

    /// All of the above.
    pub const ALL: [&str; 6] = [UUID, BITMAP, ADDRESS, FILE_PATH, AOT_ADDRESS, AOT_UUID];
}

/// Keys of a cache in an atlas, below `uuids` and `names` of the root.
pub mod cache {
    /// The root's dictionary of caches by upper-case UUID.
    pub const BY_UUID: &str = "uuids";
    /// The root's dictionary of the same caches by file name.
    pub const BY_NAME: &str = "names";
    /// UUID, 16 bytes. Required.
    pub const UUID: &str = "uuid";
    /// Unslid base address. Required.
    pub const PREFERRED_LOAD_ADDRESS: &str = "padr";
    /// Bytes of address space from the base to the end of the last file. Required.
    pub const VM_SIZE: &str = "size";
    /// Pointer size. Required, and inverted by dyld's builder: 4 for every cache but arm64_32.
    pub const POINTER_SIZE: &str = "psze";
    /// The images. Required.
    pub const IMAGES: &str = "imgs";
    /// The files. Required: dyld's reader needs it, though its validator does not ask.
    pub const SUBCACHES: &str = "dscs";
    /// Name of the local-symbols file. Up to dyld-1340 the key stands twice, the second time as UUID; the first is meant.
    pub const SYMBOL_FILE_NAME: &str = "snme";
    /// UUID of the local-symbols file, since dyld-1376.
    pub const SYMBOL_FILE_UUID: &str = "suid";

    /// All of the above that stand in the dictionary of a cache.
    pub const ALL: [&str; 8] =
        [UUID, PREFERRED_LOAD_ADDRESS, VM_SIZE, POINTER_SIZE, IMAGES, SUBCACHES, SYMBOL_FILE_NAME, SYMBOL_FILE_UUID];
}

/// Keys of one file of a cache. All required.
pub mod subcache {
    /// File name; scavenged records up to dyld-1340 give a suffix only for all but the first.
    pub const NAME: &str = "name";
    /// UUID of the file, 16 bytes.
    pub const UUID: &str = "uuid";
    /// Offset of its memory from the base of the cache.
    pub const VM_OFFSET: &str = "voff";
    /// Bytes of address space.
    pub const VM_SIZE: &str = "size";
    /// Bytes of the file.
    pub const FILE_SIZE: &str = "fsze";
    /// Unslid address.
    pub const PREFERRED_LOAD_ADDRESS: &str = "padr";
    /// The mappings.
    pub const MAPPINGS: &str = "maps";

    /// All of the above.
    pub const ALL: [&str; 7] = [NAME, UUID, VM_OFFSET, VM_SIZE, FILE_SIZE, PREFERRED_LOAD_ADDRESS, MAPPINGS];
}

/// Keys of one mapping of a cache file. All required.
pub mod mapping {
    /// Unslid address.
    pub const PREFERRED_LOAD_ADDRESS: &str = "padr";
    /// Bytes.
    pub const SIZE: &str = "size";
    /// Offset in the file.
    pub const FILE_OFFSET: &str = "foff";
    /// Highest protection: 1 read, 2 write, 4 execute.
    pub const MAX_PROTECTION: &str = "prot";

    /// All of the above.
    pub const ALL: [&str; 4] = [PREFERRED_LOAD_ADDRESS, SIZE, FILE_OFFSET, MAX_PROTECTION];
}

/// The path variables of dyld that a record can hold: (key, name of the variable).
pub const ENVIRONMENT: [(&str, &str); 9] = [
    ("root", "DYLD_ROOT_PATH"),
    ("libp", "DYLD_LIBRARY_PATH"),
    ("fwkp", "DYLD_FRAMEWORK_PATH"),
    ("libf", "DYLD_FALLBACK_LIBRARY_PATH"),
    ("fwkf", "DYLD_FALLBACK_FRAMEWORK_PATH"),
    ("libv", "DYLD_VERSIONED_LIBRARY_PATH"),
    ("fwkv", "DYLD_VERSIONED_FRAMEWORK_PATH"),
    ("istd", "DYLD_INSERT_LIBRARIES"),
    ("isuf", "DYLD_IMAGE_SUFFIX"),
];
